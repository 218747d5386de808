import { inCurrentTrace } from '@slipway/tracing';
import { abortable, retrying } from '@slipway/transfer';
import { answered } from '../../answered.ts';
import { pushFailure } from '../../errors.ts';
import type { BlobSubject, PushEvent } from '../../events.ts';
import { type BlobToPush, distinctBlobs, subjectOf } from '../../plan/blob-to-push.ts';
import { BlobAttempts } from '../../presence/attempts.ts';
import { isSeen } from '../../presence/existence.ts';
import type { BlobOutcome } from '../../presence/outcome.ts';
import type { Target } from '../../presence/target.ts';
import { isRetryable } from '../../upload/retry-rules.ts';
import type { Delivery } from '../delivery.ts';
import { perform } from './perform.ts';
import { type BlobTrace, traceBlob } from './trace-blob.ts';

/**
 * Blobs of one manifest that are begun at once: more than there are slots for transfers, so that each slot has its
 * next, and fewer than images of thousands of layers have, as each that waits takes 14 KB.
 */
const begunAtOnce = 256;

/** From this size on, a blob that waits for its turn first asks whether it has to wait. */
const worthAsking = 100 * 1024;

/** What a running transfer tells everyone who waits for it. */
type BlobProgress = Extract<PushEvent, { type: 'blob:progress' | 'blob:storing' | 'blob:retrying' }>;

/**
 * Makes every blob present, several at once, each key once however many pushes want it. The first failure in time ends
 * the destination's scope, and with it every transfer that nobody else waits for.
 *
 * @returns the outcome of each blob, by key
 */
export async function deliverBlobs(
  blobs: readonly BlobToPush[],
  target: Target,
  delivery: Delivery,
): Promise<Map<string, BlobOutcome>> {
  const distinct = distinctBlobs(blobs);
  for (const blob of distinct) target.emit({ type: 'blob:preparing', blob: subjectOf(blob, target.destination) });
  const works = distinct.map((blob) => () => deliverBlob(blob, target, delivery));
  const outcomes = await delivery.scope.all(works, { atOnce: begunAtOnce });
  return new Map(distinct.map(({ key }, at) => [key, outcomes[at] as BlobOutcome]));
}

async function deliverBlob(blob: BlobToPush, to: Target, delivery: Delivery): Promise<BlobOutcome> {
  const subject = subjectOf(blob, to.destination);
  return await traceBlob(blob, subject, to, async (trace) => await takeTurn(blob, subject, trace, delivery));
}

async function takeTurn(
  blob: BlobToPush,
  subject: BlobSubject,
  trace: BlobTrace,
  delivery: Delivery,
): Promise<BlobOutcome> {
  const { target } = trace;
  const { turns, sharedTurns, scope } = delivery;
  const { signal } = scope;
  const name = transferName(blob);
  const { registry } = target.repository;
  return await turns.take(`${registry} ${name}`, target.name, async (before) => {
    if (before !== undefined) {
      target.emit({ type: 'blob:waiting', blob: subject });
      const there = await seenMeanwhile(blob, target, signal);
      if (there !== undefined) return conclude(blob, subject, target, there);
      await abortable(before, signal);
    }
    signal.throwIfAborted();
    // Before it asks for a slot: who waits for another process takes none, so that no two can wait for each other.
    await using _turn = await answered(
      sharedTurns?.take(
        { registry, repository: target.name, blob: name },
        { signal, onWaiting: () => target.emit({ type: 'blob:waiting', blob: subject }) },
      ),
      signal,
      (turn) => turn?.[Symbol.asyncDispose](),
    );
    const outcome = await transfer(blob, subject, trace, delivery);
    if (sharedTurns !== undefined) await target.memory.settled(); // whoever has the next turn is to know of it
    return conclude(blob, subject, target, outcome);
  });
}

/** Notes what is there now, and tells it. What another push did for this repository counts here too. */
function conclude(blob: BlobToPush, subject: BlobSubject, target: Target, outcome: BlobOutcome): BlobOutcome {
  if (outcome.kind !== 'skipped')
    target.presence.note(blob.key, outcome.identity, outcome.kind === 'pushed' ? 'sent' : 'seen');
  target.emit(outcomeEvent(subject, outcome));
  return outcome;
}

