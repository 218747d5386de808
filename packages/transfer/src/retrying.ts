import {
  ArgumentRangeError,
  aFunction,
  aNumber,
  anObject,
  aSignal,
  aString,
  assertArgument,
  assertOptions,
  surviving,
} from '@slipway/arguments';
import { type Backoff, staggeredBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { DoNotRetry, TransferError } from './errors.ts';
import type { HostBackoff } from './host-backoff.ts';
import { retryDefaults } from './options.ts';

/** What one attempt is told, and may tell. */
export interface AttemptContext {
  /** 1 for the first attempt, and again for the first one after progress and a failure. */
  readonly attempt: number;
  /**
   * Says that the other side has acknowledged bytes: the next failure counts as the first. With a total given, only one
   * beyond all earlier totals counts, so that a session which begins again from zero cannot go on for ever.
   */
  progressed(acknowledged?: number): void;
}

/** A wait between two attempts, told once a second. */
export interface RetryNotice {
  /** Attempts that have failed since the last progress; 0 when the wait is another transfer's doing. */
  readonly attempt: number;
  /** Whole seconds left, counting down to 1. */
  readonly seconds: number;
  /** Why there is a wait. */
  readonly cause: Error;
}

/** How often, when and for what something is tried again. */
export interface RetryOptions {
  /** Attempts in all, the first included; counted afresh after progress. @default 5 */
  readonly attempts?: number | undefined;
  /** Ends the waits, and begins no further attempt. One that is under way is ended by the signal that it was given. */
  readonly signal?: AbortSignal | undefined;
  /** Called at once and then once a second while a wait lasts. */
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined;
  /** Whether a failure may be mended by another attempt. @default everything but errors with `transient: false` */
  readonly isTransient?: ((error: Error) => boolean) | undefined;
  /** @default staggeredBackoff */
  readonly backoff?: Backoff | undefined;
  /** Where to note, and to look up, what hosts ask for. Needs `host`. @default nothing is shared */
  readonly hostBackoff?: HostBackoff | undefined;
  /** Host and port that the attempts go to. */
  readonly host?: string | undefined;
  /** Milliseconds; who asks for a longer wait by `retryAfterMs` is not waited for at all. @default 600000 (10 min) */
  readonly longestWaitMs?: number | undefined;
  /** @default the machine's clock */
  readonly clock?: Clock | undefined;
  /** From 0 up to, but not including, 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** Spread over this much, those whom one host has sent away do not come back in the same instant. */
const retryAfterSpreadMs = 1_000;

const retryKinds = {
  attempts: aNumber,
  signal: aSignal,
  onRetry: aFunction,
  isTransient: aFunction,
  backoff: aFunction,
  hostBackoff: anObject,
  host: aString,
  longestWaitMs: aNumber,
  clock: anObject,
  random: aFunction,
};

/**
 * Runs `run` until it succeeds, fails for good or has used its attempts.
 *
 * A failure is final when it is a {@link DoNotRetry} (then the error within it is thrown), when `transient` is `false`,
 * or when the signal has aborted. A `retryAfterMs` of the error replaces the schedule: never sooner, at most 1 s later.
 * The slot is kept while waiting, so that no other transfer hits the same failing host.
 *
 * @throws the failure itself, when it is final or `attempts` is 1
 * @throws {TransferError} `ERR_RETRIES_EXHAUSTED`, with the last failure as `cause`, when the attempts are used up
 * @throws {TransferError} `ERR_TRANSFER_CANCELLED`, `upload cancelled during retry delay`, when the transfer was
 * cancelled in a wait
 * @throws the reason of `signal`, unwrapped, when it aborts in a wait and is the caller's own
 * @throws {RangeError} when `attempts` is not a whole number from 1 up
 */
export async function retrying<T>(
  run: (context: AttemptContext) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  assertArgument('run', run, aFunction);
  assertOptions('options', options, { optional: retryKinds });
  const { signal, isTransient = isTransientByDefault } = options;
  const attempts = options.attempts ?? retryDefaults.attempts;
  if (!(Number.isSafeInteger(attempts) && attempts > 0)) {
    throw new ArgumentRangeError('attempts', `Expected \`attempts\` to be a whole number from 1 up, got ${attempts}`);
  }
  const waits = new Waits(options);
  let failures = 0;
  let furthest = 0;

  for (;;) {
    signal?.throwIfAborted();
    await waits.waitForHost(failures);
    const progressed = (acknowledged?: number): void => {
      if (acknowledged !== undefined && acknowledged <= furthest) return;
      furthest = acknowledged ?? furthest;
      failures = 0;
      waits.totalMs = 0;
    };
    let cause: Error;
    try {
      return await run({ attempt: failures + 1, progressed });
    } catch (thrown) {
      if (thrown instanceof DoNotRetry) throw thrown.cause;
      if (signal?.aborted || !(thrown instanceof Error) || !isTransient(thrown)) throw thrown;
      cause = thrown;
    }

    failures += 1;
    const retryAfterMs = retryAfterOf(cause);
    if (retryAfterMs !== undefined) waits.holdHost(retryAfterMs, cause);
    if (failures >= attempts) throw attempts === 1 ? cause : exhausted(cause, failures, '');
    waits.assertBearable(retryAfterMs, { attempt: failures, cause });
    await waits.wait(waits.next(failures, attempts, retryAfterMs), { attempt: failures, cause });
  }
}

/** What a wait is told as. */
type Subject = Omit<RetryNotice, 'seconds'>;

/** The waits of one `retrying`. */
class Waits {
  /** Milliseconds waited since the last progress. */
  totalMs = 0;
  readonly #options: RetryOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onRetry: RetryOptions['onRetry'];

  constructor(options: RetryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? retryDefaults.clock;
    this.#random = options.random ?? Math.random;
    this.#onRetry = surviving('onRetry', options.onRetry);
  }

  next(attempt: number, attempts: number, retryAfterMs: number | undefined): number {
    if (retryAfterMs !== undefined) return this.#spread(retryAfterMs);
    const backoff = this.#options.backoff ?? staggeredBackoff;
    return backoff({ attempt, attempts, waitedMs: this.totalMs, random: this.#random });
  }

  holdHost(delayMs: number, cause: Error): void {
    const { hostBackoff, host } = this.#options;
    if (host !== undefined) hostBackoff?.hold(host, delayMs, cause);
  }

  /** Waits while the host wants to be left alone, be it on account of another transfer. */
  async waitForHost(attempt: number): Promise<void> {
    const { hostBackoff, host } = this.#options;
    if (!hostBackoff || host === undefined) return;
    for (let held = hostBackoff.waitFor(host); held; held = hostBackoff.waitFor(host)) {
      this.assertBearable(held.delayMs, { attempt, cause: held.cause });
      await this.wait(this.#spread(held.delayMs), { attempt, cause: held.cause });
    }
  }

  assertBearable(delayMs: number | undefined, { attempt, cause }: Subject): void {
    const longestMs = this.#options.longestWaitMs ?? retryDefaults.longestWaitMs;
    if (delayMs === undefined || delayMs <= longestMs) return;
    throw exhausted(cause, attempt, `: asked to wait ${seconds(delayMs)} s, longer than ${seconds(longestMs)} s`);
  }

  /** Waits, telling the whole seconds left. */
  async wait(delayMs: number, subject: Subject): Promise<void> {
    const { signal } = this.#options;
    this.totalMs += delayMs;
    const end = this.#clock.now() + delayMs;
    for (let left = Math.max(1, seconds(delayMs)); left > 0; left -= 1) {
      this.#onRetry?.({ ...subject, seconds: left });
      const untilNextMs = end - (left - 1) * 1_000 - this.#clock.now();
      try {
        await this.#clock.sleep(Math.max(0, untilNextMs), { signal });
      } catch (reason) {
        throw isTransferCancelled(reason) ? cancelledWhileWaiting(reason) : reason;
      }
    }
  }

  #spread(delayMs: number): number {
    return delayMs + this.#random() * retryAfterSpreadMs;
  }
}

function isTransientByDefault(error: Error): boolean {
  return !('transient' in error && error.transient === false);
}

/** The wait that an error asks for: its own word, not its cause's. */
function retryAfterOf(error: Error): number | undefined {
  if (!('retryAfterMs' in error && typeof error.retryAfterMs === 'number')) return undefined;
  return error.retryAfterMs >= 0 ? error.retryAfterMs : undefined;
}

function isTransferCancelled(reason: unknown): boolean {
  return reason instanceof TransferError && reason.code === 'ERR_TRANSFER_CANCELLED';
}

function cancelledWhileWaiting(cause: unknown): TransferError {
  return new TransferError('ERR_TRANSFER_CANCELLED', 'upload cancelled during retry delay', { cause });
}

function exhausted(cause: Error, attempts: number, why: string): TransferError {
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return new TransferError('ERR_RETRIES_EXHAUSTED', `${cause.message} (gave up after ${times}${why})`, {
    cause,
    attempts,
  });
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
