// What a parse leaves behind: a list of words, each "so many literals, then this match".
//
// bits 0 to 14: distance less 1 · bits 15 to 22: length less 3 · bits 23 to 31: literals before it
// 511 literals mean that no match follows: a longer run takes several words.

import { SEQUENCES } from './layout';

export const RUN_SHIFT: u32 = 23;
export const RUN_LIMIT: u32 = 511;

/** Where the next word goes. */
export let sequencesEnd: usize = SEQUENCES;
/** First byte that no word covers. */
export let parsedEnd: usize = 0;

export function setParsed(end: usize, position: usize): void {
  sequencesEnd = end;
  parsedEnd = position;
}

/** Writes one match and the literals before it; returns where the next word goes. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function putMatch(to: usize, run: usize, length: u32, distance: u32): usize {
  if (run >= RUN_LIMIT) {
    do {
      store<u32>(to, RUN_LIMIT << RUN_SHIFT);
      to += 4;
      run -= RUN_LIMIT;
    } while (run >= RUN_LIMIT);
  }
  store<u32>(to, ((run as u32) << RUN_SHIFT) | ((length - 3) << 15) | (distance - 1));
  return to + 4;
}

/**
 * Writes words for literals with no match behind them, as many as fill words; the rest is left to the end of the block.
 */
export function putLiterals(to: usize, run: usize): usize {
  for (; run >= RUN_LIMIT; run -= RUN_LIMIT) {
    store<u32>(to, RUN_LIMIT << RUN_SHIFT);
    to += 4;
  }
  return to;
}

/** Symbol of a distance less 1. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function distanceSymbol(distance: u32): u32 {
  const top = 31 - clz(distance | 2);
  const symbol = (top << 1) + ((distance >>> (top - 1)) & 1);
  return select<u32>(distance, symbol, distance < 2);
}

/** Extra bits of a distance symbol. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function distanceExtra(symbol: u32): u32 {
  return select<u32>(0, (symbol >>> 1) - 1, symbol < 2);
}
