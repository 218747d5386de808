import type { PushEvent } from '@slipway/push';
import type { ProgressChoice } from '../choices.ts';
import type { OutputStream } from '../command-context.ts';
import type { Environment } from '../environment.ts';
import { printable } from '../printable.ts';
import { problemLines } from '../problem.ts';
import { createJsonProgress } from './json-progress.ts';
import { createPlainProgress } from './plain-progress.ts';
import { createTerminalProgress } from './terminal-progress.ts';

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

/** `auto` is lines that move on a terminal, plain lines elsewhere and in CI. */
export function resolveProgress(
  choice: ProgressChoice,
  { isTTY }: Pick<OutputStream, 'isTTY'>,
  { isCI, isDumbTerminal }: Pick<Environment, 'isCI' | 'isDumbTerminal'>,
): Exclude<ProgressChoice, 'auto'> {
  if (choice !== 'auto') return choice;
  return isTTY === true && !isCI && !isDumbTerminal ? 'tty' : 'plain';
}

export interface OpenProgressOptions {
  readonly stderr: OutputStream;
  readonly environment: Environment;
  /** Leaves warnings out. @default false */
  readonly isQuiet?: boolean | undefined;
  /** Tells the causes of failures too. @default false */
  readonly verbose?: boolean | undefined;
  readonly clock?: ProgressClock | undefined;
}

/** Begins to tell. Nothing is written before there is something to tell. */
export function openProgress(choice: ProgressChoice, options: OpenProgressOptions): Progress {
  switch (resolveProgress(choice, options.stderr, options.environment)) {
    case 'tty':
      return createTerminalProgress(options);
    case 'plain':
      return createPlainProgress(options);
    case 'json':
      return createJsonProgress(options);
    case 'none':
      return createNoProgress(options);
  }
}

/** Failures, warnings if they are wanted, and nothing else. */
function createNoProgress({ stderr, verbose, isQuiet }: OpenProgressOptions): Progress {
  const warn = (message: string): void => {
    if (isQuiet !== true) writeLines(stderr, [warningLine(message)]);
  };
  return {
    onEvent: (event) => event.type === 'warning' && warn(event.message),
    print: (line) => writeLines(stderr, [line]),
    warn,
    fail: (error, subject) => writeLines(stderr, problemLines(error, { verbose, subject })),
    summarize: () => {},
    [Symbol.dispose]: () => {},
  };
}

/** A warning as one line for people. */
export function warningLine(message: string): string {
  return `slipway: warning: ${printable(message)}`;
}

/** Writes whole lines at once. */
export function writeLines(stream: OutputStream, lines: readonly string[]): void {
  stream.write(lines.map((line) => `${line}\n`).join(''));
}
