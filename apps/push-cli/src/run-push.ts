import type { ImageSource } from '@slipway/image-source';
import type { PushAllOptions, PushDelivery, PushResult } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { CommandContext } from './command-context.ts';
import { parseDestinations } from './destinations.ts';
import { openEngine } from './engine.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { noteDigests } from './note-digests.ts';
import { printable } from './printable.ts';
import { openProgress } from './progress/open-progress.ts';
import { type Progress, systemClock } from './progress/progress.ts';
import { type RawPushOptions, type ResolvedPushOptions, resolvePushOptions } from './push-options.ts';
import { isOlder, pushRepository, repositorySource } from './push-repository.ts';
import { noteFacts } from './registry-facts.ts';
import { failureRecord, resultLine, resultRecord, writeDigestFile } from './results.ts';
import { type Selection, selectAllTags, selectOne } from './select-items.ts';
import { writeResults } from './write-results.ts';

/** Pushes one source to its destinations, tells how it goes, prints the results, sets the exit code. */
export async function runPush(
  source: string,
  destinations: readonly string[],
  raw: RawPushOptions,
  context: CommandContext,
): Promise<void> {
  const options = resolvePushOptions(source, raw);
  const references = parseDestinations(destinations, options.allTags === true);
  using progress = openProgress(options.progress, { ...context, verbose: options.verbose, isQuiet: options.quiet });
  context.onInterrupted = () => progress.print('slipway: stopping at a safe point; press Ctrl-C again to end at once');
  context.onForcedExit = () => progress[Symbol.dispose]();
  let results: readonly PushResult[] | undefined;
  try {
    results = await pushAll(source, references, options, progress, context);
    await report(results, options, progress, context);
  } catch (error) {
    if (options.json === true && results === undefined) {
      for (const reference of references) printRecord(failureRecord(reference, error), context);
    }
    if (context.signal.aborted) throw error;
    progress[Symbol.dispose]();
    progress.fail(error);
    if (context.exitCode === exitCodes.pushed) context.exitCode = exitCodeOf(error);
  }
}

async function pushAll(
  sourceText: string,
  references: readonly Reference[],
  options: ResolvedPushOptions,
  progress: Progress,
  context: CommandContext,
): Promise<readonly PushResult[]> {
  const { signal } = context;
  await using engine = await openEngine(options, references, { context, progress });
  const push = async (
    deliveries: readonly PushDelivery[],
    onDelivered?: PushAllOptions['onDelivered'],
  ): Promise<readonly PushResult[]> => {
    const delivered = await engine.pusher.pushAll(deliveries, {
      signal,
      format: options.format,
      protocol: options.protocol,
      requireSchema2: !context.environment.allowsSchema1,
      compression: options.compression,
      recompress: options.recompress,
      verify: options.verify,
      platform: options.platform,
      dryRun: options.dryRun,
      learn: options.learn,
      learnFrom: options.learnFrom,
      force: options.force,
      onEvent: (event) => progress.onEvent(event),
      onDelivered,
    });
    return delivered.flat();
  };
  const repository = options.allTags === true ? repositorySource(sourceText) : undefined;
  if (repository !== undefined) {
    return await pushRepository(repository, references, options, {
      engine,
      context,
      warn: (message) => progress.warn(message),
      push,
      onUnchanged: ({ reference, ...manifest }) => {
        const destination = `${reference.registry}/${reference.repository}`;
        progress.onEvent({ type: 'manifest:pushed', destination, tag: reference.tag, ...manifest });
      },
    });
  }
  const source = await engine.openSource(sourceText);
  const deliveries = await Promise.all(
    choose(source, references, options, { context, progress }).map(async ({ item, references: wanted }) => ({
      item,
      destinations: await Promise.all(wanted.map((reference) => engine.destinationOf(reference))),
    })),
  );
  return await push(deliveries, async (results, index) => {
    const { item } = deliveries[index]!;
    await noteDigests(source, item, results, options, { context, warn: (message) => progress.warn(message) });
    for (const result of results) {
      if (!result.ok && !isOfSource(result.error)) noteFacts(result.error, await engine.factsOf(result.reference));
    }
  });
}

function isOfSource(error: unknown): boolean {
  return (error as { readonly origin?: unknown }).origin === 'source';
}

/** What goes where. Tags that no registry takes are told before anything is sent, and make the run fail. */
function choose(
  source: ImageSource,
  references: readonly Reference[],
  options: ResolvedPushOptions,
  { context, progress }: { readonly context: CommandContext; readonly progress: Progress },
): readonly Selection[] {
  if (options.allTags !== true) return selectOne(source, references, { platform: options.platform });
  const { into, tags: pattern, newerThan } = options;
  const { selections, refused } = selectAllTags(source, references, { into, pattern });
  for (const { tag } of refused) {
    progress.warn(
      `no registry takes the tag ${JSON.stringify(tag)}: it is left out, and the push will count as failed`,
    );
  }
  if (refused.length > 0) context.exitCode = exitCodes.failed;
  if (newerThan === undefined) return selections;
  return selections.filter(({ item }) => !isOlder({ items: [item] }, newerThan));
}

async function report(
  results: readonly PushResult[],
  options: ResolvedPushOptions,
  progress: Progress,
  context: CommandContext,
): Promise<void> {
  progress[Symbol.dispose]();
  const pushed = results.filter((result) => result.ok);
  if (pushed.length > 0) progress.summarize(systemClock.now());
  for (const result of results) {
    if (!result.ok) progress.fail(result.error, results.length > 1 ? nameOf(result.reference) : undefined);
  }
  const failure = results.find((result) => !result.ok);
  if (failure !== undefined) context.exitCode = exitCodeOf(failure.error);
  else if (options.digestFile !== undefined && options.dryRun !== true)
    await writeDigestFile(options.digestFile, pushed);
  const lines =
    options.json === true ? results.map((result) => JSON.stringify(resultRecord(result))) : pushed.map(resultLine);
  await writeResults(lines, pushed.map(resultLine), context);
}

function nameOf({ registry, repository, tag }: Reference): string {
  return printable(`${registry}/${repository}${tag === undefined ? '' : `:${tag}`}`);
}

function printRecord(record: Readonly<Record<string, unknown>>, { stdout }: CommandContext): void {
  stdout.write(`${JSON.stringify(record)}\n`);
}
