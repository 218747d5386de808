// The thorough parse: a match is taken only if the next byte does not begin a better one. Positions live in rows of 16,
// one row per hash of four bytes; one byte more of the hash is compared for the whole row at once.

import { matchLength } from './compare';
import { countLiterals, countSequences } from './counts';
import { CHUNK_COUNTS, TABLES, WINDOW } from './layout';
import { putLiterals, putMatch, setParsed } from './sequences';

const ROW_BITS: u32 = 11;
const ROWS: usize = 1 << ROW_BITS;
/** One byte a row: its newest entry. Entries get older upwards, round the row. */
const HEADS: usize = TABLES;
const TAGS: usize = HEADS + ROWS;
const PLACES: usize = TAGS + (ROWS << 4);
/** Newest place of each hash of three bytes. */
const TRIPLE_BITS: u32 = 14;
const TRIPLES: usize = PLACES + (ROWS << 5);
const TABLES_END: usize = TRIPLES + (2 << TRIPLE_BITS);
/** Farther away, three bytes cost more than three literals. */
const TRIPLE_WINDOW: u32 = 4096;

export function clearRows(): void {
  memory.fill(TABLES, 0, TABLES_END - TABLES);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function hashOf(word: u32): u32 {
  return (word * 0x9e3779b1) >>> (24 - ROW_BITS);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function tripleOf(word: u32): usize {
  return TRIPLES + ((((word << 8) * 0x9e3779b1) >>> (32 - TRIPLE_BITS)) << 1);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function learn(position: usize, word: u32): void {
  const hash = hashOf(word);
  const row = (hash >>> 8) as usize;
  const head = ((load<u8>(HEADS + row) as usize) - 1) & 15;
  store<u8>(HEADS + row, head as u8);
  store<u8>(TAGS + (row << 4) + head, hash as u8);
  store<u16>(PLACES + (row << 5) + (head << 1), position as u16);
  store<u16>(tripleOf(word), position as u16);
}

/** Makes the bytes from `from` to `to` known to later searches. Reads 3 bytes past `to`. */
export function learnRows(from: usize, to: usize): void {
  for (; from < to; from++) learn(from, load<u32>(from));
}

let foundDistance: u32 = 0;

/** Longest match above `best` at `position`, which is learnt as well; returns `best` if there is none. */
function search(position: usize, best: u32, limit: u32, nice: u32, tries: u32): u32 {
  const word = load<u32>(position);
  const hash = hashOf(word);
  const row = (hash >>> 8) as usize;
  const head = load<u8>(HEADS + row) as u32;
  const same = i8x16.bitmask(i8x16.eq(v128.load(TAGS + (row << 4)), i8x16.splat(hash as i8)));
  let candidates = (same | (same << 16)) >>> head & 0xffff;

  const triple = tripleOf(word);
  if (best < 3) {
    const distance = ((position as u32) - (load<u16>(triple) as u32)) & 0xffff;
    if (distance - 1 < TRIPLE_WINDOW && ((load<u32>(position - distance) ^ word) & 0xffffff) == 0 && limit >= 3) {
      best = 3;
      foundDistance = distance;
    }
  }
  store<u16>(triple, position as u16);

  let tail = load<u32>(position + max<u32>(best, 3) - 3);
  while (candidates != 0) {
    const entry = (head + ctz(candidates)) & 15;
    const distance = ((position as u32) - (load<u16>(PLACES + (row << 5) + (entry << 1)) as u32)) & 0xffff;
    if (distance - 1 >= (WINDOW as u32)) break;
    const place = position - distance;
    if (load<u32>(place + max<u32>(best, 3) - 3) == tail) {
      const length = matchLength(position, place, 0, limit);
      if (length > best && length > 3) {
        best = length;
        foundDistance = distance;
        if (length >= nice) break;
        tail = load<u32>(position + length - 3);
      }
    }
    if (--tries == 0) break;
    candidates &= candidates - 1;
  }

  const newest = ((head as usize) - 1) & 15;
  store<u8>(HEADS + row, newest as u8);
  store<u8>(TAGS + (row << 4) + newest, hash as u8);
  store<u16>(PLACES + (row << 5) + (newest << 1), position as u16);
  return best;
}

/**
 * Parses from `from` to `to` or a little further, or until words from `next` on reach `full`; matches may reach to
 * `end`. Adds to the counts of the piece.
 */
export function parseLazy(
  next: usize,
  full: usize,
  from: usize,
  to: usize,
  end: usize,
  nice: u32,
  lazy: u32,
  tries: u32,
): void {
  const first = next;
  let position = from;
  let literals = from;
  // The last bytes are literals: a search reads four.
  const last = end - from < 4 ? from : min(to, end - 3);
  while (position < last && next < full) {
    let length = search(position, 2, min(end - position, 258) as u32, nice, tries);
    let known = position + 1;
    if (length < 3) {
      position = known;
      continue;
    }
    let distance = foundDistance;
    // Looks one byte further as long as that pays: a byte more is worth four times what a bit of distance is.
    while (length < lazy && known < last) {
      const other = search(known, length - 1, min(end - known, 258) as u32, nice, length < 8 ? tries : tries >>> 1);
      known++;
      if (other < length || ((other - length) << 2) + 32 - clz(distance) <= 34 - clz(foundDistance)) break;
      length = other;
      distance = foundDistance;
      position = known - 1;
    }
    next = putMatch(next, position - literals, length, distance);
    literals = position + length;
    learnRows(known, min(literals, last));
    position = literals;
  }
  countSequences(CHUNK_COUNTS, first, next, from);
  if (next >= full) return setParsed(next, literals);
  const stop = max(to, literals);
  countLiterals(CHUNK_COUNTS, literals, stop - literals);
  next = putLiterals(next, stop - literals);
  setParsed(next, stop);
}
