import { DeflateError, type DeflateLevel } from '@slipway/deflate';
import type { DeflatedBlocks, DeflateFileOptions, DeflateFileRun } from '@slipway/deflate/pool';
import type { Digest } from '@slipway/digest-value';
import type { CompressContentOptions } from '../compression/compressor.ts';
import { abortable } from '../streams/abortable.ts';
import type { ByteStream } from '../streams/content.ts';
import { gathered } from '../streams/gather.ts';
import { inOrder } from '../streams/in-order.ts';
import type { LentFile } from '../streams/lent-file.ts';
import { deflateFileOnThreads, sharedFileResults, sharedNoiseResults } from '../threads/deflate-threads.ts';

/**
 * Blocks that a thread makes in one go: what comes of them is handed on in one piece, which costs as much as some tens
 * of KiB do, wherever it passes. Of noise, which a thread only looks at and hashes, it makes one piece while the one
 * before is read: as one thread makes all of them, more at once would only take memory.
 */
const blocksAtOnce = 4;

/** How a file is deflated, and what stands around the blocks. */
export interface FileCodec {
  readonly level: DeflateLevel;
  readonly blockSize: number;
  /** Turns of some blocks each worked on at once. */
  readonly concurrency: number;
  /** No block becomes larger. */
  readonly resultSize: number;
  readonly header: () => Uint8Array;
  /** Called for every block, in order, before what became of it is handed out. */
  readonly onCompressed?: ((compressed: Uint8Array, plainSize: number) => void) | undefined;
  readonly trailer: (checksum: number, size: number) => Uint8Array;
}

/** Content that lies in a file, all of it. */
export interface FileContent {
  readonly size: number;
  readonly lend: () => Promise<LentFile>;
}

/**
 * Compresses content that lies in a file: worker threads read it, hash it and deflate it, and only what has become of
 * it passes through this thread. The bytes are those that come of a stream of it.
 */
export function compressFile(content: FileContent, codec: FileCodec, options: CompressContentOptions): ByteStream {
  return abortable(gathered(piecesOf(content, codec, options), options.reuse), options.signal);
}

async function* piecesOf(
  { size, lend }: FileContent,
  codec: FileCodec,
  { algorithm, signal, reuse = false, onLent, onMeasured, onMade }: CompressContentOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const { level, blockSize, resultSize } = codec;
  const isSealed = onMade !== undefined;
  const concurrency = isSealed ? 1 : codec.concurrency;
  const results = isSealed ? sharedNoiseResults : sharedFileResults;
  signal?.throwIfAborted();
  const file = await lend();
  const header = codec.header();
  const resultHash = onMade && { algorithm: 'sha256', before: header };
  using run = begin(file, { size, blockSize, blocksAtOnce, level, algorithm, resultHash, signal });
  try {
    await file.assertUnchanged();
    let madeSize = header.byteLength;
    yield header;
    const turnSize = blocksAtOnce * blockSize;
    const work = async (offset: number): Promise<DeflatedBlocks & { readonly offset: number }> => {
      const made = await run.next(reuse ? () => results.take(blocksAtOnce * resultSize) : undefined);
      file.onRead(offset, Math.min(turnSize, size - offset));
      return { ...made, offset };
    };
    const options = { concurrency, held: concurrency + 1, signal };
    for await (const { bytes, sizes, offset } of inOrder(offsetsOf(size, turnSize), work, options)) {
      let end = 0;
      for (const [i, length] of sizes.entries()) {
        const start = end;
        end += length;
        codec.onCompressed?.(bytes.subarray(start, end), Math.min(blockSize, size - offset - i * blockSize));
      }
      madeSize += bytes.byteLength;
      const giveBack = (): void => {
        if (reuse && bytes.buffer instanceof SharedArrayBuffer) results.giveBack(bytes);
      };
      onLent?.(bytes, giveBack);
      yield bytes;
      if (onLent === undefined) giveBack();
    }
    const { hash, checksum } = await run.end();
    await file.assertUnchanged();
    onMeasured({ digest: `${algorithm}:${hash}` as Digest, size });
    const trailer = codec.trailer(checksum, size);
    if (onMade !== undefined) {
      const digest = `sha256:${await run.seal(trailer)}` as Digest;
      onMade({ digest, size: madeSize + trailer.byteLength });
    }
    yield trailer;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof DeflateError && error.code === 'ERR_DEFLATE_READ' ? file.readFailure(error.cause) : error;
  } finally {
    // Given back once it was looked at for the last time, and no thread reads it any more.
    void run.settled().then(() => file[Symbol.dispose]());
  }
}

/** Gives the file back where no thread begins. */
function begin(file: LentFile, options: Omit<DeflateFileOptions, 'fd' | 'start' | 'readSync'>): DeflateFileRun {
  try {
    const { fd, start, readSync } = file;
    return deflateFileOnThreads({ ...options, fd, start, readSync });
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

async function* offsetsOf(size: number, turnSize: number): AsyncGenerator<number, void, void> {
  for (let offset = 0; offset < size; offset += turnSize) yield offset;
}
