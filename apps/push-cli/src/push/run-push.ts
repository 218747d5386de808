import { assertPushSettings, type Client, type PushReport, type PushRequest, parseDestinations } from '@slipway/client';
import { readOptions } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import type { Reference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { credentialLine } from '../failure/credential-line.ts';
import { exitCodeOf, exitCodes } from '../failure/exit-code.ts';
import { openClient } from '../open-client.ts';
import { openProgress } from '../progress/open-progress.ts';
import { type Progress, systemClock } from '../progress/progress.ts';
import { assertDigestFile, resultLine, resultRecord, unfinishedRecord, writeDigestFile } from '../results/results.ts';
import { writeResults } from '../results/write-results.ts';
import { ask } from '../terminal/prompt.ts';
import { FinishedResults } from './finished-results.ts';
import { type DeliveryFlags, type PushFlags, readPushFlags } from './push-flags.ts';
import { preparedForMany } from './runtime-for-many.ts';
import { typedCredentials } from './typed-credentials.ts';

/** Pushes one source to its destinations, tells how it goes, prints the results, sets the exit code. */
export async function runPush(
  source: string,
  destinations: readonly string[],
  given: PushFlags,
  context: CommandContext,
): Promise<void> {
  const flags = readPushFlags(source, given);
  assertPushSettings(flags);
  const references = parseDestinations(destinations, { allTags: flags.allTags, digests: true });
  await deliver(references, flags, context, (client, events) =>
    client.pushSettled({ ...readOptions('push', flags), ...events, source, to: references }),
  );
}

/** Lets a client push something, tells how it goes, prints the results, sets the exit code. */
export async function deliver(
  references: readonly Reference[],
  flags: DeliveryFlags & Pick<PushFlags, 'signKey'>,
  context: CommandContext,
  push: (client: Client, events: Pick<PushRequest, 'signal' | 'onEvent'>) => Promise<PushReport>,
): Promise<void> {
  using progress = openProgress(flags.progress, { ...context, verbose: flags.verbose, isQuiet: flags.quiet });
  context.onInterrupted = () => progress.print('slipway: stopping at a safe point; press Ctrl-C again to end at once');
  context.onForcedExit = () => progress[Symbol.dispose]();
  context.onFailure = (error) => progress.fail(error);
  if (flags.digestFile !== undefined && flags.dryRun !== true) await assertDigestFile(flags.digestFile);
  const credentials = await typedCredentials(flags, references, context);
  await using client = await openClient(flags, context, {
    print: (line) => progress.print(line),
    warn: (message) => progress.warn(message),
    credentials,
    signKeyPassword: keyPasswordPrompt(flags, context),
  });
  if (flags.verbose === true) await printCredentials(client, references, progress);
  const finished = new FinishedResults(references);
  const onEvent = preparedForMany((event) => {
    finished.onEvent(event);
    progress.onEvent(event);
  });
  const report = await push(client, { signal: context.signal, onEvent }).catch(async (error: unknown) => {
    if (context.signal.aborted) await tellFinished(finished, references, { error, flags, context });
    throw error;
  });
  await tell(report, flags, progress, context);
}

interface Interrupted {
  readonly error: unknown;
  readonly flags: DeliveryFlags;
  readonly context: CommandContext;
}

/** Prints what is in place by the time that a push of several is interrupted. */
async function tellFinished(
  finished: FinishedResults,
  references: readonly Reference[],
  { error, flags, context }: Interrupted,
): Promise<void> {
  const found = references.map((reference) => ({ reference, there: finished.at(reference) }));
  const pushed = found.flatMap(({ there }) => there);
  if (pushed.length === 0) return;
  const records = found.flatMap(({ reference, there }) => {
    const isAll = there.length > 0 && (reference.tag ?? reference.digest) !== undefined;
    return [...there.map(resultRecord), ...(isAll ? [] : [unfinishedRecord(reference, error)])];
  });
  const lines = flags.json === true ? records.map((record) => JSON.stringify(record)) : pushed.map(resultLine);
  await writeResults(lines, pushed.map(resultLine), context);
}

/** Asks on the terminal; undefined where there is none, or the image comes from there. */
function keyPasswordPrompt(
  { signKey }: Pick<PushFlags, 'signKey'>,
  context: CommandContext,
): (() => Promise<string>) | undefined {
  if (signKey === undefined || context.stdin.isTTY !== true) return undefined;
  return () => ask(`Password of ${printable(signKey)}: `, context, { secret: true });
}

async function printCredentials(client: Client, references: readonly Reference[], progress: Progress): Promise<void> {
  const facts = await Promise.all(references.map((reference) => client.credentials.factsOf(reference)));
  for (const line of new Set(facts.flatMap((each) => (each === undefined ? [] : credentialLine(each))))) {
    progress.print(line);
  }
}

async function tell(
  { results, refusedTags }: PushReport,
  { json, digestFile, dryRun }: DeliveryFlags,
  progress: Progress,
  context: CommandContext,
): Promise<void> {
  progress[Symbol.dispose]();
  if (refusedTags.length > 0) context.exitCode = exitCodes.failed;
  const pushed = results.filter((result) => result.ok);
  if (pushed.length > 0) progress.summarize(systemClock.now());
  for (const result of results) {
    if (!result.ok) progress.fail(result.error, results.length > 1 ? nameOf(result.reference) : undefined);
  }
  const failure = results.find((result) => !result.ok);
  if (failure !== undefined) context.exitCode = exitCodeOf(failure.error);
  const isWritten = failure === undefined && digestFile !== undefined && dryRun !== true;
  const lost = isWritten ? await failureOf(writeDigestFile(digestFile, pushed)) : undefined;
  const lines = json === true ? results.map((result) => JSON.stringify(resultRecord(result))) : pushed.map(resultLine);
  await writeResults(lines, pushed.map(resultLine), context);
  if (lost !== undefined) throw lost;
}

/** The results are printed all the same. */
async function failureOf(work: Promise<void>): Promise<Error | undefined> {
  return await work.then(
    () => undefined,
    (error: Error) => error,
  );
}

function nameOf({ registry, repository, tag }: Reference): string {
  return printable(`${registry}/${repository}${tag === undefined ? '' : `:${tag}`}`);
}
