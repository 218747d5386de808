// The fast parse: takes the first good match. Two candidates per hash of five bytes, in one word: the lower half the
// newer. What it finds is counted on the way: a second walk over it would guess every length of a run anew.
//
// Every literal runs through the inner loop, so it has as few instructions as possible. It counts by the byte before
// the position, because a difference from there is a distance less 1. Of a difference it takes 15 bits, which are
// always in reach: an entry that is too old names another place of the window, and that place is compared as well.

import { matchLength } from './compare';
import { bump, countLiterals, countMatch } from './counts';
import { CHUNK_COUNTS, INPUT, TABLES, WINDOW } from './layout';
import { putLiterals, putMatch, setParsed } from './sequences';

const BITS: u32 = 15;
const SIZE: usize = 4 << BITS;

export function clearPairs(): void {
  memory.fill(TABLES, 0, SIZE);
}

/** The slot of the first five of eight bytes. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
function slotOf(eight: u64): usize {
  return TABLES + (((((eight << 24) * 0x9e3779b185ebca87) >>> (64 - BITS)) as usize) << 2);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function enter(position: usize): void {
  const slot = slotOf(load<u64>(position));
  store<u32>(slot, (load<u32>(slot) << 16) | ((position as u32) & 0xffff));
}

/** From the byte before a position to a candidate before that, each by its lower bits: the distance less 1. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
function back(before: usize, candidate: u32): u32 {
  return ((before as u32) - candidate) & (WINDOW - 1);
}

/** Makes the bytes from `from` to `to` known to later searches. Reads 7 bytes past `to`; 4 of them count. */
export function learnPairs(from: usize, to: usize): void {
  for (; from < to; from++) enter(from);
}

/**
 * Parses from `from` to `to` or a little further, or until words from `next` on reach `full`; matches may reach to
 * `end`. Of a match, the first `learnFirst` positions become known to later searches, and the last `learnLast`. Adds to
 * the counts of the piece.
 */
export function parseGreedy(
  next: usize,
  full: usize,
  from: usize,
  to: usize,
  end: usize,
  learnFirst: usize,
  learnLast: usize,
): void {
  let position = from;
  let literals = from;
  // The last bytes are literals: a search reads five, and what lies behind the end may be anything.
  const last = end - from < 5 ? from : min(to, end - 4);
  // Nothing lies before the very first byte, and an empty slot names that byte itself.
  if (position == INPUT && position < last) {
    bump(CHUNK_COUNTS + ((load<u8>(position) as usize) << 2));
    position++;
  }
  while (next < full) {
    let pair: u32 = 0;
    let isFound: bool = false;
    let before = position - 1;
    const lastBefore = last - 1;
    while (before < lastBefore) {
      const eight = load<u64>(before, 1);
      const slot = slotOf(eight);
      pair = load<u32>(slot);
      // Both are looked at without a branch: which of them says the same cannot be foretold.
      const newer = load<u32>(before - back(before, pair)) ^ (eight as u32);
      const older = load<u32>(before - back(before, pair >>> 16)) ^ (eight as u32);
      before++;
      store<u32>(slot, (pair << 16) | ((before as u32) & 0xffff));
      if ((newer as u64) * (older as u64) == 0) {
        isFound = true;
        break;
      }
      bump(CHUNK_COUNTS + (((eight as u32) & 255) << 2));
    }
    position = isFound ? before : before + 1;
    if (!isFound) break;
    const word = load<u32>(position);
    let distance = back(position - 1, pair) + 1;
    const older = back(position - 1, pair >>> 16) + 1;
    const isOlder = (load<u32>(position - older) == word) as u32;
    const limit = min(end - position, 258) as u32;
    let length: u32 = 0;
    if (load<u32>(position - distance) == word) {
      length = matchLength(position, position - distance, 4, limit);
      // One branch for three questions: each by itself is hard to foretell, all together are seldom true.
      const isLonger = (load<u32>(position - older + length - 3) == load<u32>(position + length - 3)) as u32;
      if ((isOlder & ((length < 32) as u32) & isLonger) != 0) {
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
    const known = min(min(literals, position + learnFirst), last);
    for (position++; position < known; position++) enter(position);
    if (known < literals && literals <= last) {
      for (position = max(known, literals - learnLast); position < literals; position++) enter(position);
    }
    position = literals;
  }
  if (next >= full) return setParsed(next, literals);
  const stop = max(to, literals);
  countLiterals(CHUNK_COUNTS, position, stop - position);
  next = putLiterals(next, stop - literals);
  setParsed(next, stop);
}
