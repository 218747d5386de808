import { printable } from '@slipway/client/program';
import type { OutputStream } from '../command-context.ts';

/** A warning as one line for people. */
export function warningLine(message: string): string {
  return `slipway: warning: ${printable(message)}`;
}

/** Writes whole lines at once. */
export function writeLines(stream: OutputStream, lines: readonly string[]): void {
  stream.write(lines.map((line) => `${line}\n`).join(''));
}
