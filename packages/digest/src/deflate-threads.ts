import { type DeflateOptions, deflateBlock } from '@slipway/deflate';
import { createDeflatePool, type DeflatePool } from '@slipway/deflate/pool';

/** Shorter blocks are done here: that takes less time than waking a thread, and tiny layers need no thread at all. */
const worthAThread = 32 * 1024;
/** How long threads without work are kept. They do not keep the process alive. */
const idleMs = 5000;

/** One pool for the process: threads are bounded by the cores, however many streams there are. */
let pool: DeflatePool | undefined;
let working = 0;
let idle: NodeJS.Timeout | undefined;

/** Deflates a block on this process's worker threads; idle ones are let go. */
export async function deflateOnThreads(block: Uint8Array, options: DeflateOptions): Promise<Uint8Array> {
  if (block.byteLength <= worthAThread) return deflateBlock(block, options);
  clearTimeout(idle);
  working += 1;
  try {
    pool ??= createDeflatePool();
    return await pool.deflate(block, options);
  } finally {
    working -= 1;
    if (working === 0) idle = setTimeout(letGo, idleMs).unref();
  }
}

/** Blocks kept for the next ones: 8 MiB of the usual size. */
const mostSpare = 32;
let spare: Uint8Array[] = [];

/**
 * Blocks in memory that threads share, so that they reach them without a copy; used again and again. Left to the garbage
 * collectors, of which each thread has its own, a push of a large image once had 700 MB of them.
 */
export const sharedBlocks = {
  newBlock(size: number): Uint8Array {
    const last = spare.at(-1);
    if (last?.byteLength === size) {
      spare.pop();
      return last;
    }
    return new Uint8Array(new SharedArrayBuffer(size));
  },
  freeBlock({ buffer }: Uint8Array): void {
    if (spare.length < mostSpare) spare.push(new Uint8Array(buffer));
  },
};

function letGo(): void {
  const unused = pool;
  pool = undefined;
  spare = [];
  void unused?.[Symbol.asyncDispose]();
}
