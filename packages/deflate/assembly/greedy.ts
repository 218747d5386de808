// The fast parse: takes the first good match. Two candidates per hash of five bytes, in one word: the lower half the
// newer. What it finds is counted on the way: a second walk over it would guess every length of a run anew.

import { matchLength } from './compare';
import { bump, countLiterals, countMatch } from './counts';
import { CHUNK_COUNTS, TABLES, WINDOW_BITS } from './layout';
import { putLiterals, putMatch, setParsed } from './sequences';

const BITS: u32 = 15;
const SIZE: usize = 4 << BITS;

export function clearPairs(): void {
  memory.fill(TABLES, 0, SIZE);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function slotOf(position: usize): usize {
  const five = load<u64>(position) << 24;
  return TABLES + ((((five * 0x9e3779b185ebca87) >>> (64 - BITS)) as usize) << 2);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function enter(position: usize): void {
  const slot = slotOf(position);
  store<u32>(slot, (load<u32>(slot) << 16) | ((position as u32) & 0xffff));
}

/** Makes the bytes from `from` to `to` known to later searches. Reads 7 bytes past `to`; 4 of them count. */
export function learnPairs(from: usize, to: usize): void {
  for (; from < to; from++) enter(from);
}

/**
 * Parses from `from` to `to` or a little further, or until words from `next` on reach `full`; matches may reach to
 * `end`. Of a match, the first `learn` positions become known to later searches, and the last. Adds to the counts of
 * the piece.
 */
export function parseGreedy(
  next: usize,
  full: usize,
  from: usize,
  to: usize,
  end: usize,
  learn: usize,
): void {
  let position = from;
  let literals = from;
  // The last bytes are literals: a search reads five, and what lies behind the end may be anything.
  const last = end - from < 5 ? from : min(to, end - 4);
  while (position < last && next < full) {
    const word = load<u32>(position);
    const slot = slotOf(position);
    const pair = load<u32>(slot);
    store<u32>(slot, (pair << 16) | ((position as u32) & 0xffff));
    let distance = ((position as u32) - pair) & 0xffff;
    const older = ((position as u32) - (pair >>> 16)) & 0xffff;
    // Both are looked at without a branch: which of them says the same cannot be foretold.
    const isNewer = ((load<u32>(position - distance) ^ word) | ((distance - 1) >>> WINDOW_BITS)) == 0;
    const isOlder = ((load<u32>(position - older) ^ word) | ((older - 1) >>> WINDOW_BITS)) == 0;
    if (((isNewer as u32) | (isOlder as u32)) == 0) {
      bump(CHUNK_COUNTS + ((word & 255) << 2));
      position++;
      continue;
    }
    const limit = min(end - position, 258) as u32;
    let length: u32 = 0;
    if (isNewer) {
      length = matchLength(position, position - distance, 4, limit);
      if (isOlder && length < 32 && load<u32>(position - older + length - 3) == load<u32>(position + length - 3)) {
        const longer = matchLength(position, position - older, 4, limit);
        if (longer > length) {
          length = longer;
          distance = older;
        }
      }
    } else {
      distance = older;
      length = matchLength(position, position - older, 4, limit);
    }
    countMatch(CHUNK_COUNTS, length - 3, distance - 1);
    next = putMatch(next, position - literals, length, distance);
    literals = position + length;
    const known = min(min(literals, position + learn), last);
    for (position++; position < known; position++) enter(position);
    if (known < literals && literals <= last) enter(literals - 1);
    position = literals;
  }
  if (next >= full) return setParsed(next, literals);
  const stop = max(to, literals);
  countLiterals(CHUNK_COUNTS, position, stop - position);
  next = putLiterals(next, stop - literals);
  setParsed(next, stop);
}
