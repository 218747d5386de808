import { availableParallelism } from 'node:os';
import { brotliDecompressSync } from 'node:zlib';
import { WorkerThread } from '@slipway/deflate/pool';
import { zstdBrotliBase64 } from '../zstd/zstd-module.ts';
import { ProcessPool } from './process-pool.ts';
import { SharedMemory } from './shared-memory.ts';
import { zstdWorkerSource } from './zstd-worker.ts';

/** What `WebAssembly` has for this: the types of browsers are not among those of Node. */
interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object;
}

/** Frames, one after the other, and how long each of them is. */
export interface ZstdFrames {
  readonly made: Uint8Array;
  readonly sizes: readonly number[];
}

interface Answer extends ZstdFrames {
  readonly id: number;
}

interface Job {
  readonly bytes: Uint8Array;
  readonly sizes: readonly number[];
  readonly level: number;
  readonly resolve: (frames: ZstdFrames) => void;
  readonly reject: (error: unknown) => void;
}

/** One being worked on, one at hand. */
const jobsPerThread = 2;

/** Blocks reach threads without a copy, in memory that is used again. */
export const zstdBlocks: SharedMemory = new SharedMemory(16);

/** Whether this runtime can run the encoder. */
export function hasZstdThreads(): boolean {
  return webAssembly() !== undefined;
}

/**
 * Makes one zstd frame of each part of `bytes`: the first `sizes[0]` bytes, and so on. On this process's worker
 * threads.
 */
export async function zstdOnThreads(bytes: Uint8Array, sizes: readonly number[], level: number): Promise<ZstdFrames> {
  const pool = threads.enter();
  try {
    return await pool.run(bytes, sizes, level);
  } finally {
    threads.leave();
  }
}

class ZstdPool implements AsyncDisposable {
  readonly #most = availableParallelism();
  readonly #threads = new Set<WorkerThread<Answer>>();
  readonly #waiting: Job[] = [];

  run(bytes: Uint8Array, sizes: readonly number[], level: number): Promise<ZstdFrames> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, sizes, level, resolve, reject });
      this.#assign();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const threads = [...this.#threads];
    this.#threads.clear();
    await Promise.all(threads.map((thread) => thread.end(new Error('the pool has been disposed of'))));
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastBusy();
      if (thread === undefined) return;
      void this.#give(thread, this.#waiting.shift() as Job);
    }
  }

  async #give(thread: WorkerThread<Answer>, { bytes, sizes, level, resolve, reject }: Job): Promise<void> {
    try {
      const { made, sizes: madeSizes } = await thread.ask({ bytes, sizes, level });
      resolve({ made, sizes: madeSizes });
    } catch (error) {
      reject(error);
    }
    this.#assign();
  }

  #leastBusy(): WorkerThread<Answer> | undefined {
    let best: WorkerThread<Answer> | undefined;
    for (const thread of this.#threads) if (best === undefined || thread.pending < best.pending) best = thread;
    if (best?.pending !== 0 && this.#threads.size < this.#most) return this.#start();
    return best !== undefined && best.pending < jobsPerThread ? best : undefined;
  }

  #start(): WorkerThread<Answer> {
    const thread: WorkerThread<Answer> = new WorkerThread<Answer>({
      name: 'slipway-zstd',
      source: zstdWorkerSource,
      module: compiledModule(),
      onExit: () => this.#threads.delete(thread),
    });
    this.#threads.add(thread);
    return thread;
  }
}

const threads = new ProcessPool(
  () => new ZstdPool(),
  () => zstdBlocks.clear(),
);

let compiled: object | undefined;

function compiledModule(): object {
  const api = webAssembly();
  if (api === undefined) throw new Error('unreachable: asked for before');
  compiled ??= new api.Module(brotliDecompressSync(Buffer.from(zstdBrotliBase64, 'base64')));
  return compiled;
}

function webAssembly(): WebAssemblyLike | undefined {
  return (globalThis as { readonly WebAssembly?: WebAssemblyLike }).WebAssembly;
}
