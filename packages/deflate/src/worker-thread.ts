import { Worker } from 'node:worker_threads';
import { DeflateError } from './errors.ts';
import type { WebAssemblyModule } from './web-assembly.ts';
import { type Ask, type GivenModules, startHere } from './work-here.ts';

/** What a thread runs, and who hears of its end. */
export interface WorkerThreadOptions {
  readonly name: string;
  /** What the thread runs: a text, so that no file has to be found at run time. */
  readonly source: string;
  /** The compiled module, shared with the thread that made it. */
  readonly module: WebAssemblyModule;
  /** What the calling thread needs besides, to do the work itself. Looked at when it is needed. @default nothing */
  readonly given?: GivenModules | undefined;
  /** No thread is wanted: the calling one does the work, and nobody is warned. @default false */
  readonly isHere?: boolean | undefined;
  /** Hears that the thread is gone, after its requests have failed. */
  readonly onExit: () => void;
}

interface Request<Answer> {
  /** What is sent to the thread. */
  readonly message: { readonly id: number };
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** The id of a thread's first message, which answers no request: it says that its text runs here. */
const startedId = -1;

/** Said once a process, however many threads there would be. */
let isWarned = false;

/**
 * A worker thread that answers requests in their order. It keeps the process alive only while it has requests to
 * answer; when it ends, they are rejected with `ERR_DEFLATE_WORKER`.
 *
 * Where no thread starts (Node's permission model refuses them, the system has no more, a runtime does not take the
 * text), the calling thread does the work instead, with the same results, and says so in a process warning with the
 * code `SLIPWAY_NO_WORKER_THREADS`.
 */
export class WorkerThread<Answer extends { readonly id: number }> {
  readonly #options: WorkerThreadOptions;
  readonly #requests = new Map<number, Request<Answer>>();
  #worker: Worker | undefined;
  /** The calling thread in the worker's place. */
  #here: Ask | undefined;
  #isStarted = false;
  #nextId = 0;
  #ended: Error | undefined;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
    if (options.isHere) this.#workHere();
    else this.#startOrWorkHere();
  }

  /** Requests that were not answered yet. */
  get pending(): number {
    return this.#requests.size;
  }

  /** @throws {DeflateError} at once, when the thread has ended: nobody would answer. */
  ask(request: object): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const message = { ...request, id: this.#nextId++ };
      if (this.#requests.size === 0) this.#worker?.ref();
      this.#requests.set(message.id, { message, resolve, reject });
      if (this.#here === undefined) this.#worker?.postMessage(message);
      else this.#here(message);
    });
  }

  /** Ends the thread; what it has not answered is rejected with `reason`. */
  async end(reason: Error): Promise<void> {
    this.#rejectAll(reason);
    await this.#worker?.terminate();
  }

  #startOrWorkHere(): void {
    try {
      this.#worker = this.#start();
    } catch (cause) {
      warnOnce(cause);
      this.#workHere();
    }
  }

  #start(): Worker {
    const { name, source, module, onExit } = this.#options;
    const worker = new Worker(asFunction(`${source};parentPort.postMessage({ id: ${startedId} });`), {
      eval: true,
      workerData: module,
      execArgv: [], // the program's loaders and flags are not for this thread
      resourceLimits: { maxYoungGenerationSizeMb: 1 }, // it makes next to no objects
      name,
    });
    worker.unref();
    worker.on('message', (answer: Answer) => this.#take(answer));
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      const error = endedError(`The worker thread ended with exit code ${code}`, cause);
      this.#worker = undefined;
      if (!this.#isStarted && this.#ended === undefined) {
        warnOnce(error);
        return this.#workHere();
      }
      this.#rejectAll(error);
      onExit();
    });
    return worker;
  }

  #take(answer: Answer): void {
    if (answer.id === startedId) {
      this.#isStarted = true;
      return;
    }
    const request = this.#requests.get(answer.id);
    this.#requests.delete(answer.id);
    if (this.#requests.size === 0) this.#worker?.unref();
    request?.resolve(answer);
  }

  /** There is no thread: what was asked already is still to be answered. */
  #workHere(): void {
    const { source, module, given } = this.#options;
    this.#here = startHere<Answer>(
      source,
      module,
      {
        isWanted: (id) => this.#requests.has(id),
        onAnswer: (answer) => this.#take(answer),
        onFailure: (id, error) => {
          const request = this.#requests.get(id);
          this.#requests.delete(id);
          request?.reject(endedError('Neither a worker thread nor the calling thread could do the work', error));
        },
      },
      given,
    );
    for (const { message } of this.#requests.values()) this.#here(message);
  }

  #rejectAll(error: Error): void {
    this.#ended ??= error;
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) request.reject(error);
  }
}

/** The text with names of its own: JavaScriptCore and Deno have already an `exports` where a worker's text begins. */
function asFunction(source: string): string {
  return `(function () {${source}})();`;
}

function endedError(message: string, cause: unknown): DeflateError {
  return new DeflateError('ERR_DEFLATE_WORKER', message, { cause });
}

function warnOnce(cause: unknown): void {
  if (isWarned) return;
  isWarned = true;
  const why = reasonOf(cause);
  process.emitWarning(
    `No worker thread starts (${why}): the calling thread compresses and unpacks, one block at a time`,
    {
      type: 'SlipwayWarning',
      code: 'SLIPWAY_NO_WORKER_THREADS',
    },
  );
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof DeflateError && cause.cause !== undefined ? cause.cause : cause;
  return inner instanceof Error ? inner.message : String(inner);
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
