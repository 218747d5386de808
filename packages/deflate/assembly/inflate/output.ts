// Plain bytes: the window that matches look back to, and what nobody has taken yet.

import { OUTPUT, OUTPUT_END, OUTPUT_MARGIN, WINDOW } from './layout';

export class Output {
  static at: usize = OUTPUT;
  /** Up to here it was taken. */
  static taken: usize = OUTPUT;
  /** The first byte that a match may mean. */
  static windowStart: usize = OUTPUT;
}

export function resetOutput(): void {
  Output.at = OUTPUT;
  Output.taken = OUTPUT;
  Output.windowStart = OUTPUT;
}

/** Sees that there is room for a match; false when output must be taken first. */
export function makeRoom(): bool {
  if (Output.at < OUTPUT_END - OUTPUT_MARGIN) return true;
  if (Output.taken < Output.at) return false;
  const shift = Output.at - WINDOW - OUTPUT;
  memory.copy(OUTPUT, Output.at - WINDOW, WINDOW);
  Output.at = OUTPUT + WINDOW;
  Output.taken = Output.at;
  Output.windowStart = Output.windowStart - OUTPUT > shift ? Output.windowStart - shift : OUTPUT;
  return true;
}
