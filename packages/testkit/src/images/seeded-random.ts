import { createHash } from 'node:crypto';

/** Numbers and bytes that look random and are the same for the same seed, on every machine. */
export interface SeededRandom {
  /** An integer from 0 up to and without `limit`, at most 2³². */
  integer(limit: number): number;
  /** So many fresh bytes. */
  bytes(length: number): Uint8Array;
  /** Fills the array from its start. */
  fill(target: Uint8Array): void;
}

/** A source of random numbers that starts from a text or a number. */
export function seededRandom(seed: string | number): SeededRandom {
  const hash = createHash('sha256').update(String(seed)).digest();
  // xorshift never leaves zero: a lane must not start there.
  const lanes = Uint32Array.from({ length: 4 }, (_, lane) => hash.readUInt32LE(4 * lane) | 1);

  /**
   * xorshift128, with its state in local variables while it runs.
   * @see https://www.jstatsoft.org/article/view/v008i14
   */
  function next(words: Uint32Array): void {
    let [x = 0, y = 0, z = 0, w = 0] = lanes;
    for (let i = 0; i < words.length; i += 1) {
      const t = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
      words[i] = w;
    }
    lanes.set([x, y, z, w]);
  }

  function fill(target: Uint8Array): void {
    const words = new Uint32Array(Math.ceil(target.byteLength / 4));
    next(words);
    target.set(new Uint8Array(words.buffer, 0, target.byteLength));
  }

  const one = new Uint32Array(1);
  return {
    integer(limit) {
      next(one);
      return Math.floor(((one[0] ?? 0) / 2 ** 32) * limit);
    },
    bytes(length) {
      const bytes = new Uint8Array(length);
      fill(bytes);
      return bytes;
    },
    fill,
  };
}
