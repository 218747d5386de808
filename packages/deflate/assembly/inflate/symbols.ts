// The inner loop: literals, lengths and distances.

import { Input } from './input';
import { DISTANCE_BITS, DISTANCES, LITERAL_BITS, LITERALS, OUTPUT_END, OUTPUT_MARGIN } from './layout';
import { Output } from './output';
import { CORRUPT, GO_ON, NEEDS_INPUT, OUTPUT_FULL } from './results';
import { INVALID, LINK, LITERAL, SPECIAL } from './tables';

/**
 * Decodes until the block ends (GO_ON), the input runs out or the output is full. Registers hold everything: bits in
 * `b`, of which `n` are good (modulo 64: shifts look at no more), input and output addresses in `p` and `o`.
 */
export function decodeSymbols(): i32 {
  // Up to three refills a turn: none reads beyond the input, but of the last, which zeros follow.
  const inputStop = Input.isLast ? Input.end + 8 : Input.end - 32;
  const outputStop = OUTPUT_END - OUTPUT_MARGIN;
  const windowStart = Output.windowStart;
  if (Input.at >= inputStop) return NEEDS_INPUT;
  let p = Input.at;
  let b = Input.bits;
  let n = Input.count;
  let o = Output.at;
  let result = OUTPUT_FULL;
  b |= load<u64>(p) << (n as u64);
  p += ((63 - n) >>> 3) & 7;
  n |= 56;
  let entry = literalAt(b);
  for (;;) {
    if (p >= inputStop) {
      result = NEEDS_INPUT;
      break;
    }
    if (o >= outputStop) break;
    if (entry & LITERAL) {
      b >>= entry as u64;
      n -= entry;
      store<u8>(o, entry >>> 16);
      entry = literalAt(b);
      o++;
      if (entry & LITERAL) {
        b >>= entry as u64;
        n -= entry;
        store<u8>(o, entry >>> 16);
        entry = literalAt(b);
        o++;
        if (entry & LITERAL) {
          b >>= entry as u64;
          n -= entry;
          store<u8>(o, entry >>> 16);
          o++;
          b |= load<u64>(p) << (n as u64);
          p += ((63 - n) >>> 3) & 7;
          n |= 56;
          entry = literalAt(b);
          continue;
        }
      }
      b |= load<u64>(p) << (n as u64);
      p += ((63 - n) >>> 3) & 7;
      n |= 56;
    }
    if (entry & SPECIAL) {
      b >>= entry as u64;
      n -= entry;
      if (entry & LINK) {
        entry = load<u32>(LITERALS + (((entry >>> 16) + ((b as u32) & ((1 << (entry >>> 8)) - 1))) << 2));
        if (entry & LITERAL) {
          b >>= entry as u64;
          n -= entry;
          store<u8>(o, entry >>> 16);
          o++;
          b |= load<u64>(p) << (n as u64);
          p += ((63 - n) >>> 3) & 7;
          n |= 56;
          entry = literalAt(b);
          continue;
        }
        if (entry & SPECIAL) {
          b >>= entry as u64;
          n -= entry;
        }
      }
      if (entry & SPECIAL) {
        result = entry & INVALID ? CORRUPT : GO_ON;
        break;
      }
    }
    const length = (entry >>> 16) + (((b as u32) & ((1 << entry) - 1)) >>> (entry >>> 8));
    b >>= entry as u64;
    n -= entry;
    entry = load<u32>(DISTANCES + (((b as u32) & ((1 << DISTANCE_BITS) - 1)) << 2));
    if (entry & SPECIAL) {
      if (entry & LINK) {
        b >>= DISTANCE_BITS as u64;
        n -= DISTANCE_BITS;
        entry = load<u32>(DISTANCES + (((entry >>> 16) + ((b as u32) & ((1 << (entry >>> 8)) - 1))) << 2));
      }
      if (entry & SPECIAL) {
        result = CORRUPT;
        break;
      }
    }
    const distance = ((entry >>> 16) + (((b as u32) & ((1 << entry) - 1)) >>> (entry >>> 8))) as usize;
    b >>= entry as u64;
    n -= entry;
    if (distance > o - windowStart) {
      result = CORRUPT;
      break;
    }
    // The next code is looked up before the copy, which takes its time.
    b |= load<u64>(p) << (n as u64);
    p += ((63 - n) >>> 3) & 7;
    n |= 56;
    entry = literalAt(b);
    const end = o + length;
    let from = o - distance;
    if (distance >= 16) {
      v128.store(o, v128.load(from));
      while ((o += 16) < end) {
        from += 16;
        v128.store(o, v128.load(from));
      }
    } else if (distance == 1) {
      const letters = i8x16.splat(load<u8>(from) as i8);
      do {
        v128.store(o, letters);
        o += 16;
      } while (o < end);
    } else {
      // What repeats after `gap` letters repeats after twice as many too.
      let gap = distance;
      while (gap < 8) {
        store<u64>(o, load<u64>(from));
        o += gap;
        gap <<= 1;
      }
      while (o < end) {
        store<u64>(o, load<u64>(o - gap));
        o += 8;
      }
    }
    o = end;
  }
  Input.at = p;
  Input.bits = b;
  Input.count = n & 63;
  Output.at = o;
  return result;
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
function literalAt(b: u64): u32 {
  return load<u32>(LITERALS + (((b as u32) & ((1 << LITERAL_BITS) - 1)) << 2));
}
