import { setTimeout as wait } from 'node:timers/promises';
import { CliError } from '../errors.ts';
import { Silence } from './daemon-exchange.ts';

/** The daemon was not reached, or its answer was lost. */
export class DaemonLoss extends CliError {
  override name = 'DaemonLoss';
  /** The request may have reached it, and what it answered did not come back. */
  readonly isAnswerLost: boolean;

  constructor(name: string, cause: unknown, hint: string = adviceOn(cause)) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super('ERR_CLI_DAEMON_UNREACHABLE', `cannot talk to slipwayd at ${name}: ${code ?? message}`, { cause, hint });
    this.isAnswerLost = cause instanceof Silence || cause instanceof GatewayAnswer || breaks.has(code ?? '');
  }
}

/** What lies before the daemon answered, and did not reach it, or lost it on the way. */
export class GatewayAnswer extends Error {
  override name = 'GatewayAnswer';

  constructor(status: number) {
    super(`a proxy answered ${status} in its place`);
  }

  /** Whether a status is one that proxies answer with while what lies behind them is away. */
  static has(status: number): boolean {
    return status >= 502 && status <= 504;
  }
}

/** A connection that had stood. Whatever else fails has failed before anything was sent, or is no slipwayd. */
const breaks: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);

function adviceOn(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'your user may not open its socket: join the group that owns it';
  if (cause instanceof Silence) {
    return 'the connection stands: look whether the daemon hangs, or what lies on the way lets nothing through';
  }
  if (cause instanceof GatewayAnswer) return 'look whether slipwayd runs behind it, and where it leads to';
  return 'start slipwayd, or name another with --daemon or SLIPWAY_HOST';
}

/** Repetitions of a submission, or of a question, whose answer was lost; after a silence, one. */
const maxRepeats = 4;
const longestPauseMs = 5_000;

/** Sends again what the daemon may have had, and whose answer was lost. */
export async function repeated<T>(send: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let repeats = 0; ; ) {
    try {
      return await send();
    } catch (error) {
      // Once it was lost, a daemon that is not there may be one that is restarted.
      const isLost = error instanceof DaemonLoss && (error.isAnswerLost || repeats > 0);
      if (!isLost || repeats >= maxRepeats) throw error;
      const wasSilent = error.cause instanceof Silence;
      repeats += wasSilent ? maxRepeats : 1;
      if (!wasSilent) await pause(repeats, signal);
    }
  }
}

/** Milliseconds of the first wait. */
const firstPauseMs = 200;

/** Waits twice as long from one time to the next, up to five seconds. @throws the signal's reason */
export async function pause(
  times: number,
  signal: AbortSignal | undefined,
  firstMs: number = firstPauseMs,
): Promise<void> {
  await wait(Math.min(firstMs * 2 ** (times - 1), longestPauseMs), undefined, { signal }).catch(() => {});
  signal?.throwIfAborted();
}
