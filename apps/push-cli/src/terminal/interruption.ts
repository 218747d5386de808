import { CliError } from '../errors.ts';
import { exitCodes } from '../failure/exit-code.ts';

/** The part of `process` that tells of signals and can end the program. */
export interface SignalHost {
  on(name: NodeJS.Signals, listener: () => void): unknown;
  off(name: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
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
  const end = (): void => {
    onForced?.();
    host.exit(exitCodes.interrupted);
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
    [Symbol.dispose]() {
      clearTimeout(grace);
      for (const name of signals) host.off(name, hear);
    },
  };
}
