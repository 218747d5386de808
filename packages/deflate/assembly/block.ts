// One deflate block: chooses between stored, fixed and dynamic codes by their exact sizes, and writes it.

import {
  alignBits,
  bitsToByte,
  giveBack,
  putBits,
  putBytes,
  takeAt,
  takeBits,
  takeCount,
} from './bits';
import { DISTANCES } from './counts';
import { makeCodes, makeLengths } from './huffman';
import {
  DISTANCE_CODES,
  FIXED_DISTANCE_CODES,
  FIXED_LENGTH_CODES,
  FIXED_LITERAL_CODES,
  LENGTH_CODES,
  LENGTHS,
  LITERAL_CODES,
  META_CODES,
  META_COUNTS,
  META_ITEMS,
  META_LENGTHS,
} from './layout';
import { distanceExtra, distanceSymbol, RUN_LIMIT, RUN_SHIFT } from './sequences';
import { lengthExtra, makeLengthCodes } from './tables';

/** Four literals and what is left of a byte must fit into 64 bits. */
const LITERAL_LIMIT: u32 = 14;
const DISTANCE_LIMIT: u32 = 15;
const META_LIMIT: u32 = 7;

/** Bytes that a stored block can carry. */
export const STORED_LIMIT: usize = 65535;

/** The order in which the lengths of the code of code lengths are sent. */
const META_ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

let metaItems: u32 = 0;
let metaSent: u32 = 0;
let literalsSent: u32 = 0;
let distancesSent: u32 = 0;

/** Writes bytes as they are, in as many blocks as it takes; at least one. Ends on a byte boundary. */
export function putStored(from: usize, to: usize, final: u32): void {
  do {
    const size = min(to - from, STORED_LIMIT);
    const last = from + size == to;
    putBits(last ? final : 0, 3);
    alignBits();
    putBits((size as u32) | ((~(size as u32) & 0xffff) << 16), 32);
    putBytes(from, size);
    from += size;
  } while (from < to);
}

/** Writes words `first` to `last`, whose bytes are `from` to `to`; the bytes behind the last word are literals. */
export function putBlock(counts: usize, first: usize, last: usize, from: usize, to: usize, final: u32): void {
  store<u32>(counts + (256 << 2), 1);
  makeLengths(counts, 286, LITERAL_LIMIT, LENGTHS);
  makeLengths(counts + DISTANCES, 30, DISTANCE_LIMIT, LENGTHS + 288);

  const headerCost = planHeader();
  let dynamicCost: u32 = 3 + headerCost;
  let fixedCost: u32 = 3;
  for (let symbol: u32 = 0; symbol < 286; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    const extra = symbol < 265 ? 0 : lengthExtra(symbol - 257);
    dynamicCost += count * ((load<u8>(LENGTHS + symbol) as u32) + extra);
    fixedCost += count * ((load<u32>(FIXED_LITERAL_CODES + (symbol << 2)) & 255) + extra);
  }
  for (let symbol: u32 = 0; symbol < 30; symbol++) {
    const count = load<u32>(counts + DISTANCES + (symbol << 2));
    const extra = distanceExtra(symbol);
    dynamicCost += count * ((load<u8>(LENGTHS + 288 + symbol) as u32) + extra);
    fixedCost += count * (5 + extra);
  }
  const size = to - from;
  const storedBlocks = (size + STORED_LIMIT - 1) / STORED_LIMIT;
  const storedCost: u32 = 3 + bitsToByte(3) + 32 + (((storedBlocks - 1) * 40 + (size << 3)) as u32);

  if (storedCost <= min(dynamicCost, fixedCost)) {
    putStored(from, to, final);
  } else if (fixedCost <= dynamicCost) {
    putBits(final | 2, 3);
    putSequences(first, last, from, to, FIXED_LITERAL_CODES, FIXED_LENGTH_CODES, FIXED_DISTANCE_CODES);
  } else {
    putBits(final | 4, 3);
    putHeader();
    makeCodes(LENGTHS, 286, LITERAL_CODES);
    makeCodes(LENGTHS + 288, 30, DISTANCE_CODES);
    makeLengthCodes(LITERAL_CODES, LENGTH_CODES);
    putSequences(first, last, from, to, LITERAL_CODES, LENGTH_CODES, DISTANCE_CODES);
  }
}

/** Says the code lengths as runs, makes a code for that, and returns the bits it all takes. */
function planHeader(): u32 {
  literalsSent = 286;
  while (literalsSent > 257 && load<u8>(LENGTHS + literalsSent - 1) == 0) literalsSent--;
  distancesSent = 30;
  while (distancesSent > 1 && load<u8>(LENGTHS + 288 + distancesSent - 1) == 0) distancesSent--;

  memory.fill(META_COUNTS, 0, 19 << 2);
  metaItems = 0;
  planRuns(LENGTHS, literalsSent);
  planRuns(LENGTHS + 288, distancesSent);
  makeLengths(META_COUNTS, 19, META_LIMIT, META_LENGTHS);

  metaSent = 19;
  while (metaSent > 4 && load<u8>(META_LENGTHS + load<u8>(META_ORDER + metaSent - 1)) == 0) metaSent--;
  let cost: u32 = 14 + 3 * metaSent;
  for (let symbol: u32 = 0; symbol < 19; symbol++) {
    const extra: u32 = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    cost += load<u32>(META_COUNTS + (symbol << 2)) * ((load<u8>(META_LENGTHS + symbol) as u32) + extra);
  }
  return cost;
}

