import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What a program writes to, and whether it could. */
export interface Outputs {
  /** Waits for what was written to standard output; the first failure, except that nobody reads it any more. */
  flush(): Promise<Error | undefined>;
}

/**
 * Lets standard output and standard error fail without ending the program: a log on a disk that is full, or a reader
 * that went away (`slipway … | head`), costs words, never a push.
 */
export function watchOutputs(stdout: Writable, stderr: Writable): Outputs {
  let failure: Error | undefined;
  stderr.on('error', () => {});
  stdout.on('error', (error: Error) => {
    failure ??= error;
  });
  return {
    async flush() {
      if (failure === undefined) await new Promise<unknown>((resolve) => stdout.write('', resolve));
      await nextTurn(); // Bun calls back for an empty write before it tells that an earlier one has failed
      return failure !== undefined && isGoneReader(failure) ? undefined : failure;
    },
  };
}

/** Whether a stream failed because its reader went away. */
export function isGoneReader(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}
