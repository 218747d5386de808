import { ArgumentRangeError, assertArgument, assertSignal, someBytes } from '@slipway/arguments';
import type { LentFile } from './lent-file.ts';

/**
 * A one-pass sequence of bytes. Node and web streams both fit. A source does not write into a chunk it has handed out,
 * unless it was asked for with {@link ReuseOptions.reuse}.
 */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Every wait ends early, with the signal's own reason, once the signal aborts. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ReuseOptions extends AbortOptions {
  /**
   * The reader is done with each chunk when it asks for the next one, or leaves: it may be written over then. Memory is
   * used again instead of being left to the garbage collector. @default false
   */
  readonly reuse?: boolean | undefined;
}

export interface OpenOptions extends ReuseOptions {
  /** First byte wanted. @default 0 */
  readonly from?: number | undefined;
  /**
   * Bytes that the reader means to take: a hint, so that no more are read ahead of it. There may come more.
   * @default all to the end
   */
  readonly wanted?: number | undefined;
}

/** Bytes that can be read again, from any offset, as often as needed. */
export interface Content {
  /** Bytes in all. */
  readonly size: number;
  /** Starts a fresh read. Nothing is opened before the first chunk is asked for; leaving the loop closes everything. */
  open(options?: OpenOptions): ByteStream;
  /** Lends the file in which the bytes lie one after the other. Not there where they do not. */
  readonly lend?: (() => Promise<LentFile>) | undefined;
}

/** Whether bytes can be read again, or come once. */
export function isContent(source: ByteStream | Content): source is Content {
  return !(Symbol.asyncIterator in source || Symbol.iterator in source);
}

/** Content that is already in memory. The bytes are not copied: do not change them afterwards. */
export function contentOf(bytes: Uint8Array): Content {
  assertArgument('bytes', bytes, someBytes);
  return {
    size: bytes.byteLength,
    async *open({ from = 0, signal }: OpenOptions = {}) {
      assertSignal(signal);
      signal?.throwIfAborted();
      if (!(Number.isInteger(from) && from >= 0)) {
        throw new ArgumentRangeError('from', `Expected \`from\` to be an integer from 0, got ${from}`);
      }
      if (from < bytes.byteLength) yield bytes.subarray(from);
    },
  };
}
