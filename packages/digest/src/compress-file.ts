import { DeflateError, type DeflateLevel } from '@slipway/deflate';
import type { DeflateFileOptions, DeflateFileRun } from '@slipway/deflate/pool';
import type { Digest } from '@slipway/digest-value';
import { abortable } from './abortable.ts';
import type { CompressContentOptions } from './compressor.ts';
import type { ByteStream } from './content.ts';
import { deflateFileOnThreads, sharedResults } from './deflate-threads.ts';
import { gathered } from './gather.ts';
import { inOrder } from './in-order.ts';
import type { LentFile } from './lent-file.ts';

/** How a file is deflated, and what stands around the blocks. */
export interface FileCodec {
  readonly level: DeflateLevel;
  readonly blockSize: number;
  /** Blocks worked on at once. */
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
  { algorithm, signal, reuse = false, onMeasured }: CompressContentOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const { level, blockSize, concurrency, resultSize } = codec;
  signal?.throwIfAborted();
  const file = await lend();
  using run = begin(file, { size, blockSize, level, algorithm, signal });
  try {
    await file.assertUnchanged();
    yield codec.header();
    const work = async (offset: number): Promise<{ compressed: Uint8Array; plainSize: number }> => {
      const compressed = await run.next(reuse ? sharedResults.take(resultSize) : undefined);
      const plainSize = Math.min(blockSize, size - offset);
      file.onRead(offset, plainSize);
      return { compressed, plainSize };
    };
    const options = { concurrency, held: 2 * concurrency, signal };
    for await (const { compressed, plainSize } of inOrder(offsetsOf(size, blockSize), work, options)) {
      codec.onCompressed?.(compressed, plainSize);
      yield compressed;
      if (reuse && compressed.buffer instanceof SharedArrayBuffer) sharedResults.giveBack(compressed);
    }
    const { hash, checksum } = await run.end();
    await file.assertUnchanged();
    onMeasured({ digest: `${algorithm}:${hash}` as Digest, size });
    yield codec.trailer(checksum, size);
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

async function* offsetsOf(size: number, blockSize: number): AsyncGenerator<number, void, void> {
  for (let offset = 0; offset < size; offset += blockSize) yield offset;
}
