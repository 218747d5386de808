import type { Content, OpenOptions } from '@slipway/digest';

/** Content that counts. */
export interface CountedContent extends Content {
  /** Bytes that were handed out. */
  readonly handedOut: () => number;
  /** Times it was opened. */
  readonly opens: () => number;
  /** Readings under way. */
  readonly live: () => number;
  /** Resolves when no reading is under way. */
  readonly idle: () => Promise<void>;
  /** Readings that were under way at once, at most. */
  readonly mostLive: () => number;
}

export interface CountedContentOptions {
  /** Bytes of a chunk. @default 10_000 */
  readonly chunkSize?: number | undefined;
  /** Runs before the chunk at a place is handed out: to wait, or to throw. */
  readonly before?: ((position: number, options: OpenOptions) => void | Promise<void>) | undefined;
}

/** Bytes in small chunks. With `reuse`, a chunk is written over when the next one is asked for, as files do it. */
export function countedContent(
  bytes: Uint8Array | (() => Uint8Array),
  { chunkSize = 10_000, before }: CountedContentOptions = {},
): CountedContent {
  const now = typeof bytes === 'function' ? bytes : () => bytes;
  const { byteLength: size } = now();
  let handedOut = 0;
  let opens = 0;
  let live = 0;
  let mostLive = 0;
  let waiting: (() => void)[] = [];
  return {
    size,
    handedOut: () => handedOut,
    opens: () => opens,
    live: () => live,
    idle: async () => {
      if (live > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    mostLive: () => mostLive,
    async *open(options = {}) {
      const { from = 0, signal, reuse } = options;
      opens += 1;
      live += 1;
      mostLive = Math.max(mostLive, live);
      const room = new Uint8Array(chunkSize);
      try {
        for (let at = from; at < size; at += chunkSize) {
          signal?.throwIfAborted();
          await before?.(at, options);
          const chunk = now().subarray(at, at + chunkSize);
          handedOut += chunk.byteLength;
          if (!reuse) yield chunk.slice();
          else {
            room.set(chunk);
            yield room.subarray(0, chunk.byteLength);
            room.fill(0xee);
          }
        }
      } finally {
        live -= 1;
        if (live === 0) for (const resolve of waiting) resolve();
        if (live === 0) waiting = [];
      }
    },
  };
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}
