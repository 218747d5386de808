import { type DeflateOptions, deflateBlock } from '@slipway/deflate';
import { createDeflatePool, type DeflateFileOptions, type DeflateFileRun } from '@slipway/deflate/pool';
import { ProcessPool } from './process-pool.ts';
import { SharedMemory } from './shared-memory.ts';

/**
 * Shorter blocks are done here until there are threads: tiny layers need none. Beside threads, an encoder for this
 * thread would only cost its 3 MiB.
 */
export const worthAThread: number = 32 * 1024;

/**
 * Blocks, and what is made of them, reach threads and come back from them without a copy, in memory that is used again
 * and again: 8 MiB of blocks of the usual size at most, 4 of results, and 16 of results of files, which come four
 * blocks at once and mostly fill less than half of it. Left to the garbage collectors, of which each thread has its
 * own, a push of a large image once had 700 MB of blocks.
 */
export const sharedBlocks: SharedMemory = new SharedMemory(32);
export const sharedResults: SharedMemory = new SharedMemory(16);
export const sharedFileResults: SharedMemory = new SharedMemory(16);
/** Those of files of noise are larger, and few: 8 MiB. */
export const sharedNoiseResults: SharedMemory = new SharedMemory(8);

/**
 * Plain bytes that a push compresses on the calling thread before a worker thread starts. A thread takes a twentieth of
 * a second until its first block is made, and two of them 25 MB: so many bytes are done sooner without. Where more is
 * expected, threads do all of it: this one has the rest of the push to do.
 */
const withoutThreads = 12 * 1024 * 1024;

const threads = new ProcessPool(
  () => createDeflatePool({ withoutThreads }),
  () => {
    sharedBlocks.clear();
    sharedResults.clear();
    sharedFileResults.clear();
    sharedNoiseResults.clear();
  },
);

/**
 * Deflates a block on this process's worker threads; idle ones are let go. With `resultSize`, into memory of
 * {@link sharedResults}.
 */
export async function deflateOnThreads(
  block: Uint8Array,
  options: DeflateOptions,
  resultSize?: number,
): Promise<Uint8Array> {
  if (block.byteLength <= worthAThread && !threads.isRunning) return deflateBlock(block, options);
  const pool = threads.enter();
  try {
    const output = resultSize === undefined ? undefined : sharedResults.take(resultSize);
    return await pool.deflate(block, { ...options, output });
  } finally {
    threads.leave();
  }
}

/** Says what is going to be deflated, so that much of it finds threads from its first block on. */
export function expectDeflating(bytes: number): void {
  if (bytes <= worthAThread) return;
  threads.enter().expect(bytes);
  threads.leave();
}

/** Deflates a file on this process's worker threads, which read it by themselves. */
export function deflateFileOnThreads(options: DeflateFileOptions): DeflateFileRun {
  const pool = threads.enter();
  try {
    const run = pool.deflateFile(options);
    void run.settled().then(() => threads.leave());
    return run;
  } catch (error) {
    threads.leave();
    throw error;
  }
}
