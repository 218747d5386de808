import type { OptionValues } from '@slipway/client/options';
import type { OutputStream } from '../command-context.ts';
import type { Environment } from '../environment.ts';
import { inFlags } from '../failure/in-flags.ts';
import { problemLines } from '../failure/problem.ts';
import { createJsonProgress } from './json-progress.ts';
import { warningLine, writeLines } from './lines.ts';
import { createPlainProgress } from './plain-progress.ts';
import type { OpenProgressOptions, Progress } from './progress.ts';
import { createTerminalProgress } from './terminal-progress.ts';

/** `auto` is lines that move on a terminal, plain lines elsewhere and in CI. */
export function resolveProgress(
  choice: OptionValues['progress'],
  { isTTY }: Pick<OutputStream, 'isTTY'>,
  { isCI, isDumbTerminal }: Pick<Environment, 'isCI' | 'isDumbTerminal'>,
): Exclude<OptionValues['progress'], 'auto'> {
  if (choice !== 'auto') return choice;
  return isTTY === true && !isCI && !isDumbTerminal ? 'tty' : 'plain';
}

/** Begins to tell. Nothing is written before there is something to tell. */
export function openProgress(choice: OptionValues['progress'], options: OpenProgressOptions): Progress {
  const progress = progressOf(choice, options);
  return {
    ...progress,
    // The engine names its options; people here know them as flags.
    onEvent: (event) =>
      progress.onEvent(event.type === 'warning' ? { ...event, message: inFlags(event.message) } : event),
  };
}

function progressOf(choice: OptionValues['progress'], options: OpenProgressOptions): Progress {
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
