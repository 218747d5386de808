import type { Redis } from 'ioredis';
import { RequestError } from '../../../errors.ts';
import { inTime } from '../../../in-time.ts';

/** Whether Redis answers, and how long people wait to hear that it does not. */
export interface RedisHealth extends Disposable {
  readonly isUp: boolean;
  /**
   * Does something with Redis while there is time. Once an answer has not come in time, all further calls are refused
   * at once until Redis answers again.
   *
   * @param work gets the moment, by the clock of Redis in milliseconds, after which nothing may be written any more
   * @throws {RequestError} 503
   */
  call<T>(work: (deadline: number) => Promise<T>): Promise<T>;
}

export interface RedisHealthOptions {
  /** How long an answer may take. @default 1500 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds, only ever going up. @default performance.now */
  readonly now?: (() => number) | undefined;
  /** Told of each change. */
  readonly onChange?: ((isUp: boolean) => void) | undefined;
}

const probeMs = 500;

/** Watches a connection that fails at once when it is broken: neither queues commands nor sends them again. */
export async function watchRedis(
  redis: Redis,
  { timeoutMs = 1_500, now = () => performance.now(), onChange = () => {} }: RedisHealthOptions = {},
): Promise<RedisHealth> {
  const tooLate = (): TooLate => new TooLate(`no answer within ${timeoutMs} ms`);
  /** What to add to this process's clock for that of Redis. */
  let offsetMs = 0;
  let isUp = true;
  let probe: NodeJS.Timeout | undefined;

  const ask = async (): Promise<void> => {
    const asked = now();
    const [seconds = 0, micros = 0] = await inTime(redis.time(), timeoutMs, tooLate);
    // As if the answer had taken no time: the deadlines that follow are early rather than late.
    offsetMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) - Math.ceil(now() - asked) - asked;
  };
  const set = (value: boolean): void => {
    if (isUp === value) return;
    isUp = value;
    onChange(value);
  };
  const look = (): void => {
    clearTimeout(probe);
    probe = setTimeout(
      () =>
        void ask().then(
          () => set(true),
          () => look(),
        ),
      probeMs,
    );
    probe.unref();
  };
  const down = (): void => {
    set(false);
    look();
  };
  const onClose = (): void => down();
  const onReady = (): void => void ask().then(() => set(true), down);
  redis.on('close', onClose);
  redis.on('ready', onReady);
  await ask();

  return {
    get isUp() {
      return isUp;
    },
    async call(work) {
      if (!isUp) throw unavailable();
      try {
        return await inTime(work(now() + offsetMs + timeoutMs), timeoutMs, tooLate);
      } catch (error) {
        if (!isOutage(error)) throw error;
        down();
        throw unavailable(error);
      }
    },
    [Symbol.dispose]() {
      clearTimeout(probe);
      redis.off('close', onClose);
      redis.off('ready', onReady);
    },
  };
}

/** Redis did not answer, in time or at all. */
export class RedisUnavailable extends RequestError {
  override name = 'RedisUnavailable';
}

function unavailable(cause?: unknown): RedisUnavailable {
  return new RedisUnavailable(503, 'Redis does not answer: push jobs cannot be read or taken just now', { cause });
}

class TooLate extends Error {}

/** What ioredis says of a connection that is not there, or broke while it waited. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error instanceof TooLate ||
    ('code' in error && typeof error.code === 'string') ||
    /^(Connection is closed|Stream isn't writeable|Command timed out|Reached the max retries|(?:LOADING|BUSY) )/.test(
      error.message,
    )
  );
}
