// Recognises bytes that deflate would not shrink, at memory speed: all letters about equally frequent, nothing said
// again.

import { countLiterals } from './counts';
import { INPUT, NOISE_COUNTS, NOISE_PLACES, NOISE_WORDS, SEQUENCES, WINDOW } from './layout';

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
  const end = listMarks(from, to);
  let known: u32 = 0;
  for (let entry = SEQUENCES; entry < end; entry += 4) {
    const position = load<u32>(entry) as usize;
    const word = load<u32>(position);
    const slot = ((word * 0x9e3779b1) >>> (32 - PLACE_BITS)) << 2;
    const before = load<u32>(NOISE_PLACES + slot) as usize;
    if (load<u32>(NOISE_WORDS + slot) == word && before != 0 && position - before <= WINDOW) known++;
    store<u32>(NOISE_PLACES + slot, position as u32);
    store<u32>(NOISE_WORDS + slot, word);
  }
  return (((end - SEQUENCES) >>> 2) << 16) | known;
}

/**
 * Lists where marked words lie, in the memory of sequences, of which there are none yet; returns the end of the list.
 * Of each 64 bytes three places are written, however few marks there are: a processor cannot foretell whether there is
 * one more.
 */
function listMarks(from: usize, to: usize): usize {
  let end = SEQUENCES;
  const last = to - 4;
  for (; from + 64 <= last; from += 64) {
    let marks =
      marksOf(from) | (marksOf(from + 16) << 16) | (marksOf(from + 32) << 32) | (marksOf(from + 48) << 48);
    const next = end + ((popcnt(marks) as usize) << 2);
    store<u32>(end, from + (ctz(marks) as usize));
    marks &= marks - 1;
    store<u32>(end, from + (ctz(marks) as usize), 4);
    marks &= marks - 1;
    store<u32>(end, from + (ctz(marks) as usize), 8);
    marks &= marks - 1;
    for (end += 12; end < next; end += 4, marks &= marks - 1) store<u32>(end, from + (ctz(marks) as usize));
    end = next;
  }
  for (; from <= last; from++) {
    store<u32>(end, from);
    end += (((load<u8>(from) & 63) == 9) as usize) << 2;
  }
  return end;
}

/** A bit for each of sixteen letters: whether it marks a word. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
function marksOf(from: usize): u64 {
  return (i8x16.bitmask(i8x16.eq(v128.and(v128.load(from), i8x16.splat(63)), i8x16.splat(9))) as u64) & 0xffff;
}
