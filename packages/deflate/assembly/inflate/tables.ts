// Tables that a code is looked up in. What stands in an entry:
//   bits 0 to 5   bits to consume, with those that the symbol carries besides its code
//   bits 8 to 12  bits of the code; in a link, bits of the second look
//   bits 16 to 30 the literal, the base of the length or the distance; in a link, where the second table begins
//   bit 31        a literal
//   bit 15        neither a literal nor a base: a link (bit 14), no code at all (bit 13), or the end of the block

import { SORTED } from './layout';

export const LITERAL: u32 = 0x80000000;
export const SPECIAL: u32 = 0x8000;
export const LINK: u32 = 0x4000;
export const INVALID: u32 = 0x2000;

export const LITERAL_CODE: u32 = 0;
export const DISTANCE_CODE: u32 = 1;
export const META_CODE: u32 = 2;

/** Codes of each length, then where the next symbol of that length goes. */
const counts: usize = memory.data(16 * 4);
const places: usize = memory.data(16 * 4);

/**
 * Makes the table of `size` symbols whose code lengths lie at `lengths`; says whether the code is one that decoders
 * accept: complete, or of a single symbol, or, of distances, empty.
 */
export function makeTable(lengths: usize, size: u32, kind: u32, bits: u32, table: usize): bool {
  memory.fill(counts, 0, 64);
  for (let symbol: u32 = 0; symbol < size; symbol++) add(counts, load<u8>(lengths + symbol), 1);
  const unused = load<u32>(counts);
  store<u32>(counts, 0);
  let left: i32 = 1;
  let place: u32 = 0;
  for (let length: u32 = 1; length < 16; length++) {
    const count = load<u32>(counts + (length << 2));
    left = (left << 1) - (count as i32);
    if (left < 0) return false;
    store<u32>(places + (length << 2), place);
    place += count;
  }
  const used = size - unused;
  if (left > 0) {
    if (kind == META_CODE || used > 1 || (used == 1 && load<u32>(counts, 4) != 1)) return false;
    for (let i: usize = 0; i < (1 as usize) << bits; i++) store<u32>(table + (i << 2), SPECIAL | INVALID | 1);
  }
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const length = load<u8>(lengths + symbol);
    if (length == 0) continue;
    const next = places + ((length as usize) << 2);
    const at = load<u32>(next);
    store<u32>(next, at + 1);
    store<u16>(SORTED + (at << 1), symbol as u16);
  }
  fill(lengths, used, kind, bits, table);
  return true;
}

function fill(lengths: usize, used: u32, kind: u32, bits: u32, table: usize): void {
  let code: u32 = 0;
  let length: u32 = 0;
  let end: u32 = 1 << bits;
  let prefix: u32 = 0xffffffff;
  let second: u32 = 0;
  let secondBits: u32 = 0;
  for (let i: u32 = 0; i < used; i++) {
    const symbol = load<u16>(SORTED + (i << 1)) as u32;
    const size = load<u8>(lengths + symbol) as u32;
    code <<= size - length;
    length = size;
    const reversed = reverse(code, size);
    code++;
    if (size <= bits) {
      const entry = entryOf(kind, symbol, size);
      for (let slot = reversed; slot < 1 << bits; slot += 1 << size) store<u32>(table + ((slot as usize) << 2), entry);
      continue;
    }
    const head = reversed & ((1 << bits) - 1);
    if (head != prefix) {
      prefix = head;
      second = end;
      secondBits = secondBitsOf(size, bits);
      end += 1 << secondBits;
      store<u32>(table + ((head as usize) << 2), (second << 16) | SPECIAL | LINK | (secondBits << 8) | bits);
    }
    const entry = entryOf(kind, symbol, size - bits);
    for (let slot = reversed >>> bits; slot < 1 << secondBits; slot += 1 << (size - bits)) {
      store<u32>(table + (((second + slot) as usize) << 2), entry);
    }
    add(counts, size, -1);
  }
}

/**
 * How many bits a second look takes that begins with codes of `size` bits: `counts` has those that have no place yet.
 */
function secondBitsOf(size: u32, bits: u32): u32 {
  let result = size - bits;
  let room: i32 = 1 << result;
  for (let length = size; length < 15; length++) {
    room -= load<u32>(counts + (length << 2)) as i32;
    if (room <= 0) break;
    room <<= 1;
    result++;
  }
  return result;
}

function entryOf(kind: u32, symbol: u32, size: u32): u32 {
  if (kind == META_CODE) return (symbol << 16) | size;
  if (kind == DISTANCE_CODE) {
    if (symbol >= 30) return SPECIAL | INVALID | size;
    const extra: u32 = symbol < 4 ? 0 : (symbol >>> 1) - 1;
    const base: u32 = symbol < 4 ? symbol + 1 : ((2 + (symbol & 1)) << extra) + 1;
    return (base << 16) | (size << 8) | (size + extra);
  }
  if (symbol < 256) return LITERAL | (symbol << 16) | size;
  if (symbol == 256) return SPECIAL | size;
  if (symbol > 285) return SPECIAL | INVALID | size;
  const step = symbol - 257;
  const extra: u32 = step < 8 || step == 28 ? 0 : (step >>> 2) - 1;
  const base: u32 = step < 8 ? step + 3 : step == 28 ? 258 : ((4 + (step & 3)) << extra) + 3;
  return (base << 16) | (size << 8) | (size + extra);
}

function reverse(value: u32, length: u32): u32 {
  value = ((value & 0x5555) << 1) | ((value >>> 1) & 0x5555);
  value = ((value & 0x3333) << 2) | ((value >>> 2) & 0x3333);
  value = ((value & 0x0f0f) << 4) | ((value >>> 4) & 0x0f0f);
  value = ((value & 0x00ff) << 8) | ((value >>> 8) & 0x00ff);
  return value >>> (16 - length);
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function add(words: usize, index: u32, value: i32): void {
  const at = words + ((index as usize) << 2);
  store<u32>(at, load<u32>(at) + value);
}
