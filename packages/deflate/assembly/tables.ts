// Tables that never change, made once per instance.

import { makeCodes } from './huffman';
import {
  FIXED_DISTANCE_CODES,
  FIXED_LENGTH_CODES,
  FIXED_LITERAL_CODES,
  LENGTH_CODES,
  LENGTH_SYMBOLS,
  LENGTHS,
  LITERAL_CODES,
  LOGARITHMS,
} from './layout';

/** Extra bits of a length symbol less 257. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function lengthExtra(symbol: u32): u32 {
  return symbol < 8 || symbol == 28 ? 0 : (symbol >>> 2) - 1;
}

/** Gives every match length its whole code: that of its symbol, then the extra bits. */
export function makeLengthCodes(literalCodes: usize, lengthCodes: usize): void {
  let length: u32 = 0;
  for (let symbol: u32 = 0; symbol < 29; symbol++) {
    const code = load<u32>(literalCodes + ((257 + symbol) << 2));
    const size = code & 255;
    const extra = lengthExtra(symbol);
    // 258 has a symbol of its own, so the one before it is one short.
    const lengths: u32 = symbol == 27 ? 31 : 1 << extra;
    for (let i: u32 = 0; i < lengths; i++) {
      store<u32>(lengthCodes + (length << 2), (((code >>> 8) | (i << size)) << 8) | (size + extra));
      length++;
    }
  }
}

export function makeTables(): void {
  let length: usize = 0;
  for (let symbol: u32 = 0; symbol < 29; symbol++) {
    const lengths: u32 = symbol == 27 ? 31 : 1 << lengthExtra(symbol);
    for (let i: u32 = 0; i < lengths; i++) store<u8>(LENGTH_SYMBOLS + length++, symbol as u8);
  }
  for (let symbol: usize = 0; symbol < 288; symbol++) {
    store<u8>(LENGTHS + symbol, symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  }
  makeCodes(LENGTHS, 288, FIXED_LITERAL_CODES);
  makeLengthCodes(FIXED_LITERAL_CODES, FIXED_LENGTH_CODES);
  memory.fill(LENGTHS, 5, 32);
  makeCodes(LENGTHS, 32, FIXED_DISTANCE_CODES);
  makeLogarithms();
}

/** Squares 1 + step/256 twelve times: each time it passes 2 is one more bit of its logarithm. Integers only. */
function makeLogarithms(): void {
  for (let step: usize = 0; step < 256; step++) {
    let value: u64 = (256 + step) << 22;
    let logarithm: u32 = 0;
    for (let bit = 0; bit < 12; bit++) {
      value = (value * value) >> 30;
      const above = (value >> 31) as u32;
      logarithm = (logarithm << 1) | above;
      value >>= above as u64;
    }
    store<u32>(LOGARITHMS + (step << 2), logarithm);
  }
}

/** Binary logarithm of `value` in steps of 1/4096; 0 of 0. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function logarithm(value: u32): u32 {
  const normal = value | 1;
  const top = 31 - clz(normal);
  const step = (((normal << (31 - top)) >>> 23) & 255) as usize;
  return (top << 12) | load<u32>(LOGARITHMS + (step << 2));
}
