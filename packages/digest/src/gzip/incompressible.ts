import { assertArgument, someBytes } from '@slipway/arguments';

/** Shorter blocks are compressed on trial: that costs less than a wrong guess. */
const smallest = 8 * 1024;
const runs = 128;
const runLength = 128;

/**
 * Whether deflate would gain next to nothing on `block`: its letters are all about equally frequent, and what it says
 * is not said again. Content that is already compressed or encrypted is like that, and would cost the most time for
 * nothing.
 *
 * The answer depends on the bytes only. Integer arithmetic keeps it the same on every machine.
 */
export function isIncompressible(block: Uint8Array, previous: Uint8Array | undefined): boolean {
  assertArgument('block', block, someBytes);
  return block.byteLength >= smallest && hasFlatHistogram(block) && !repeats(block, previous);
}

/**
 * Compares the squares of the letters' counts with what equal counts would give. An excess of a tenth is an entropy of
 * about 7.93 bits: Huffman codes could save less than one per cent. Looks at 16 KiB at most, in runs spread over the
 * block.
 */
function hasFlatHistogram(block: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  const stride = Math.max(runLength, Math.floor(block.byteLength / runs));
  let seen = 0;
  for (let start = 0; start + runLength <= block.byteLength; start += stride) {
    for (let i = start; i < start + runLength; i += 1) counts[block[i] as number]! += 1;
    seen += runLength;
  }
  let squares = 0;
  for (const count of counts) squares += count * count;
  // Even random letters have unequal counts: by chance alone the sum is larger by `seen`.
  return 10 * 256 * (squares - seen) <= 11 * seen * seen;
}

const window = 32 * 1024;
const tableBits = 14;
/** Where a word was last seen, and which one it was. Kept between calls: making them costs more than filling them. */
const places = new Int32Array(1 << tableBits);
const words = new Int32Array(1 << tableBits);

/**
 * Looks for four letters that occurred before within deflate's window, at about one position in sixteen: those that the
 * content itself marks, so that a repetition is met at the same places as the original.
 */
function repeats(block: Uint8Array, previous: Uint8Array | undefined): boolean {
  places.fill(-2 * window - 1); // so far back that nothing can reach it
  const tail = previous?.subarray(-window);
  if (tail !== undefined) markWords(tail, -tail.byteLength);
  const { marked, repeated } = markWords(block, 0);
  return repeated * 64 > marked;
}

/** Enters the marked words of `bytes`, the first of which is at `base`, and counts those that were there already. */
function markWords(bytes: Uint8Array, base: number): { marked: number; repeated: number } {
  const end = bytes.byteLength - 3;
  let marked = 0;
  let repeated = 0;
  for (let i = 0; i < end; i += 1) {
    const first = bytes[i] as number;
    if ((first & 15) !== 9) continue;
    const word =
      first | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - tableBits);
    marked += 1;
    if (words[slot] === word && base + i - (places[slot] as number) <= window) repeated += 1;
    places[slot] = base + i;
    words[slot] = word;
  }
  return { marked, repeated };
}
