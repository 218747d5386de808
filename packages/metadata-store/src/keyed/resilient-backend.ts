import { aFunction, aNumber, aString, assertOptions, surviving } from '@slipway/arguments';
import { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
import { takeValue } from './take-value.ts';

/** What is behind the store, and who hears of its failures. */
export interface ResilientBackendOptions {
  readonly open: () => Promise<KeyValueBackend>;
  /** What warnings call it. @default the metadata store */
  readonly name?: string | undefined;
  /** Hears of the first failure, and what was done about it; of no other. @default nobody does */
  readonly onWarning?: ((warning: MetadataStoreError) => void) | undefined;
  /** How long opening, or any operation, may take before it counts as failed, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a backend that hangs, or is locked, is left alone before it is asked again, in milliseconds.
   * @default 60000
   */
  readonly pauseMs?: number | undefined;
}

/** What is kept in memory for want of anything better, at most. */
const maxRemembered = 10_000;

/**
 * Opens a backend that never fails. What cannot be written is remembered in memory, for this process; what cannot be
 * read counts as unknown. Everything else goes on: on a disk that is full or read-only, what is there is still read.
 * Only wrong arguments reject.
 */
export async function openResilientBackend(options: ResilientBackendOptions): Promise<KeyValueBackend> {
  assertOptions('options', options, {
    required: { open: aFunction },
    optional: { name: aString, onWarning: aFunction, timeoutMs: aNumber, pauseMs: aNumber },
  });
  const backend = new ResilientBackend(options);
  await backend.open();
  return backend;
}

class ResilientBackend implements KeyValueBackend {
  readonly #open: () => Promise<KeyValueBackend>;
  readonly #onWarning: (warning: MetadataStoreError) => void;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #pauseMs: number;
  /** Values that could not be written; undefined for what could not be deleted. They are newer than the backend's. */
  readonly #remembered = new Map<string, Uint8Array | undefined>();
  #backend: KeyValueBackend | undefined;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #hasWarned = false;
  #isClosed = false;

  constructor({
    open,
    onWarning,
    name = 'the metadata store',
    timeoutMs = 10_000,
    pauseMs = 60_000,
  }: ResilientBackendOptions) {
    this.#open = open;
    this.#onWarning = surviving('onWarning', onWarning) ?? (() => {});
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#pauseMs = pauseMs;
  }

  async open(): Promise<void> {
    const opening = this.#open();
    try {
      this.#backend = await this.#inTime(() => opening);
    } catch (error) {
      // It may open yet, too late to be of use.
      void opening.then((backend) => backend[Symbol.asyncDispose]()).catch(() => {});
      this.#failed(error);
    }
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    const name = nameOf(namespace, key);
    if (this.#remembered.has(name)) return this.#remembered.get(name);
    return (await this.#ask((backend) => backend.get(namespace, key)))?.value;
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    await this.#write(namespace, key, value, (backend) => backend.set(namespace, key, value));
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.#write(namespace, key, undefined, (backend) => backend.delete(namespace, key));
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    const name = nameOf(namespace, key);
    if (!this.#remembered.has(name)) {
      if ((await this.#ask((backend) => backend.update(namespace, key, change))) !== undefined) return;
      // One that cannot be written may well be read.
      const value = (await this.#ask((backend) => backend.get(namespace, key)))?.value;
      if (!this.#remembered.has(name)) this.#remember(name, value);
    }
    this.#remember(name, change(this.#remembered.get(name)));
  }

  /** What cannot be deleted is not handed out: another process could be given it as well. */
  async take(namespace: string, key: string): Promise<Uint8Array | undefined> {
    const name = nameOf(namespace, key);
    if (this.#remembered.has(name)) {
      const value = this.#remembered.get(name);
      this.#remember(name, undefined);
      return value;
    }
    const taken = await this.#ask((backend) => takeValue(backend, namespace, key));
    if (taken === undefined) this.#remember(name, undefined);
    return taken?.value;
  }

  async flush(): Promise<void> {
    await this.#ask(async (backend) => await backend.flush?.());
  }

  async list(namespace: string): Promise<readonly string[]> {
    const listed = await this.#ask(async (backend) => (await backend.list?.(namespace)) ?? []);
    const names = new Set(listed?.value.map((key) => nameOf(namespace, key)));
    for (const [name, value] of this.#remembered) {
      if (!name.startsWith(nameOf(namespace, ''))) continue;
      if (value === undefined) names.delete(name);
      else names.add(name);
    }
    return [...names].map((name) => name.slice(nameOf(namespace, '').length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // What hangs may not close either; there is nothing left to save.
    await this.#inTime(async () => await this.#backend?.[Symbol.asyncDispose]()).catch(() => {});
  }

  async #write(
    namespace: string,
    key: string,
    value: Uint8Array | undefined,
    work: (backend: KeyValueBackend) => Promise<void>,
  ): Promise<void> {
    const name = nameOf(namespace, key);
    const isWritten = (await this.#ask(work)) !== undefined;
    if (isWritten) this.#remembered.delete(name);
    else this.#remember(name, value);
  }

  /** The answer in a box, or undefined when there is none. Several that fail together are one failure. */
  async #ask<T>(work: (backend: KeyValueBackend) => Promise<T>): Promise<{ readonly value: T } | undefined> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    const backend = this.#backend;
    if (backend === undefined || performance.now() < this.#pausedUntil) return undefined;
    try {
      return { value: await this.#inTime(() => work(backend)) };
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** @throws what is the caller's own fault */
  #failed(error: unknown): void {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    const failure = asStoreError(error, this.#name);
    if (failure.code === 'ERR_STORE_LOCKED') this.#pausedUntil = performance.now() + this.#pauseMs;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = `${failure.message}; what cannot be kept there is remembered in memory only`;
    this.#onWarning(new MetadataStoreError(failure.code, message, { cause: failure }));
  }

  #remember(name: string, value: Uint8Array | undefined): void {
    this.#remembered.delete(name);
    this.#remembered.set(name, value);
    const [oldest] = this.#remembered.size > maxRemembered ? this.#remembered.keys() : [];
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new MetadataStoreError('ERR_STORE_LOCKED', `Cannot use ${this.#name}: no answer for ${this.#timeoutMs} ms`),
        );
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** No namespace has a space in its name. */
function nameOf(namespace: string, key: string): string {
  return `${namespace} ${key}`;
}

function asStoreError(error: unknown, name: string): MetadataStoreError {
  if (error instanceof MetadataStoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MetadataStoreError('ERR_STORE_UNAVAILABLE', `Cannot use ${name}: ${message}`, { cause: error });
}
