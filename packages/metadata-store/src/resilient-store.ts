import { MetadataStoreError } from './errors.ts';
import { createMemoryMetadataStore } from './memory-store.ts';
import type { MetadataStore } from './metadata-store.ts';

export interface ResilientMetadataStoreOptions {
  /** Opens the store; called a second time after a damaged one was set aside. */
  readonly open: () => Promise<MetadataStore>;
  /** Hears what is wrong and what was done about it: once when opening, once later. @default nobody does */
  readonly onWarning?: ((warning: MetadataStoreError) => void) | undefined;
  /** How long opening, or any operation, may take before the store counts as locked. @default 15000 */
  readonly timeoutMs?: number | undefined;
}

/**
 * Opens a store that never fails: a damaged one is set aside and started anew; behind one that cannot be used, or fails
 * later, this process remembers in memory. A push is then slower, not broken. Only wrong arguments still reject.
 */
export async function openResilientMetadataStore(options: ResilientMetadataStoreOptions): Promise<MetadataStore> {
  const store = new ResilientStore(options);
  await store.open();
  return store;
}

class ResilientStore implements MetadataStore {
  readonly #openStore: () => Promise<MetadataStore>;
  readonly #onWarning: (warning: MetadataStoreError) => void;
  readonly #timeoutMs: number;
  #store: MetadataStore = createMemoryMetadataStore();
  /** What failed, to be closed in the end. */
  #failed: MetadataStore | undefined;
  #isClosed = false;

  constructor({ open, onWarning, timeoutMs = 15_000 }: ResilientMetadataStoreOptions) {
    this.#openStore = open;
    this.#onWarning = onWarning ?? (() => {});
    this.#timeoutMs = timeoutMs;
  }

  async open(): Promise<void> {
    try {
      this.#store = await this.#openInTime();
    } catch (error) {
      if (isWrongArgument(error)) throw error;
      await this.#recover(asStoreError(error));
    }
  }

  layerRecords: MetadataStore['layerRecords'] = (...input) => this.#run((store) => store.layerRecords(...input));
  diffIDOf: MetadataStore['diffIDOf'] = (...input) => this.#run((store) => store.diffIDOf(...input));
  addLayerRecord: MetadataStore['addLayerRecord'] = (...input) => this.#run((store) => store.addLayerRecord(...input));
  tagAndAdd: MetadataStore['tagAndAdd'] = (...input) => this.#run((store) => store.tagAndAdd(...input));
  removeLayerRecord: MetadataStore['removeLayerRecord'] = (...input) =>
    this.#run((store) => store.removeLayerRecord(...input));
  blobSize: MetadataStore['blobSize'] = (...input) => this.#run((store) => store.blobSize(...input));
  rememberBlobSize: MetadataStore['rememberBlobSize'] = (...input) =>
    this.#run((store) => store.rememberBlobSize(...input));
  isProven: MetadataStore['isProven'] = (...input) => this.#run((store) => store.isProven(...input));
  rememberProof: MetadataStore['rememberProof'] = (...input) => this.#run((store) => store.rememberProof(...input));
  provenDigests: MetadataStore['provenDigests'] = (...input) => this.#run((store) => store.provenDigests(...input));
  claims: MetadataStore['claims'] = (...input) => this.#run((store) => store.claims(...input));
  addClaim: MetadataStore['addClaim'] = (...input) => this.#run((store) => store.addClaim(...input));
  removeClaim: MetadataStore['removeClaim'] = (...input) => this.#run((store) => store.removeClaim(...input));
  session: MetadataStore['session'] = (...input) => this.#run((store) => store.session(...input));
  takeSession: MetadataStore['takeSession'] = (...input) => this.#run((store) => store.takeSession(...input));
  saveSession: MetadataStore['saveSession'] = (...input) => this.#run((store) => store.saveSession(...input));
  dropSession: MetadataStore['dropSession'] = (...input) => this.#run((store) => store.dropSession(...input));
  v1Layer: MetadataStore['v1Layer'] = (...input) => this.#run((store) => store.v1Layer(...input));
  setV1Layer: MetadataStore['setV1Layer'] = (...input) => this.#run((store) => store.setV1Layer(...input));

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const store of [this.#store, this.#failed]) {
      // What hangs or is damaged may not close either; there is nothing left to save.
      await this.#inTime(async () => await store?.[Symbol.asyncDispose]()).catch(() => {});
    }
  }

  /** Does it with the store, and once more in memory if the store fails. */
  async #run<T>(work: (store: MetadataStore) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    const store = this.#store;
    try {
      return await this.#inTime(() => work(store));
    } catch (error) {
      if (isWrongArgument(error)) throw error;
      // Of several operations that fail together, the first changes over for all.
      if (this.#store === store) await this.#giveUp(store, asStoreError(error));
      return await work(this.#store);
    }
  }

  async #giveUp(store: MetadataStore, error: MetadataStoreError): Promise<void> {
    this.#failed = store;
    this.#store = createMemoryMetadataStore();
    const aside = await setAside(error);
    this.#warn(
      error,
      `this run remembers in memory only${aside === undefined ? '' : `; the damage is now in ${aside}`}`,
    );
  }

  async #recover(error: MetadataStoreError): Promise<void> {
    const aside = await setAside(error);
    if (error.code === 'ERR_STORE_CORRUPT') {
      try {
        this.#store = await this.#openInTime();
        // Without a new name, another process was quicker, and has warned.
        if (aside !== undefined) this.#warn(error, `it was moved to ${aside} and is started anew`);
        return;
      } catch {
        // Damaged a second time, it is not worth a third: memory will do.
      }
    }
    this.#warn(error, 'this run remembers in memory only');
  }

  #warn(error: MetadataStoreError, consequence: string): void {
    this.#onWarning(new MetadataStoreError(error.code, `${error.message}; ${consequence}`, { cause: error }));
  }

  async #openInTime(): Promise<MetadataStore> {
    const opening = this.#openStore();
    try {
      return await this.#inTime(() => opening);
    } catch (error) {
      // It may open yet, too late to be of use.
      void opening.then((store) => store[Symbol.asyncDispose]()).catch(() => {});
      throw error;
    }
  }

  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new MetadataStoreError('ERR_STORE_LOCKED', `The metadata store has not answered for ${this.#timeoutMs} ms`),
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

async function setAside(error: MetadataStoreError): Promise<string | undefined> {
  return await error.setAside?.().catch(() => undefined);
}

function isWrongArgument(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

function asStoreError(error: unknown): MetadataStoreError {
  if (error instanceof MetadataStoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MetadataStoreError('ERR_STORE_UNAVAILABLE', `Cannot use the metadata store: ${message}`, { cause: error });
}
