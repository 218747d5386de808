import type { ByteStream } from '../src/streams/content.ts';

export async function collect(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `bytes` in chunks whose sizes come from `sizes`, over and over. */
export async function* chunked(bytes: Uint8Array, ...sizes: readonly number[]): AsyncGenerator<Uint8Array, void, void> {
  for (let offset = 0, i = 0; offset < bytes.byteLength; i += 1) {
    const size = sizes[i % sizes.length] ?? bytes.byteLength;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

/** A source that tells what became of it. */
export interface Watched extends AsyncIterable<Uint8Array> {
  opened: number;
  given: number;
  closed: number;
}

/** `count` chunks, or endlessly many, and a record of openings, chunks and closings. */
export function watched(chunk: Uint8Array, count: number = Number.POSITIVE_INFINITY): Watched {
  const source: Watched = {
    opened: 0,
    given: 0,
    closed: 0,
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
      source.opened += 1;
      try {
        for (; source.given < count; ) {
          source.given += 1;
          yield chunk;
        }
      } finally {
        source.closed += 1;
      }
    },
  };
  return source;
}

/** A source that never answers, deaf to signals. */
export function stuck(): ByteStream {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
}

/** The same "random" bytes for the same seed (mulberry32). */
export function noise(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; i += 1) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    bytes[i] = (mixed ^ (mixed >>> 14)) >>> 12;
  }
  return bytes;
}

/** Bytes of several characters, as layers have them. */
export const distributions: Readonly<
  Record<'zeros' | 'noise' | 'letters' | 'echo' | 'mixed', (size: number, seed: number) => Uint8Array>
> = {
  zeros: (size) => new Uint8Array(size),
  noise,
  // Few letters, no repetition: Huffman codes alone help.
  letters: (size, seed) => noise(size, seed).map((byte) => 97 + (byte & 7)),
  // Flat histogram, but everything is said again 5,000 bytes later.
  echo: (size, seed) => {
    const word = noise(5000, seed);
    return new Uint8Array(size).map((_, i) => word[i % word.byteLength] as number);
  },
  // Long runs of one kind, then of another, with borders inside blocks.
  mixed: (size, seed) => {
    const bytes = noise(size, seed);
    for (let start = 0; start < size; start += 400_000) bytes.fill(start & 0xff, start, start + 150_000);
    return bytes;
  },
};

/** Lets everything that can go on without new input go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
