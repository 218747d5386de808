// The codes that a block brings along, and the fixed ones of RFC 1951.

import { Input, refill, takeBits } from './input';
import { DISTANCE_BITS, DISTANCES, LENGTHS, LITERAL_BITS, LITERALS, META, META_BITS } from './layout';
import { DISTANCE_CODE, LITERAL_CODE, META_CODE, makeTable } from './tables';

const LITERAL_SYMBOLS: u32 = 286;
const DISTANCE_SYMBOLS: u32 = 30;

/** Order in which the lengths of the code of code lengths are said. */
const META_ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Whether the tables hold the fixed codes. */
let areFixed: bool = false;

export function useFixedCodes(): void {
  if (areFixed) return;
  for (let symbol: usize = 0; symbol < 288; symbol++) {
    store<u8>(LENGTHS + symbol, symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  }
  memory.fill(LENGTHS + 288, 5, 32);
  makeTables(288, 32);
  areFixed = true;
}

/** Reads the codes that follow; false where there are none that decoders accept. */
export function readCodes(): bool {
  areFixed = false;
  const literals = takeBits(5) + 257;
  const distances = takeBits(5) + 1;
  const metas = takeBits(4) + 4;
  if (literals > LITERAL_SYMBOLS || distances > DISTANCE_SYMBOLS) return false;
  memory.fill(LENGTHS, 0, 19);
  for (let i: u32 = 0; i < metas; i++) {
    refill();
    store<u8>(LENGTHS + load<u8>(META_ORDER + i), takeBits(3) as u8);
  }
  if (!makeTable(LENGTHS, 19, META_CODE, META_BITS, META)) return false;
  if (!readLengths(literals + distances)) return false;
  // Without the symbol that ends a block there is no end.
  return load<u8>(LENGTHS + 256) != 0 && makeTables(literals, distances);
}

function readLengths(size: u32): bool {
  for (let i: u32 = 0; i < size; ) {
    refill();
    const entry = load<u32>(META + (((Input.bits as u32) & ((1 << META_BITS) - 1)) << 2));
    takeBits(entry & 63);
    const symbol = entry >>> 16;
    if (symbol < 16) {
      store<u8>(LENGTHS + i, symbol as u8);
      i++;
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    const length: u8 = symbol == 16 ? load<u8>(LENGTHS + i - 1) : 0;
    const times = symbol == 16 ? 3 + takeBits(2) : symbol == 17 ? 3 + takeBits(3) : 11 + takeBits(7);
    if (i + times > size) return false;
    memory.fill(LENGTHS + i, length, times);
    i += times;
  }
  return true;
}

function makeTables(literals: u32, distances: u32): bool {
  return (
    makeTable(LENGTHS, literals, LITERAL_CODE, LITERAL_BITS, LITERALS) &&
    makeTable(LENGTHS + literals, distances, DISTANCE_CODE, DISTANCE_BITS, DISTANCES)
  );
}
