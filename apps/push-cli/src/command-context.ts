import type { Readable, Writable } from 'node:stream';
import type { Environment } from './environment.ts';
import type { ExitCode } from './failure/exit-code.ts';

/** A stream that may be a terminal. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** What every command works with; tests pass their own. */
export interface CommandContext {
  readonly environment: Environment;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  /** Carries the result and only the result. */
  readonly stdout: OutputStream;
  /** Carries everything else. */
  readonly stderr: OutputStream;
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The exit code of a command that ended without throwing. @default 0 */
  exitCode: ExitCode;
  /** A command that owns the terminal (progress, a prompt) says here how to give it back at once. */
  onForcedExit: (() => void) | undefined;
  /** Told at the first Ctrl-C, instead of the line that is printed by default. */
  onInterrupted: (() => void) | undefined;
}
