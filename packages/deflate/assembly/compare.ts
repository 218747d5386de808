// How long two places say the same.

/** Bytes that are equal at `a` and `b`, from `known` on and up to `limit`. Reads up to 7 bytes past the limit. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function matchLength(a: usize, b: usize, known: u32, limit: u32): u32 {
  let length = known;
  while (length < limit) {
    const difference = load<u64>(a + length) ^ load<u64>(b + length);
    if (difference != 0) {
      length += (ctz(difference) as u32) >>> 3;
      return min(length, limit);
    }
    length += 8;
  }
  return limit;
}
