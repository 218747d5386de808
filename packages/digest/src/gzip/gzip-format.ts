import { aCount, assertArgument } from '@slipway/arguments';

/** Bytes of the framing around a member's deflate data. */
export const gzipTrailerSize = 8;

/** Bytes a stored deflate block can carry. */
const storedMaximum = 0xffff;

/** A member's header as Go writes it: no name, no time, no hint about the level, operating system unknown. */
export function gzipHeader(): Uint8Array {
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
}

/** CRC-32 and length of the member's plain bytes, both modulo 2^32. */
export function gzipTrailer(crc: number, size: number): Uint8Array {
  const trailer = new Uint8Array(gzipTrailerSize);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, crc, true);
  view.setUint32(4, size % 2 ** 32, true);
  return trailer;
}

/** The block that ends a deflate stream: final, fixed codes, nothing in it. */
export function deflateEnd(): Uint8Array {
  return Uint8Array.of(3, 0);
}

/** Bytes that {@link storedBlocks} makes of `size` bytes. */
export function storedSize(size: number): number {
  assertArgument('size', size, aCount);
  return size + 5 * Math.ceil(size / storedMaximum);
}

/**
 * Bytes as deflate blocks that are not compressed. They begin and end on byte boundaries.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951#page-11
 */
export function storedBlocks(bytes: Uint8Array): Uint8Array {
  const stored = new Uint8Array(storedSize(bytes.byteLength));
  let at = 0;
  for (let offset = 0; offset < bytes.byteLength; offset += storedMaximum) {
    const part = bytes.subarray(offset, offset + storedMaximum);
    const size = part.byteLength;
    stored.set(storedHeader(size), at);
    stored.set(part, at + 5);
    at += 5 + size;
  }
  return stored;
}

/**
 * Makes what {@link storedBlocks} makes of `size` plain bytes in `into`, which has room for {@link storedSize} of them.
 * `read` fills what it is given with the plain bytes that come next.
 */
export async function readStoredBlocks(
  into: Uint8Array,
  size: number,
  read: (target: Uint8Array) => Promise<void>,
): Promise<void> {
  let at = 0;
  for (let left = size; left > 0; ) {
    const part = Math.min(left, storedMaximum);
    into.set(storedHeader(part), at);
    await read(into.subarray(at + 5, at + 5 + part));
    at += 5 + part;
    left -= part;
  }
}

function storedHeader(size: number): readonly number[] {
  return [0, size & 0xff, size >> 8, ~size & 0xff, (~size >> 8) & 0xff];
}

/** Whether deflate blocks are what {@link storedBlocks} makes of `size` bytes. */
export function areStoredBlocks(blocks: Uint8Array, size: number): boolean {
  if (blocks.byteLength !== storedSize(size)) return false;
  for (let at = 0, left = size; left > 0; ) {
    const part = Math.min(left, storedMaximum);
    const said = (blocks[at + 1] as number) | ((blocks[at + 2] as number) << 8);
    const again = (blocks[at + 3] as number) | ((blocks[at + 4] as number) << 8);
    if (blocks[at] !== 0 || said !== part || again !== (part ^ 0xffff)) return false;
    at += 5 + part;
    left -= part;
  }
  return true;
}