/** A large blob that the repository has already need not wait until another repository has been sent it. */
async function seenMeanwhile(blob: BlobToPush, target: Target, signal: AbortSignal): Promise<BlobOutcome | undefined> {
  const identity = blob.fixed;
  if (identity === undefined || identity.size < worthAsking || !target.presence.believes(identity.digest))
    return undefined;
  if ((await isSeen(identity, target, { signal })) !== true) return undefined;
  target.memory.add(blob, identity);
  return { kind: 'existed', identity, learnt: false };
}

/** Begins the transfer, or joins the one that another push has begun for the same repository. */
async function transfer(
  blob: BlobToPush,
  subject: BlobSubject,
  { target, joined }: BlobTrace,
  delivery: Delivery,
): Promise<BlobOutcome> {
  const { scope, transfers } = delivery;
  // A push that believes nothing does not take another one's look at the registry for its own.
  const purpose = target.presence.believesAnything ? '' : ' anew';
  await using watch = transfers.transfer<BlobOutcome, BlobProgress>(
    {
      key: `v2push:${target.name} ${transferName(blob)}${purpose}`,
      host: target.repository.registry,
      size: () => blob.form?.identity?.size ?? blob.sizeHint,
      // It begins when another transfer ends, in that one's trace.
      run: inCurrentTrace(({ signal, report }) => runBlob(blob, subject, target, delivery, { signal, report })),
    },
    {
      signal: scope.signal,
      onProgress: (event) => target.emit(event),
      onWaiting: () => target.emit({ type: 'blob:waiting', blob: subject }),
    },
  );
  // It reads what is this push's: where others have joined, the push ends when it has ended.
  if (watch.isOwner) scope.hold(watch.done);
  else joined();
  return await watch.result;
}

/** Tells equal work from different: the same layer in two forms is two. */
function transferName(blob: BlobToPush): string {
  return blob.form?.recipe === undefined ? blob.key : `${blob.key} ${blob.form.recipe}`;
}

async function runBlob(
  blob: BlobToPush,
  subject: BlobSubject,
  target: Target,
  { uploader, learn, retry }: Delivery,
  { signal, report }: { readonly signal: AbortSignal; readonly report: (event: BlobProgress) => void },
): Promise<BlobOutcome> {
  await using attempts = new BlobAttempts();
  try {
    return await retrying(
      ({ progressed }) =>
        perform(blob, target, {
          attempts,
          uploader,
          learn,
          signal,
          onProgress: (progress) => report({ type: 'blob:progress', blob: subject, ...progress }),
          onStoring: (seconds) =>
            report({ type: 'blob:storing', blob: subject, registry: target.repository.registry, seconds }),
          onAcknowledged: progressed,
        }),
      {
        ...retry,
        signal,
        host: target.repository.registry,
        isTransient: isRetryable,
        onRetry: ({ attempt, seconds, cause }) =>
          report({ type: 'blob:retrying', blob: subject, attempt, seconds, cause }),
      },
    );
  } catch (error) {
    signal.throwIfAborted();
    const { role } = blob;
    const op = role === 'config' ? 'push config' : role === 'layer' ? 'push layer' : 'push blob';
    const descriptor = blob.fixed ?? blob.form?.identity;
    throw pushFailure(`${blob.id} to ${target.destination}`, { op, origin: 'destination', descriptor, cause: error });
  }
}

function outcomeEvent(blob: BlobSubject, outcome: BlobOutcome): PushEvent {
  switch (outcome.kind) {
    case 'existed':
      return { type: 'blob:existed', blob, ...outcome.identity, learnt: outcome.learnt };
    case 'mounted':
      return { type: 'blob:mounted', blob, ...outcome.identity, from: outcome.from };
    case 'pushed':
      return { type: 'blob:pushed', blob, ...outcome.identity };
    case 'skipped':
      return { type: 'blob:skipped', blob, reason: 'foreign' };
    default:
      return outcome satisfies never;
  }
}
