// How often each symbol occurs, and what that would cost.

import { LENGTH_SYMBOLS } from './layout';
import { distanceSymbol, RUN_LIMIT, RUN_SHIFT } from './sequences';
import { logarithm } from './tables';

export const DISTANCES: usize = 288 << 2;
export const COUNTS_SIZE: usize = 320 << 2;

// @ts-expect-error: a decorator of AssemblyScript
@inline
export function bump(slot: usize): void {
  store<u32>(slot, load<u32>(slot) + 1);
}

/** Adds the literals of `size` bytes. */
export function countLiterals(counts: usize, from: usize, size: usize): void {
  const end = from + size;
  for (; from < end; from++) bump(counts + ((load<u8>(from) as usize) << 2));
}

/** Adds one match: its length less 3, its distance less 1. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function countMatch(counts: usize, length: u32, distance: u32): void {
  bump(counts + (257 << 2) + ((load<u8>(LENGTH_SYMBOLS + length) as usize) << 2));
  bump(counts + DISTANCES + (distanceSymbol(distance) << 2));
}

/** Adds words up to `to`; `position` is where their bytes begin. Returns where they end. */
export function countSequences(counts: usize, from: usize, to: usize, position: usize): usize {
  for (; from < to; from += 4) {
    const word = load<u32>(from);
    let run = word >>> RUN_SHIFT;
    const isMatch = run < RUN_LIMIT;
    for (; run >= 4; run -= 4) {
      const four = load<u32>(position);
      bump(counts + ((four & 255) << 2));
      bump(counts + (((four >>> 8) & 255) << 2));
      bump(counts + (((four >>> 16) & 255) << 2));
      bump(counts + ((four >>> 24) << 2));
      position += 4;
    }
    for (; run > 0; run--) bump(counts + ((load<u8>(position++) as usize) << 2));
    if (!isMatch) continue;
    const length = (word >>> 15) & 255;
    countMatch(counts, length, word & 0x7fff);
    position += length + 3;
  }
  return position;
}

/** Bits, in steps of 1/4096, that an ideal code for these counts would take. */
export function idealCost(counts: usize): u64 {
  return costOf(counts, counts + DISTANCES) + costOf(counts + DISTANCES, counts + COUNTS_SIZE);
}

/** What {@link idealCost} would be for the sum of two. */
export function idealCostOfSum(a: usize, b: usize): u64 {
  return (
    costOfSum(a, b, DISTANCES) + costOfSum(a + DISTANCES, b + DISTANCES, COUNTS_SIZE - DISTANCES)
  );
}

function costOf(from: usize, to: usize): u64 {
  let total: u32 = 0;
  let saved: u64 = 0;
  for (; from < to; from += 4) {
    const count = load<u32>(from);
    total += count;
    saved += (count as u64) * (logarithm(count) as u64);
  }
  return (total as u64) * (logarithm(total) as u64) - saved;
}

function costOfSum(a: usize, b: usize, size: usize): u64 {
  let total: u32 = 0;
  let saved: u64 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    const count = load<u32>(a + i) + load<u32>(b + i);
    total += count;
    saved += (count as u64) * (logarithm(count) as u64);
  }
  return (total as u64) * (logarithm(total) as u64) - saved;
}

/** Adds `from` to `to`. */
export function addCounts(to: usize, from: usize): void {
  for (let i: usize = 0; i < COUNTS_SIZE; i += 16) {
    v128.store(to + i, i32x4.add(v128.load(to + i), v128.load(from + i)));
  }
}
