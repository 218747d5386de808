import type { AbortOptions } from '@slipway/digest';
import { type RetryOptions, retrying, type TransferManager, type TransferWatch } from '@slipway/transfer';
import { pushFailure } from '../errors.ts';
import type { BlobSubject, PushEvent } from '../events.ts';
import { abortable } from '../form/waiting.ts';
import { type BlobToPush, distinctBlobs, subjectOf } from '../plan/blob-to-push.ts';
import { BlobAttempts, ensureBlob } from '../presence/ensure-blob.ts';
import type { BlobOutcome, Target } from '../presence/target.ts';
import { isRetryable } from '../upload/retry-rules.ts';
import type { Turns } from './turns.ts';

export interface PushBlobsOptions extends AbortOptions {
  readonly transfers: TransferManager;
  /** How what may succeed later is tried again. */
  readonly retry: Omit<RetryOptions, 'signal' | 'onRetry' | 'isTransient' | 'host'>;
  /** Shared by all pushes of a pusher. */
  readonly turns: Turns;
}

/** What a running transfer tells everyone who waits for it. */
type BlobProgress = Extract<PushEvent, { type: 'blob:progress' | 'blob:retrying' }>;

/**
 * Makes every blob present, several at once, each key once however many pushes want it.
 * Waits in list order: the error reported is that of the first in the list that failed; whatever nobody else waits for is then cancelled.
 *
 * @returns the outcome of each blob, by key
 * @see push-behaviour d.4
 */
export async function pushBlobs(
  blobs: readonly BlobToPush[],
  target: Target,
  options: PushBlobsOptions,
): Promise<Map<string, BlobOutcome>> {
  const distinct = distinctBlobs(blobs);
  for (const blob of distinct) target.emit({ type: 'blob:preparing', blob: subjectOf(blob, target.destination) });
  const watches = distinct.map((blob) => watchBlob(blob, target, options));
  try {
    const outcomes = new Map<string, BlobOutcome>();
    for (const [at, blob] of distinct.entries()) {
      const watch = watches[at];
      if (watch === undefined) throw new Error('unreachable: one watch a blob');
      outcomes.set(blob.key, await watch.outcome);
    }
    return outcomes;
  } finally {
    await Promise.all(watches.map((watch) => watch.release()));
  }
}

/** A caller's interest in one blob of one repository. */
interface BlobWatch {
  readonly outcome: Promise<BlobOutcome>;
  release(): Promise<void>;
}

function watchBlob(blob: BlobToPush, target: Target, options: PushBlobsOptions): BlobWatch {
  const { turns, signal } = options;
  const subject = subjectOf(blob, target.destination);
  let watch: TransferWatch<BlobOutcome> | undefined;
  let isLeft = false;
  const outcome = turns.take(`${target.repository.registry} ${transferName(blob)}`, target.name, async (before) => {
    if (before !== undefined) {
      target.emit({ type: 'blob:waiting', blob: subject });
      await abortable(before, signal);
    }
    if (isLeft) throw new Error('unreachable: nobody waits for a blob that was let go');
    watch = beginTransfer(blob, subject, target, options);
    const settled = await watch.result;
    // Also what another push did counts as present here.
    if (settled.kind !== 'skipped') target.present.set(blob.key, settled.identity);
    target.emit(outcomeEvent(subject, settled));
    return settled;
  });
  outcome.catch(() => {}); // heard of in list order
  return {
    outcome,
    async release() {
      isLeft = true;
      await watch?.release();
    },
  };
}

function beginTransfer(
  blob: BlobToPush,
  subject: BlobSubject,
  target: Target,
  { transfers, retry, signal }: PushBlobsOptions,
): TransferWatch<BlobOutcome> {
  return transfers.transfer<BlobOutcome, BlobProgress>(
    {
      key: `v2push:${target.name} ${transferName(blob)}`,
      host: target.repository.registry,
      size: blob.sizeHint,
      run: ({ signal, report }) => runBlob(blob, subject, target, { retry, signal, report }),
    },
    {
      signal,
      onProgress: (event) => target.emit(event),
      onWaiting: () => target.emit({ type: 'blob:waiting', blob: subject }),
    },
  );
}

/** Tells equal work from different: the same layer in two forms is two. */
function transferName(blob: BlobToPush): string {
  return blob.form?.recipe === undefined ? blob.key : `${blob.key} ${blob.form.recipe}`;
}

async function runBlob(
  blob: BlobToPush,
  subject: BlobSubject,
  target: Target,
  {
    retry,
    signal,
    report,
  }: {
    readonly retry: PushBlobsOptions['retry'];
    readonly signal: AbortSignal;
    readonly report: (event: BlobProgress) => void;
  },
): Promise<BlobOutcome> {
  const state = new BlobAttempts();
  const { role } = blob;
  try {
    return await retrying(
      ({ progressed }) =>
        ensureBlob(blob, target, {
          attempts: state,
          signal,
          onProgress: (progress) => report({ type: 'blob:progress', blob: subject, ...progress }),
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
