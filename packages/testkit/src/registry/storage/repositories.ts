import type { Digest } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import type { Link, RegistryStorage } from './storage.ts';

/** What the registry remembers of a manifest besides its bytes. */
export interface ManifestRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** Blobs and manifests that it needs. */
  readonly references: readonly Descriptor[];
  readonly subject?: Digest | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

interface RepositoryRecord {
  readonly blobs: Set<Digest>;
  readonly manifests: Map<Digest, ManifestRecord>;
  readonly tags: Map<string, Digest>;
}

/** Which repository holds what. All of it is in memory, and every change is written through to the storage. */
export class Repositories {
  readonly #records = new Map<string, RepositoryRecord>();
  readonly #storage: RegistryStorage;

  constructor(storage: RegistryStorage) {
    this.#storage = storage;
  }

  get names(): string[] {
    return [...this.#records.keys()].sort();
  }

  has(repository: string): boolean {
    return this.#records.has(repository);
  }

  create(repository: string): void {
    this.#recordOf(repository);
  }

  hasBlob(repository: string, digest: Digest): boolean {
    return this.#records.get(repository)?.blobs.has(digest) ?? false;
  }

  /** A repository that holds the blob. */
  holderOf(digest: Digest): string | undefined {
    return this.names.find((name) => this.hasBlob(name, digest));
  }

  async addBlob(repository: string, digest: Digest): Promise<void> {
    await this.#storage.setLink({ repository, kind: 'blobs', name: digest, value: '' });
    this.#recordOf(repository).blobs.add(digest);
  }

  /** Drops the blob from the repository, and its content when nobody else holds it. */
  async removeBlob(repository: string, digest: Digest): Promise<void> {
    await this.#storage.removeLink({ repository, kind: 'blobs', name: digest });
    this.#records.get(repository)?.blobs.delete(digest);
    await this.#collect(digest);
  }

  manifests(repository: string): readonly ManifestRecord[] {
    return [...(this.#records.get(repository)?.manifests.values() ?? [])];
  }

  blobs(repository: string): readonly Digest[] {
    return [...(this.#records.get(repository)?.blobs ?? [])];
  }

  /** The manifest that a tag or digest names. */
  manifest(repository: string, tagOrDigest: string): ManifestRecord | undefined {
    const record = this.#records.get(repository);
    const digest = record?.tags.get(tagOrDigest) ?? (tagOrDigest as Digest);
    return record?.manifests.get(digest);
  }

  async addManifest(repository: string, manifest: ManifestRecord): Promise<void> {
    await this.#storage.setLink({ repository, kind: 'manifests', name: manifest.digest, value: manifest.mediaType });
    this.#recordOf(repository).manifests.set(manifest.digest, manifest);
  }

  /** Drops the manifest and every tag that points at it. */
  async removeManifest(repository: string, digest: Digest): Promise<void> {
    for (const tag of this.tagsOf(repository, digest)) await this.removeTag(repository, tag);
    await this.#storage.removeLink({ repository, kind: 'manifests', name: digest });
    this.#records.get(repository)?.manifests.delete(digest);
    await this.#collect(digest);
  }

  /** Tags in the order in which the API lists them. */
  tags(repository: string): string[] {
    return [...(this.#records.get(repository)?.tags.keys() ?? [])].sort();
  }

  /** Tags that name a manifest. */
  tagsOf(repository: string, digest: Digest): string[] {
    return this.tags(repository).filter((tag) => this.#records.get(repository)?.tags.get(tag) === digest);
  }

  hasTag(repository: string, tag: string): boolean {
    return this.#records.get(repository)?.tags.has(tag) ?? false;
  }

  async setTag(repository: string, tag: string, digest: Digest): Promise<void> {
    await this.#storage.setLink({ repository, kind: 'tags', name: tag, value: digest });
    this.#recordOf(repository).tags.set(tag, digest);
  }

  async removeTag(repository: string, tag: string): Promise<void> {
    await this.#storage.removeLink({ repository, kind: 'tags', name: tag });
    this.#records.get(repository)?.tags.delete(tag);
  }

  /** Takes in what an earlier run left. `describe` reads a manifest again. */
  async adopt(
    links: readonly Link[],
    describe: (digest: Digest, mediaType: string) => Promise<ManifestRecord>,
  ): Promise<void> {
    for (const { repository, kind, name, value } of links) {
      const record = this.#recordOf(repository);
      if (kind === 'blobs') record.blobs.add(name as Digest);
      else if (kind === 'tags') record.tags.set(name, value as Digest);
      else record.manifests.set(name as Digest, await describe(name as Digest, value));
    }
  }

  async #collect(digest: Digest): Promise<void> {
    const held = [...this.#records.values()].some(({ blobs, manifests }) => blobs.has(digest) || manifests.has(digest));
    if (!held) await this.#storage.remove(digest);
  }

  #recordOf(repository: string): RepositoryRecord {
    let record = this.#records.get(repository);
    if (record === undefined) {
      record = { blobs: new Set(), manifests: new Map(), tags: new Map() };
      this.#records.set(repository, record);
    }
    return record;
  }
}
