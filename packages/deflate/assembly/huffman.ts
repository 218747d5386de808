// Length-limited prefix codes.

import { SORT_A, SORT_B, SORT_DIGITS } from './layout';

/** Symbols at each depth. */
const depths: usize = memory.data(16 * 4 + 64);

/**
 * Writes the code lengths of `size` symbols, none above `limit`, and none 0 whose count is not.
 * A code has two symbols at least, so that it is complete: some decoders refuse any other.
 */
export function makeLengths(counts: usize, size: u32, limit: u32, lengths: usize): void {
  memory.fill(lengths, 0, size);
  let used: u32 = 0;
  let most: u32 = 0;
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    if (count == 0) continue;
    store<u32>(SORT_A + (used << 2), (count << 9) | symbol);
    used++;
    most = max(most, count);
  }
  if (used < 2) {
    const only = used == 0 ? 0 : load<u32>(SORT_A) & 511;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only == 0 ? 1 : 0), 1);
    return;
  }
  const sorted = sortByCount(used, most);
  const tree = sorted == SORT_A ? SORT_B : SORT_A;
  for (let i: u32 = 0; i < used; i++) store<u32>(tree + (i << 2), load<u32>(sorted + (i << 2)) >>> 9);
  countDepths(tree, used, limit);
  // The rarest symbols come first and get the longest codes.
  let symbol = sorted;
  for (let depth = limit; depth > 0; depth--) {
    for (let left = load<u32>(depths + (depth << 2)); left > 0; left--) {
      store<u8>(lengths + (load<u32>(symbol) & 511), depth as u8);
      symbol += 4;
    }
  }
}

/** Sorts words in SORT_A by their count, least first, byte by byte; says where the result is. */
function sortByCount(used: u32, most: u32): usize {
  let from = SORT_A;
  let to = SORT_B;
  for (let shift: u32 = 9; shift < 32 && most >>> (shift - 9) != 0; shift += 8) {
    memory.fill(SORT_DIGITS, 0, 1024);
    for (let i: u32 = 0; i < used; i++) {
      const digit = SORT_DIGITS + (((load<u32>(from + (i << 2)) >>> shift) & 255) << 2);
      store<u32>(digit, load<u32>(digit) + 1);
    }
    let place: u32 = 0;
    for (let digit = SORT_DIGITS; digit < SORT_DIGITS + 1024; digit += 4) {
      const size = load<u32>(digit);
      store<u32>(digit, place);
      place += size;
    }
    for (let i: u32 = 0; i < used; i++) {
      const word = load<u32>(from + (i << 2));
      const digit = SORT_DIGITS + (((word >>> shift) & 255) << 2);
      const slot = load<u32>(digit);
      store<u32>(digit, slot + 1);
      store<u32>(to + (slot << 2), word);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

/**
 * Turns sorted counts into the number of symbols at each depth of Huffman's tree, in place: A. Moffat and J.
 * Katajainen, "In-place calculation of minimum-redundancy codes" (1995). Depths above `limit` are then paid for by
 * shorter ones.
 */
function countDepths(tree: usize, used: u32, limit: u32): void {
  const n = used as i32;
  store<u32>(tree, load<u32>(tree) + load<u32>(tree, 4));
  let root = 0;
  let leaf = 2;
  for (let next = 1; next < n - 1; next++) {
    let sum: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= n || (root < next && node(tree, root) < node(tree, leaf))) {
        sum += node(tree, root);
        store<u32>(tree + ((root as usize) << 2), next);
        root++;
      } else {
        sum += node(tree, leaf);
        leaf++;
      }
    }
    store<u32>(tree + ((next as usize) << 2), sum);
  }
  // Parents become depths, from the root down.
  store<u32>(tree + ((n as usize) << 2) - 8, 0);
  for (let next = n - 3; next >= 0; next--) {
    store<u32>(tree + ((next as usize) << 2), node(tree, node(tree, next) as i32) + 1);
  }
  memory.fill(depths, 0, 64);
  let overfull: i32 = -(1 << limit);
  let internal = n - 2;
  let available = 1;
  for (let depth: u32 = 0; available > 0; depth++) {
    let inner = 0;
    while (internal >= 0 && node(tree, internal) == depth) {
      inner++;
      internal--;
    }
    const leaves = available - inner;
    const kept = min(depth, limit);
    store<u32>(depths + (kept << 2), load<u32>(depths + (kept << 2)) + leaves);
    overfull += leaves << (limit - kept);
    available = inner * 2;
  }
  // Each turn hangs a leaf of the last level beside one from higher up.
  for (; overfull > 0; overfull--) {
    let depth = limit - 1;
    while (load<u32>(depths + (depth << 2)) == 0) depth--;
    store<u32>(depths + (depth << 2), load<u32>(depths + (depth << 2)) - 1);
    store<u32>(depths + ((depth + 1) << 2), load<u32>(depths + ((depth + 1) << 2)) + 2);
    store<u32>(depths + (limit << 2), load<u32>(depths + (limit << 2)) - 1);
  }
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function node(tree: usize, index: i32): u32 {
  return load<u32>(tree + ((index as usize) << 2));
}

/** Writes the canonical codes that the lengths stand for: bits reversed, above eight bits with their number. */
export function makeCodes(lengths: usize, size: u32, codes: usize): void {
  memory.fill(depths, 0, 64);
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const depth = depths + ((load<u8>(lengths + symbol) as usize) << 2);
    store<u32>(depth, load<u32>(depth) + 1);
  }
  let code: u32 = 0;
  let shorter: u32 = 0;
  for (let depth: usize = 1; depth < 16; depth++) {
    code = (code + shorter) << 1;
    shorter = load<u32>(depths + (depth << 2));
    store<u32>(depths + (depth << 2), code);
  }
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const length = load<u8>(lengths + symbol) as u32;
    const next = depths + (length << 2);
    const value = load<u32>(next);
    store<u32>(next, value + 1);
    store<u32>(codes + (symbol << 2), length == 0 ? 0 : (reverse(value, length) << 8) | length);
  }
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function reverse(value: u32, length: u32): u32 {
  value = ((value & 0x5555) << 1) | ((value >>> 1) & 0x5555);
  value = ((value & 0x3333) << 2) | ((value >>> 2) & 0x3333);
  value = ((value & 0x0f0f) << 4) | ((value >>> 4) & 0x0f0f);
  value = ((value & 0x00ff) << 8) | ((value >>> 8) & 0x00ff);
  return value >>> (16 - length);
}
