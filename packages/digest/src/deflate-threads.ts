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

/** Deflates a block on this process's worker threads; idle ones are let go. With `resultSize`, into memory of {@link sharedResults}. */
export async function deflateOnThreads(
  block: Uint8Array,
  options: DeflateOptions,
  resultSize?: number,
): Promise<Uint8Array> {
  if (block.byteLength <= worthAThread) return deflateBlock(block, options);
  clearTimeout(idle);
  working += 1;
  try {
    pool ??= createDeflatePool();
    const output = resultSize === undefined ? undefined : sharedResults.take(resultSize);
    return await pool.deflate(block, { ...options, output });
  } finally {
    working -= 1;
    if (working === 0) idle = setTimeout(letGo, idleMs).unref();
  }
}

/** Memory that threads share, all of one size, kept for the next one who needs it. */
class SharedMemory {
  readonly #mostSpare: number;
  #spare: Uint8Array[] = [];

  constructor(mostSpare: number) {
    this.#mostSpare = mostSpare;
  }

  take(size: number): Uint8Array {
    if (this.#spare.at(-1)?.byteLength !== size) this.#spare = [];
    return this.#spare.pop() ?? new Uint8Array(new SharedArrayBuffer(size));
  }

  giveBack({ buffer }: Uint8Array): void {
    if (this.#spare.length < this.#mostSpare) this.#spare.push(new Uint8Array(buffer));
  }

  clear(): void {
    this.#spare = [];
  }
}

/**
 * Blocks, and what is made of them, reach threads and come back from them without a copy, in memory that is used again and
 * again: 8 MiB of blocks of the usual size at most, and 4 of results. Left to the garbage collectors, of which each thread
 * has its own, a push of a large image once had 700 MB of blocks.
 */
export const sharedBlocks: SharedMemory = new SharedMemory(32);
export const sharedResults: SharedMemory = new SharedMemory(16);

function letGo(): void {
  const unused = pool;
  pool = undefined;
  sharedBlocks.clear();
  sharedResults.clear();
  void unused?.[Symbol.asyncDispose]();
}
