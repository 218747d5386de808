import { Worker } from 'node:worker_threads';
import { DeflateError } from './errors.ts';
import type { WebAssemblyModule } from './web-assembly.ts';

export interface WorkerThreadOptions {
  readonly name: string;
  /** What the thread runs: a text, so that no file has to be found at run time. */
  readonly source: string;
  /** The compiled module, shared with the thread that made it. */
  readonly module: WebAssemblyModule;
  /** Hears that the thread is gone, after its requests have failed. */
  readonly onExit: () => void;
}

interface Request<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A worker thread that answers requests in their order. It keeps the process alive only while it has requests to answer; when it ends, they
 * are rejected with `ERR_DEFLATE_WORKER`.
 */
export class WorkerThread<Answer extends { readonly id: number }> {
  readonly #worker: Worker;
  readonly #requests = new Map<number, Request<Answer>>();
  #nextId = 0;
  #ended: Error | undefined;

  constructor({ name, source, module, onExit }: WorkerThreadOptions) {
    this.#worker = new Worker(source, {
      eval: true,
      workerData: module,
      execArgv: [], // the program's loaders and flags are not for this thread
      resourceLimits: { maxYoungGenerationSizeMb: 1 }, // it makes next to no objects
      name,
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => {
      const request = this.#requests.get(answer.id);
      this.#requests.delete(answer.id);
      if (this.#requests.size === 0) this.#worker.unref();
      request?.resolve(answer);
    });
    let cause: unknown;
    this.#worker.on('error', (error) => {
      cause = error;
    });
    this.#worker.on('exit', (code) => {
      const error = new DeflateError('ERR_DEFLATE_WORKER', `The worker thread ended with exit code ${code}`, { cause });
      this.#rejectAll(error);
      onExit();
    });
  }

  /** Requests that were not answered yet. */
  get pending(): number {
    return this.#requests.size;
  }

  /** @throws {DeflateError} at once, when the thread has ended: nobody would answer. */
  ask(request: object): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      if (this.#requests.size === 0) this.#worker.ref();
      this.#requests.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id });
    });
  }

  /** Ends the thread; what it has not answered is rejected with `reason`. */
  async end(reason: Error): Promise<void> {
    this.#rejectAll(reason);
    await this.#worker.terminate();
  }

  #rejectAll(error: Error): void {
    this.#ended ??= error;
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) request.reject(error);
  }
}

/** Whoever asks a pool that was disposed of hears this. */
export function closedError(): DeflateError {
  return new DeflateError('ERR_DEFLATE_CLOSED', 'The pool has been disposed of');
}

/** A view that does not take the rest of its buffer along: structured cloning copies whole buffers. */
export function sendable(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.buffer instanceof SharedArrayBuffer || bytes.byteLength === bytes.buffer.byteLength;
  return isWhole && bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}
