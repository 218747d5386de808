import { aBoolean, aFunction, anObject, assertArgument, assertOptions, aText, surviving } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import { computeHmac } from '../claims/hmac.ts';
import { createMetadataStore } from '../keyed/key-value-store.ts';
import type { LayerClaim, LayerRecord, MetadataStore, SessionRecord } from '../metadata-store.ts';
import { openDockerFolder } from './docker-folder.ts';

/** Where docker keeps its own records. */
export interface DockerMetadataOptions {
  /** Where Docker's daemon keeps it: `/var/lib/docker/image/overlay2/distribution` on most machines. */
  readonly folder: string;
  /** Whether what is found out here is written there too, for the daemon to use. @default false */
  readonly isWritable?: boolean | undefined;
  /** Hears of the first failure of the folder; from then on it counts as empty. @default nobody does */
  readonly onWarning?: ((error: Error) => void) | undefined;
}

/**
 * Adds to a store what Docker's daemon remembers on this machine: which registry has which layer, and the v1 images it
 * pushed. Docker's records count as older than the store's own. Records that prove wrong are dropped here, and there
 * only if the folder is writable: else they are passed over until the store is closed.
 *
 * The store is disposed with the result.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be read
 */
export async function withDockerMetadata(store: MetadataStore, options: DockerMetadataOptions): Promise<MetadataStore> {
  assertArgument('store', store, anObject);
  assertOptions('options', options, {
    required: { folder: aText },
    optional: { isWritable: aBoolean, onWarning: aFunction },
  });
  const docker = createMetadataStore(await openDockerFolder(options));
  return new JoinedMetadataStore(store, docker, options);
}

class JoinedMetadataStore implements MetadataStore {
  readonly #own: MetadataStore;
  readonly #docker: MetadataStore;
  readonly #isWritable: boolean;
  readonly #onWarning: (error: Error) => void;
  /** Records of Docker's that are not to be used again. */
  readonly #dropped = new Set<string>();
  #hasFailed = false;

  constructor(own: MetadataStore, docker: MetadataStore, { isWritable = false, onWarning }: DockerMetadataOptions) {
    this.#own = own;
    this.#docker = docker;
    this.#isWritable = isWritable;
    this.#onWarning = surviving('onWarning', onWarning) ?? (() => {});
  }

  async layerRecords(diffID: Digest): Promise<readonly LayerRecord[]> {
    const [own, docker] = await Promise.all([
      this.#own.layerRecords(diffID),
      this.#ask((store) => store.layerRecords(diffID)),
    ]);
    const known = new Set([...own.map(nameOf), ...this.#dropped]);
    return [...(docker ?? []).filter((record) => !known.has(nameOf(record))), ...own];
  }

  async diffIDOf(digest: Digest): Promise<Digest | undefined> {
    return (await this.#own.diffIDOf(digest)) ?? (await this.#ask((store) => store.diffIDOf(digest)));
  }

  async addLayerRecord(diffID: Digest, record: LayerRecord): Promise<void> {
    this.#dropped.delete(nameOf(record));
    await this.#own.addLayerRecord(diffID, record);
    // Configs, and layers sent as they are, go by one digest: Docker keeps neither.
    const isDockers = record.digest !== diffID;
    if (this.#isWritable && isDockers) await this.#ask((store) => store.addLayerRecord(diffID, record));
  }

  async tagAndAdd(
    diffID: Digest,
    key: Uint8Array | undefined,
    { digest, sourceRepository }: Omit<LayerRecord, 'hmac'>,
  ): Promise<void> {
    const hmac = computeHmac(key, { digest, sourceRepository });
    await this.addLayerRecord(diffID, { digest, sourceRepository, hmac });
  }

  async removeLayerRecord(record: LayerRecord): Promise<void> {
    this.#dropped.add(nameOf(record));
    await this.#own.removeLayerRecord(record);
    if (this.#isWritable) await this.#ask((store) => store.removeLayerRecord(record));
  }

  async v1Layer(registry: string, v1ID: string): Promise<Digest | undefined> {
    return (await this.#own.v1Layer(registry, v1ID)) ?? (await this.#ask((store) => store.v1Layer(registry, v1ID)));
  }

  async setV1Layer(registry: string, v1ID: string, diffID: Digest): Promise<void> {
    await this.#own.setV1Layer(registry, v1ID, diffID);
    if (this.#isWritable && isIndexName(registry)) await this.#ask((store) => store.setV1Layer(registry, v1ID, diffID));
  }

  blobSize(digest: Digest): Promise<number | undefined> {
    return this.#own.blobSize(digest);
  }

  rememberBlobSize(digest: Digest, size: number): Promise<void> {
    return this.#own.rememberBlobSize(digest, size);
  }

  isProven(digest: Digest, diffID: Digest): Promise<boolean> {
    return this.#own.isProven(digest, diffID);
  }

  rememberProof(digest: Digest, diffID: Digest): Promise<void> {
    return this.#own.rememberProof(digest, diffID);
  }

  provenDigests(diffID: Digest): Promise<readonly Digest[]> {
    return this.#own.provenDigests(diffID);
  }

  claims(repository: string, diffID: Digest): Promise<readonly LayerClaim[]> {
    return this.#own.claims(repository, diffID);
  }

  addClaim(repository: string, diffID: Digest, claim: LayerClaim): Promise<void> {
    return this.#own.addClaim(repository, diffID, claim);
  }

  removeClaim(repository: string, diffID: Digest, digest: Digest): Promise<void> {
    return this.#own.removeClaim(repository, diffID, digest);
  }

  session(repository: string, subject: string): Promise<SessionRecord | undefined> {
    return this.#own.session(repository, subject);
  }

  takeSession(repository: string, subject: string): Promise<SessionRecord | undefined> {
    return this.#own.takeSession(repository, subject);
  }

  saveSession(record: SessionRecord): Promise<void> {
    return this.#own.saveSession(record);
  }

  dropSession(repository: string, subject: string): Promise<void> {
    return this.#own.dropSession(repository, subject);
  }

  async flush(): Promise<void> {
    await this.#own.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#docker[Symbol.asyncDispose]();
    await this.#own[Symbol.asyncDispose]();
  }

  /** What is another program's never stops a push. */
  async #ask<T>(question: (docker: MetadataStore) => Promise<T>): Promise<T | undefined> {
    if (this.#hasFailed) return undefined;
    try {
      return await question(this.#docker);
    } catch (error) {
      if (error instanceof TypeError || !(error instanceof Error)) throw error;
      if (!this.#hasFailed) this.#onWarning(error);
      this.#hasFailed = true;
      return undefined;
    }
  }
}

/** Slipway keeps sums of layers in this namespace too, under names that are no registry's. */
function isIndexName(registry: string): boolean {
  return !registry.startsWith('tarsum');
}

function nameOf({ digest, sourceRepository, hmac }: LayerRecord): string {
  return JSON.stringify([digest, sourceRepository, hmac]);
}
