// The fast parse: takes the first good match. Two candidates per hash of four bytes, in one word: the lower half the
// newer.

import { matchLength } from './compare';
import { SEQUENCES, TABLES, WINDOW } from './layout';
import { putLiterals, putMatch, setParsed } from './sequences';


const BITS: u32 = 14;
const SIZE: usize = 4 << BITS;

export function clearPairs(): void {
  memory.fill(TABLES, 0, SIZE);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function slotOf(word: u32): usize {
  return TABLES + (((word * 0x9e3779b1) >>> (32 - BITS)) << 2);
}

/** Makes the bytes from `from` to `to` known to later searches. Reads 3 bytes past `to`. */
export function learnPairs(from: usize, to: usize): void {
  for (; from < to; from++) {
    const slot = slotOf(load<u32>(from));
    store<u32>(slot, (load<u32>(slot) << 16) | ((from as u32) & 0xffff));
  }
}

/**
 * Parses from `from` to `to` or a little further; matches may reach to `end`. Of a match, the first
 * `learn` positions become known to later searches, and the last.
 */
export function parseGreedy(from: usize, to: usize, end: usize, learn: usize): void {
  let next: usize = SEQUENCES;
  let position = from;
  let literals = from;
  // The last bytes are literals: a search reads four.
  const last = end - from < 4 ? from : min(to, end - 3);
  while (position < last) {
    const word = load<u32>(position);
    const slot = slotOf(word);
    const pair = load<u32>(slot);
    store<u32>(slot, (pair << 16) | ((position as u32) & 0xffff));
    let distance = ((position as u32) - pair) & 0xffff;
    let length: u32 = 0;
    if (distance - 1 < (WINDOW as u32) && load<u32>(position - distance) == word) {
      length = matchLength(position, position - distance, 4, min(end - position, 258) as u32);
      const older = ((position as u32) - (pair >>> 16)) & 0xffff;
      if (
        older - 1 < (WINDOW as u32) &&
        length < 32 &&
        load<u32>(position - older) == word &&
        load<u32>(position - older + length - 3) == load<u32>(position + length - 3)
      ) {
        const longer = matchLength(position, position - older, 4, min(end - position, 258) as u32);
        if (longer > length) {
          length = longer;
          distance = older;
        }
      }
    } else {
      distance = ((position as u32) - (pair >>> 16)) & 0xffff;
      if (distance - 1 >= (WINDOW as u32) || load<u32>(position - distance) != word) {
        position++;
        continue;
      }
      length = matchLength(position, position - distance, 4, min(end - position, 258) as u32);
    }
    next = putMatch(next, position - literals, length, distance);
    literals = position + length;
    const known = min(min(literals, position + learn), last);
    for (position++; position < known; position++) {
      const inner = slotOf(load<u32>(position));
      store<u32>(inner, (load<u32>(inner) << 16) | ((position as u32) & 0xffff));
    }
    if (known < literals && literals <= last) learnPairs(literals - 1, literals);
    position = literals;
  }
  const stop = max(to, literals);
  next = putLiterals(next, stop - literals);
  setParsed(next, stop);
}
