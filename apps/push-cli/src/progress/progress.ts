import type { PushEvent } from '@slipway/push';
import type { OutputStream } from '../command-context.ts';
import type { Environment } from '../environment.ts';

/** Tells a person or a program how a push goes on, on standard error. */
export interface Progress extends Disposable {
  onEvent(event: PushEvent): void;
  /** Prints a line that stays: a request that was made, a word on what happens next. */
  print(line: string): void;
  /** Tells what a user should know although the push goes on; a sentence. */
  warn(message: string): void;
  /** Tells of a failure; `subject` is the destination, where the message alone does not say it. */
  fail(error: unknown, subject?: string): void;
  /** The closing line of a push that went through; undefined where it is not wanted. */
  summarize(nowMs: number): void;
}

/** The clock of progress, so that tests need none. */
export interface ProgressClock {
  now(): number;
  /** Calls `tick` again and again until the returned function is called. Never keeps the program alive. */
  every(milliseconds: number, tick: () => void): () => void;
}

export const systemClock: ProgressClock = {
  now: () => performance.now(),
  every(milliseconds, tick) {
    const timer = setInterval(tick, milliseconds).unref();
    return () => clearInterval(timer);
  },
};

export interface OpenProgressOptions {
  readonly stderr: OutputStream;
  readonly environment: Environment;
  /** Leaves warnings out. @default false */
  readonly isQuiet?: boolean | undefined;
  /** Tells the causes of failures too. @default false */
  readonly verbose?: boolean | undefined;
  readonly clock?: ProgressClock | undefined;
}
