import { CliError } from '../errors.ts';
import { exitCodes } from '../failure/exit-code.ts';

/** The part of `process` that tells of signals and can end the program. */
export interface SignalHost {
  on(name: NodeJS.Signals, listener: () => void): unknown;
  off(name: NodeJS.Signals, listener: () => void): unknown;
  removeAllListeners(name: NodeJS.Signals): unknown;
  exit(code: number): void;
  readonly pid: number;
  kill(pid: number, name: NodeJS.Signals): unknown;
  /** Kinds of what the process waits for. */
  getActiveResourcesInfo(): readonly string[];
}

export interface InterruptionOptions {
  /** Told once, at the first signal. */
  readonly onFirst: () => void;
  /** Runs right before the program is ended by force: the terminal must not stay without its cursor. */
  readonly onForced?: (() => void) | undefined;
  /** How long the clean-up after the first signal may take, in milliseconds. @default 10_000 */
  readonly graceMs?: number | undefined;
}

/** Turns signals into an abort, and a second one, or a clean-up that hangs, into the end. */
export interface Interruption extends Disposable {
  /** Aborts at the first signal, with a {@link CliError} `ERR_CLI_INTERRUPTED` as its reason. */
  readonly signal: AbortSignal;
}

const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Listens for Ctrl-C (SIGINT), SIGTERM and SIGHUP until it is disposed. */
export function listenForInterruption(host: SignalHost, options: InterruptionOptions): Interruption {
  const { onFirst, onForced, graceMs = 10_000 } = options;
  const controller = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const stopListening = (): void => {
    clearTimeout(grace);
    for (const name of signals) host.off(name, hear);
  };
  const end = (): void => {
    onForced?.();
    stopListening(); // a third signal ends what hangs even in its end
    endNow(host, stuckAfterMs);
  };
  const hear = (): void => {
    if (controller.signal.aborted) {
      end();
      return;
    }
    grace = setTimeout(end, graceMs).unref();
    onFirst();
    controller.abort(new CliError('ERR_CLI_INTERRUPTED', 'Interrupted'));
  };
  for (const name of signals) host.on(name, hear);
  return {
    signal: controller.signal,
    [Symbol.dispose]: stopListening,
  };
}

/** What a file or a name look-up may take that has been given up: longer, and its thread is stuck. */
const stuckAfterMs = 200;
const lookAgainMs = 10;

/**
 * Ends the process with its exit code. Node waits for its threads at the end: for one that asked something of a disk
 * that hangs, until the disk answers. Only a signal ends it sooner: Ctrl-C's own, by which a shell shows the same code.
 */
function endNow(host: SignalHost, leftMs: number): void {
  if (!host.getActiveResourcesInfo().some((kind) => threadWork.test(kind))) host.exit(exitCodes.interrupted);
  else if (leftMs > 0) setTimeout(() => endNow(host, leftMs - lookAgainMs), lookAgainMs);
  else {
    host.removeAllListeners('SIGINT');
    host.kill(host.pid, 'SIGINT');
  }
}

/** Files, and look-ups of names. */
const threadWork = /^(?:FSReq|FileHandle|GetAddrInfo|GetNameInfo)/;
