// Recognises bytes that deflate would not shrink, at memory speed: all letters about equally frequent, nothing said
// again.

import { countLiterals } from './counts';
import { INPUT, NOISE_COUNTS, NOISE_PLACES, NOISE_WORDS, WINDOW } from './layout';

/** Bytes that are judged together. */
export const NOISE_PIECE: usize = 32768;
/** Shorter pieces are tried: that costs less than a wrong guess. */
const LEAST: usize = 8192;
const RUNS: usize = 16;
const RUN: usize = 64;
const PLACE_BITS: u32 = 12;
const SEEN: u32 = (RUNS * RUN) as u32;
/** Even random letters have unequal counts: by chance alone the squares are larger by what was seen. */
const FLAT: u32 = SEEN + (SEEN * SEEN * 11) / 2560;

/** Marked words up to here are in the table. */
let marked: usize = 0;

export function beginNoise(): void {
  marked = 0;
}

export function isNoise(from: usize, to: usize): bool {
  return to - from >= LEAST && isFlat(from, to) && !isRepeated(from, to);
}

/**
 * Compares the squares of the letters' counts, in runs spread over the piece, with what equal counts would give. An
 * excess of a tenth is an entropy of about 7.93 bits: codes could save less than one per cent.
 */
function isFlat(from: usize, to: usize): bool {
  memory.fill(NOISE_COUNTS, 0, 1024);
  const stride = (to - from) / RUNS;
  // Most of what is no noise shows it in the first quarter: squares only grow.
  for (let run: usize = 0; run < RUNS; run++) {
    countLiterals(NOISE_COUNTS, from + run * stride, RUN);
    if ((run & 3) == 3 && squaresOf() > FLAT) return false;
  }
  return true;
}

/** The squares of the 256 counts, added up. */
function squaresOf(): u32 {
  let squares = i32x4.splat(0);
  for (let slot = NOISE_COUNTS; slot < NOISE_COUNTS + 1024; slot += 16) {
    const counts = v128.load(slot);
    squares = i32x4.add(squares, i32x4.mul(counts, counts));
  }
  return (
    (i32x4.extract_lane(squares, 0) as u32) +
    (i32x4.extract_lane(squares, 1) as u32) +
    (i32x4.extract_lane(squares, 2) as u32) +
    (i32x4.extract_lane(squares, 3) as u32)
  );
}

/**
 * Looks for four letters that occurred before within the window, at one position in sixty-four: those that the content
 * itself marks, so that a repetition is met at the same places as the original.
 */
function isRepeated(from: usize, to: usize): bool {
  if (marked == 0) memory.fill(NOISE_PLACES, 0, 8 << PLACE_BITS);
  const reach = from - INPUT > WINDOW ? from - WINDOW : INPUT;
  if (marked < from) mark(max(marked, reach), from);
  const counts = mark(from, to);
  marked = to;
  return (counts & 0xffff) * 64 > counts >>> 16;
}

/** Enters the marked words; returns how many there were, times 65536, plus how many were known. */
function mark(from: usize, to: usize): u32 {
  const low = i8x16.splat(63);
  const sign = i8x16.splat(9);
  let total: u32 = 0;
  let known: u32 = 0;
  for (; from < to; from += 16) {
    let marks = i8x16.bitmask(i8x16.eq(v128.and(v128.load(from), low), sign));
    if (to - from < 16) marks &= (1 << ((to - from) as i32)) - 1;
    for (; marks != 0; marks &= marks - 1) {
      const position = from + ctz(marks);
      if (to - position < 4) break;
      const word = load<u32>(position);
      const slot = ((word * 0x9e3779b1) >>> (32 - PLACE_BITS)) << 2;
      const before = load<u32>(NOISE_PLACES + slot) as usize;
      total++;
      if (before != 0 && load<u32>(NOISE_WORDS + slot) == word && position - before <= WINDOW) known++;
      store<u32>(NOISE_PLACES + slot, position as u32);
      store<u32>(NOISE_WORDS + slot, word);
    }
  }
  return (total << 16) | known;
}
