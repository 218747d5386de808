// Bits go into a 64-bit register and leave it eight bytes at a time.

let at: usize = 0;
let bits: u64 = 0;
let count: u64 = 0;

export function beginBits(address: usize): void {
  at = address;
  bits = 0;
  count = 0;
}

/** Adds up to 32 bits. */
export function putBits(value: u32, size: u32): void {
  bits |= (value as u64) << count;
  count += size;
  store<u64>(at, bits);
  at += (count >> 3) as usize;
  bits >>= count & 56;
  count &= 7;
}

/** Fills the byte that has been begun with zeros. */
export function alignBits(): void {
  if (count > 0) putBits(0, 8 - (count as u32));
}

/** Whether the next bit begins a byte. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function isAligned(): bool {
  return count == 0;
}

/** Bits missing to the next byte. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function bitsToByte(size: u32): u32 {
  return (8 - (((count as u32) + size) & 7)) & 7;
}

/** Address of the next byte. Only when aligned. */
export function bytesEnd(): usize {
  return at;
}

/** Copies bytes. Only when aligned. */
export function putBytes(from: usize, size: usize): void {
  memory.copy(at, from, size);
  at += size;
}

/** Lends the register to a loop that keeps it in locals. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function takeAt(): usize {
  return at;
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
export function takeBits(): u64 {
  return bits;
}

// @ts-expect-error: a decorator of AssemblyScript
@inline
export function takeCount(): u64 {
  return count;
}

export function giveBack(newAt: usize, newBits: u64, newCount: u64): void {
  at = newAt;
  bits = newBits;
  count = newCount;
}
