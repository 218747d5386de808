import type { Redis } from 'ioredis';
import { RequestError } from '../../../errors.ts';
import { inTime } from '../../../in-time.ts';

/** Whether Redis answers and takes writes, and how long people wait to hear that it does not. */
export interface RedisHealth extends Disposable {
  /** What is wrong with it, in a sentence: it does not answer, or answers and refuses what is written. */
  readonly fault: string | undefined;
  /**
   * Asks something of Redis while there is time. Once an answer has not come in time, all further calls are refused at
   * once until Redis answers again.
   *
   * @param subject what is read or written, roughly: what is refused for one may go well for another, and is a `fault`
   *   until it goes well
   * @throws {RedisUnavailable} also where Redis answers that it will not do it
   */
  read<T>(subject: string, work: () => Promise<T>): Promise<T>;
  /**
   * The same for what changes something.
   *
   * @param work gets the moment, by the clock of Redis in milliseconds, after which nothing may be written any more
   * @throws {RedisUnavailable}
   */
  write<T>(subject: string, work: (deadline: number) => Promise<T>): Promise<T>;
}

export interface RedisHealthOptions {
  /** How long an answer may take. @default 1500 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds, only ever going up. @default performance.now */
  readonly now?: (() => number) | undefined;
  /** A key of one's own: what Redis makes of a write is tried with it. @default slipway:probe */
  readonly probeKey?: string | undefined;
  /** Tries whether a new connection leads to a Redis that takes writes, where this one has become a replica. */
  readonly renew?: ((tryWrite: (fresh: Redis) => Promise<unknown>) => Promise<void>) | undefined;
  /** Told of each change of `fault`. */
  readonly onChange?: ((fault: string | undefined) => void) | undefined;
}

const probeMs = 500;
const silence = 'Redis does not answer';
/** As those do who write: with a script, and in little memory. */
const probeScript = `redis.call('SET', KEYS[1], '', 'PX', 1000)`;

/** Watches a connection that fails at once when it is broken: neither queues commands nor sends them again. */
export async function watchRedis(
  redis: Redis,
  {
    timeoutMs = 1_500,
    now = () => performance.now(),
    probeKey = 'slipway:probe',
    renew = async () => {},
    onChange = () => {},
  }: RedisHealthOptions = {},
): Promise<RedisHealth> {
  const tooLate = (): TooLate => new TooLate(`no answer within ${timeoutMs} ms`);
  /** What to add to this process's clock for that of Redis. */
  let offsetMs = 0;
  /** What is wrong with all of it. */
  let fault: string | undefined;
  /** Refusals of one key or command, by what was written. */
  const partial = new Map<string, string>();
  let told: string | undefined;
  let probe: NodeJS.Timeout | undefined;

  const askTime = async (): Promise<void> => {
    const asked = now();
    const [seconds = 0, micros = 0] = await inTime(redis.time(), timeoutMs, tooLate);
    // As if the answer had taken no time: the deadlines that follow are early rather than late.
    offsetMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) - Math.ceil(now() - asked) - asked;
  };
  const faultNow = (): string | undefined => fault ?? partial.values().next().value;
  const changed = (): void => {
    const telling = faultNow();
    if (telling === told) return;
    told = telling;
    onChange(telling);
  };
  const set = (value: string | undefined): void => {
    fault = value;
    changed();
  };
  /** Looks again and again, until Redis answers and takes a write. */
  const look = (): void => {
    if (probe !== undefined) return; // however often it fails meanwhile
    probe = setTimeout(() => {
      probe = undefined;
      void tryWrite();
    }, probeMs);
    probe.unref();
  };
  const failed = (error: unknown): void => {
    set(isRefusal(error) ? refusalText(error) : silence);
    look();
  };
  const writeTo = (one: Redis): Promise<unknown> => inTime(one.eval(probeScript, 1, probeKey), timeoutMs, tooLate);
  const tryWrite = async (): Promise<void> => {
    try {
      await askTime();
      await writeTo(redis);
      set(undefined);
    } catch (error) {
      if (isRefusal(error) && refusalOf(error).startsWith('READONLY ')) await renew(writeTo).catch(() => {});
      failed(error);
    }
  };
  const onClose = (): void => {
    set(silence);
    look();
  };
  const onReady = (): void => void tryWrite();
  redis.on('close', onClose);
  redis.on('ready', onReady);
  await askTime();

  const ask = async <T>(work: (deadline: number) => Promise<T>): Promise<T> => {
    if (fault === silence) throw unavailable();
    try {
      return await inTime(work(now() + offsetMs + timeoutMs), timeoutMs, tooLate);
    } catch (error) {
      if (isRefusal(error)) throw refused(error);
      if (!isOutage(error)) throw error;
      failed(error);
      throw unavailable(error);
    }
  };
  const call = async <T>(what: string, work: (deadline: number) => Promise<T>): Promise<T> => {
    try {
      const result = await ask(work);
      if (partial.delete(what)) changed();
      return result;
    } catch (error) {
      const { cause } = error as Error;
      if (!isRefusal(cause)) throw error;
      if (concernsAll(cause)) failed(cause);
      else {
        partial.set(what, refusalText(cause));
        changed();
      }
      throw error;
    }
  };
  return {
    get fault() {
      return faultNow();
    },
    read: (subject, work) => call(`read ${subject}`, work),
    write: (subject, work) => call(`write ${subject}`, work),
    [Symbol.dispose]() {
      clearTimeout(probe);
      redis.off('close', onClose);
      redis.off('ready', onReady);
    },
  };
}

/** Redis did not answer, in time or at all; or it answered that it will not do what was asked. */
export class RedisUnavailable extends RequestError {
  override name = 'RedisUnavailable';
}

function unavailable(cause?: unknown): RedisUnavailable {
  return new RedisUnavailable(503, `${silence}: push jobs cannot be read or taken just now`, { cause });
}

function refused(cause: Error): RedisUnavailable {
  return new RedisUnavailable(503, `${refusalText(cause)}: push jobs cannot be changed or taken just now`, { cause });
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

/** Redis answered, and what it answered is an error: it is full, a replica, or this user may not. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError' && !isOutage(error);
}

/** What Redis says, without where in a script it came up. */
function refusalOf({ message }: Error): string {
  return message.replace(/^ERR Error running script.*?: -(?=[A-Z]+ )/s, '').replace(/\.? script: .*$/s, '');
}

function refusalText(error: Error): string {
  return `Redis refuses: ${refusalOf(error)}`;
}

/** Refusals that any write would get: full, a replica, no disk, too few replicas. */
function concernsAll(error: Error): boolean {
  return /^(?:OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN) /.test(refusalOf(error));
}