function planRuns(lengths: usize, size: u32): void {
  for (let i: u32 = 0; i < size; ) {
    const length = load<u8>(lengths + i) as u32;
    let run: u32 = 1;
    while (i + run < size && load<u8>(lengths + i + run) == length) run++;
    i += run;
    if (length == 0) {
      for (; run >= 11; run -= min<u32>(run, 138)) planItem(18, min<u32>(run, 138) - 11);
      if (run >= 3) {
        planItem(17, run - 3);
        run = 0;
      }
    } else {
      planItem(length, 0);
      run--;
      for (; run >= 3; run -= min<u32>(run, 6)) planItem(16, min<u32>(run, 6) - 3);
    }
    for (; run > 0; run--) planItem(length, 0);
  }
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function planItem(symbol: u32, extra: u32): void {
  const count = META_COUNTS + (symbol << 2);
  store<u32>(count, load<u32>(count) + 1);
  store<u16>(META_ITEMS + (metaItems << 1), (symbol | (extra << 8)) as u16);
  metaItems++;
}

function putHeader(): void {
  putBits((literalsSent - 257) | ((distancesSent - 1) << 5) | ((metaSent - 4) << 10), 14);
  for (let i: u32 = 0; i < metaSent; i++) putBits(load<u8>(META_LENGTHS + load<u8>(META_ORDER + i)), 3);
  makeCodes(META_LENGTHS, 19, META_CODES);
  for (let i: u32 = 0; i < metaItems; i++) {
    const item = load<u16>(META_ITEMS + (i << 1)) as u32;
    const symbol = item & 255;
    const code = load<u32>(META_CODES + (symbol << 2));
    putBits(code >>> 8, code & 255);
    if (symbol >= 16) putBits(item >>> 8, symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
  }
}

/** The innermost loop of all writing: everything is in locals, and a flush has no branch. */
function putSequences(
  first: usize,
  last: usize,
  position: usize,
  end: usize,
  literalCodes: usize,
  lengthCodes: usize,
  distanceCodes: usize,
): void {
  let at = takeAt();
  let bits = takeBits();
  let count = takeCount();
  for (;;) {
    const isRest = first == last;
    const word: u32 = isRest ? 0 : load<u32>(first);
    let run: usize = isRest ? end - position : word >>> RUN_SHIFT;
    first += 4;
    const isMatch = run < RUN_LIMIT && !isRest;
    while (run >= 4) {
      const four = load<u32>(position);
      const a = load<u32>(literalCodes + ((four & 255) << 2));
      const b = load<u32>(literalCodes + (((four >>> 8) & 255) << 2));
      const c = load<u32>(literalCodes + (((four >>> 16) & 255) << 2));
      const d = load<u32>(literalCodes + ((four >>> 24) << 2));
      bits |= ((a >>> 8) as u64) << count;
      count += a & 255;
      bits |= ((b >>> 8) as u64) << count;
      count += b & 255;
      bits |= ((c >>> 8) as u64) << count;
      count += c & 255;
      bits |= ((d >>> 8) as u64) << count;
      count += d & 255;
      store<u64>(at, bits);
      at += (count >> 3) as usize;
      bits >>= count & 56;
      count &= 7;
      position += 4;
      run -= 4;
    }
    if (run > 0) {
      // One to three: all are looked up and the surplus is dropped, which costs less than a wrong guess about the
      // number.
      const four = load<u32>(position);
      const a = load<u32>(literalCodes + ((four & 255) << 2));
      const b = select<u32>(load<u32>(literalCodes + (((four >>> 8) & 255) << 2)), 0, run > 1);
      const c = select<u32>(load<u32>(literalCodes + (((four >>> 16) & 255) << 2)), 0, run > 2);
      bits |= ((a >>> 8) as u64) << count;
      count += a & 255;
      bits |= ((b >>> 8) as u64) << count;
      count += b & 255;
      bits |= ((c >>> 8) as u64) << count;
      count += c & 255;
      position += run;
      store<u64>(at, bits);
      at += (count >> 3) as usize;
      bits >>= count & 56;
      count &= 7;
    }
    if (isMatch) {
      const length = (word >>> 15) & 255;
      const distance = word & 0x7fff;
      const lengthCode = load<u32>(lengthCodes + (length << 2));
      const symbol = distanceSymbol(distance);
      const extra = distanceExtra(symbol);
      const distanceCode = load<u32>(distanceCodes + (symbol << 2));
      bits |= ((lengthCode >>> 8) as u64) << count;
      count += lengthCode & 255;
      bits |= ((distanceCode >>> 8) as u64) << count;
      count += distanceCode & 255;
      bits |= ((distance & ((1 << extra) - 1)) as u64) << count;
      count += extra;
      store<u64>(at, bits);
      at += (count >> 3) as usize;
      bits >>= count & 56;
      count &= 7;
      position += length + 3;
    }
    if (isRest) break;
  }
  giveBack(at, bits, count);
  const end256 = load<u32>(literalCodes + (256 << 2));
  putBits(end256 >>> 8, end256 & 255);
}
