import { assertNoUser } from '@slipway/client';
import { printable } from '@slipway/client/program';
import { canonicalName, formatReference, parseReference, type Reference } from '@slipway/reference';
import {
  carryOutDeletion,
  type DeletionPlan,
  type DeletionResult,
  planDeletion,
  RegistryError,
  type Repository,
} from '@slipway/registry-client';
import type { CommandContext } from '../command-context.ts';
import { CliError, usageError } from '../errors.ts';
import { exitCodeOf, exitCodes } from '../failure/exit-code.ts';
import { problemLines, problemOf } from '../failure/problem.ts';
import { type ClientFlags, openClient } from '../open-client.ts';
import { warningLine } from '../progress/lines.ts';
import { typedCredentials } from '../push/typed-credentials.ts';
import { ask } from '../terminal/prompt.ts';
import { blobsOf, forgetDeleted } from './forget-deleted.ts';
import { goneLines, planLines } from './plan-lines.ts';
import { patientRepositories, type Repositories } from './repositories.ts';

/** The options of `slipway delete`, as commander hands them over. */
export interface DeleteFlags extends ClientFlags {
  readonly manifest?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly maxTags?: number | undefined;
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** A reference of the command line, and what was found out about it. */
interface Item {
  readonly reference: Reference;
  repository?: Repository;
  plan?: DeletionPlan;
  result?: DeletionResult;
  error?: unknown;
}

/** Says what would go, asks on a terminal, deletes, and prints what is gone. */
export async function deleteReferences(
  texts: readonly string[],
  options: DeleteFlags,
  context: CommandContext,
): Promise<void> {
  const { signal, stdin, stderr } = context;
  const say = (line: string): void => void stderr.write(`${printable(line)}\n`);
  const told = new Set<string>();
  const warn = (message: string): void => {
    if (!told.has(message)) say(warningLine(message));
    told.add(message);
  };
  const items: readonly Item[] = texts.map((text) => ({ reference: parseTarget(text) }));
  const references = items.map(({ reference }) => reference);
  const credentials = await typedCredentials(options, references, context);
  await using client = await openClient(options, context, { print: say, warn, credentials });
  const repositories = patientRepositories(client, { signal, warn });
  for (const item of items) {
    await attempt(item, context, async () => {
      await plan(item, repositories, options, context);
      if (item.plan === undefined) return;
      for (const line of planLines(formatReference(item.reference), item.plan, options)) say(line);
      assertHarmless(item, options);
    });
  }
  const planned = items.filter(({ plan, error }) => plan !== undefined && error === undefined);
  const isAsked = options.dryRun !== true && options.yes !== true && stdin.isTTY === true && planned.length > 0;
  if (isAsked && !(await isConfirmed(planned, context))) {
    for (const item of planned) item.error = new CliError('ERR_CLI_DELETE_REFUSED', 'nothing is deleted');
  } else if (options.dryRun !== true) {
    for (const item of planned) {
      await attempt(item, context, async () => await carryOut(item, repositories, { ...options, warn }, context));
    }
  }
  signal.throwIfAborted();
  report(items, options, context);
}

/** A reference as `slipway inspect` takes it is one here too. */
export function withoutTransport(text: string): string {
  return text.replace(/^docker:\/\//, '');
}

/**
 * @throws {CliError} `ERR_CLI_USAGE` where neither a tag nor a digest says what is to go: `latest` is not guessed here
 */
function parseTarget(text: string): Reference {
  const name = withoutTransport(text);
  assertNoUser(name);
  const reference = parseReference(name);
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  throw usageError(
    `${JSON.stringify(name)} names neither a tag nor a digest, and delete guesses none`,
    `add :TAG or @DIGEST; \`slipway inspect docker://${name}\` lists the tags`,
  );
}

/** Notes a failure with its item; the others go on. */
async function attempt(item: Item, { signal }: CommandContext, work: () => Promise<void>): Promise<void> {
  try {
    signal.throwIfAborted();
    await work();
  } catch (error) {
    item.error = error;
  }
}

async function plan(
  item: Item,
  repositories: Repositories,
  { manifest, maxTags, force }: DeleteFlags,
  { signal }: CommandContext,
): Promise<void> {
  const { reference } = item;
  const repository = await repositories.open(reference);
  const planning = { manifest: manifest ?? reference.tag === undefined, maxTags, signal };
  const found = await repositories.attempt(reference, () => planDeletion(repository, reference, planning));
  item.repository = repository;
  if (found !== undefined) item.plan = found;
  if (item.plan !== undefined || force === true) return;
  throw new CliError('ERR_CLI_NOT_THERE', `There is no ${formatReference(reference)} in the registry`, {
    hint: 'check the repository and the tag; a private repository that you may not read looks the same',
  });
}

/** Keeps what something else needs. */
function assertHarmless({ plan, reference }: Item, { force }: DeleteFlags): void {
  if (plan === undefined || force === true || plan.kind === 'tag') return;
  const name = formatReference(reference);
  if (plan.parents.length > 0) {
    const parents = plan.parents.map(({ tags }) => tags.join(', ')).join(', ');
    throw new CliError('ERR_CLI_DELETE_REFUSED', `${name} is kept: the index ${parents} needs it`, {
      hint: 'delete the index first, or pass --force to break it',
    });
  }
  if (!plan.isComplete) {
    throw new CliError(
      'ERR_CLI_DELETE_REFUSED',
      `${name} is kept: not all tags were looked at, and others may need it`,
      {
        hint: 'look at more with --max-tags, or pass --force',
      },
    );
  }
}

async function isConfirmed(items: readonly Item[], context: CommandContext): Promise<boolean> {
  const tags = new Set(items.flatMap(({ plan, reference }) => goneLines(reference, gone(plan))));
  const answer = await ask(
    `Delete ${tags.size === 1 ? 'it' : `these ${tags.size} tags and manifests`}? [y/N] `,
    context,
  );
  return /^y(?:es)?$/i.test(answer.trim());
}

function gone(plan: DeletionPlan | undefined): DeletionResult {
  if (plan === undefined) return { tags: [], manifest: undefined };
  return { tags: plan.tags, manifest: plan.kind === 'manifest' ? plan.manifest.digest : undefined };
}

async function carryOut(
  item: Item,
  repositories: Repositories,
  { dataDir, warn }: DeleteFlags & { readonly warn: (message: string) => void },
  { signal, environment }: CommandContext,
): Promise<void> {
  const { reference, repository, plan } = item;
  if (repository === undefined || plan === undefined) return;
  const blobs = await blobsOf(repository, plan, { signal }).catch(() => []); // only what is remembered hangs on them
  try {
    item.result = await repositories.attempt(reference, () => carryOutDeletion(repository, plan, { signal }));
  } catch (error) {
    throw explained(error, item);
  }
  if (plan.kind === 'tag' && item.result.manifest !== undefined) {
    warn(`the registry deleted the manifest ${plan.manifest.digest} with the tag ${plan.tags[0]}`);
  }
  if (item.result.manifest === undefined) return;
  const folder = dataDir ?? environment.dataFolder;
  await forgetDeleted(reference, blobs, { folder, warn }).catch((error: unknown) => warn(String(error)));
}

/** Says what could be done about a registry that deletes no tags by themselves. */
function explained(error: unknown, { reference, plan }: Item): unknown {
  const isTag = error instanceof RegistryError && error.operation === 'delete-tag';
  if (!isTag || error.code !== 'ERR_REGISTRY_UNSUPPORTED' || plan === undefined) return error;
  const all = [...plan.tags, ...plan.otherTags];
  const tags = all.length === 1 ? 'this tag alone' : `the tags ${all.join(', ')}`;
  const off = error.status === 405 ? ', if its deletes are switched on (REGISTRY_STORAGE_DELETE_ENABLED=true)' : '';
  const name = formatReference(reference);
  return new CliError('ERR_CLI_DELETE_REFUSED', `${name} is kept: ${reference.registry} cannot delete a tag alone`, {
    cause: error,
    hint: `\`slipway delete --manifest ${name}\` deletes its manifest, with ${tags}${off}`,
  });
}

function report(items: readonly Item[], options: DeleteFlags, context: CommandContext): void {
  const { stdout, stderr } = context;
  const isDry = options.dryRun === true;
  const printed = new Set<string>();
  for (const { reference, plan, result, error } of items) {
    if (error !== undefined) {
      const name = formatReference(reference);
      const isNamed = (error as { readonly message?: string }).message?.startsWith(name) === true;
      const subject = items.length > 1 && !isNamed ? name : undefined;
      stderr.write(`${problemLines(error, { verbose: options.verbose, subject }).join('\n')}\n`);
      if (context.exitCode === exitCodes.pushed) context.exitCode = exitCodeOf(error);
    }
    if (options.json === true) {
      stdout.write(`${JSON.stringify(recordOf({ reference, plan, result, error } as Item, isDry))}\n`);
      continue;
    }
    const lines = error === undefined ? goneLines(reference, isDry ? gone(plan) : (result ?? gone(undefined))) : [];
    for (const line of lines.filter((text) => !printed.has(text))) {
      printed.add(line);
      stdout.write(`${printable(line)}\n`);
    }
  }
}

/** What `--json` prints of a reference. */
function recordOf({ reference, plan, result, error }: Item, dryRun: boolean): Readonly<Record<string, unknown>> {
  return {
    reference: formatReference(reference),
    repository: canonicalName(reference),
    ...(dryRun && { dryRun }),
    ...(plan !== undefined && { plan }),
    ...(result !== undefined && { deleted: { tags: result.tags, manifest: result.manifest } }),
    ...(error !== undefined && { error: problemOf(error) }),
  };
}
