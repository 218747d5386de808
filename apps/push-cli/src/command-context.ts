import type { Readable, Writable } from 'node:stream';
import type { Environment } from './environment.ts';
import type { ExitCode } from './failure/exit-code.ts';

/** A stream that may be a terminal. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** What names a thing that was asked for: the reference of a destination, the ID of a job. */
export type AskedRecord = Readonly<Record<string, unknown>>;

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
  /** With `--json`, what the object of each thing that was asked for says of it when the command fails as a whole. */
  asked: (() => Promise<readonly AskedRecord[]>) | undefined;
  /** The results were written: a failure that follows has no objects of its own. */
  hasResults: boolean;
  /** A command that shows progress tells its failures there, instead of in the lines that are printed by default. */
  onFailure: ((error: unknown) => void) | undefined;
  /** A command that owns the terminal (progress, a prompt) says here how to give it back at once. */
  onForcedExit: (() => void) | undefined;
  /** Told at the first Ctrl-C, instead of the line that is printed by default. */
  onInterrupted: (() => void) | undefined;
}
