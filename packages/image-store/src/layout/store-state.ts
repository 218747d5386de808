import { type Digest, isDigest } from '@slipway/digest';
import { buildIndex, type Descriptor, mediaTypes, parseManifest } from '@slipway/manifest';
import { familiarString, formatReference, parseReference, type Reference, withDefaultTag } from '@slipway/reference';
import { ImageStoreError } from '../errors.ts';
import { ReferenceStore } from './reference-store.ts';

/** A manifest or index that `index.json` lists. */
export interface StoredManifest {
  /** Without annotations. */
  readonly descriptor: Descriptor;
  /** Digest of the config; of the manifest itself for indexes and artifacts. */
  readonly id: Digest;
  /** The image came without a manifest, from a docker archive: this one was made here, and is nobody's to keep. */
  readonly isBuilt: boolean;
}

interface Tag {
  readonly reference: Reference;
  /** Digest of a {@link StoredManifest}: two tags of one image ID may have different manifests. */
  readonly manifest: Digest;
  /** RFC 3339. */
  readonly taggedAt: string;
}

const annotation = {
  name: 'org.opencontainers.image.ref.name',
  fullName: 'io.containerd.image.name',
  id: 'dev.slipway.image.id',
  built: 'dev.slipway.manifest.built',
  tagged: 'dev.slipway.image.tagged',
} as const;

/**
 * What the store knows: manifests, tags and digests. `index.json` is the truth about the first two, `repositories.json`
 * about digests only; its tags are written for whoever reads that file. So one renaming decides whether a change
 * happened.
 */
export class StoreState {
  /** Oldest first. */
  readonly manifests: Map<Digest, StoredManifest> = new Map();
  /** By familiar text. */
  readonly #tags = new Map<string, Tag>();
  /** What another tool has put into `index.json`: kept as it is. */
  readonly #others: Descriptor[] = [];
  readonly references: ReferenceStore = new ReferenceStore();

  /** Puts together what the two files say; `repositories` is undefined when it is missing or damaged. */
  static decode(index: string | undefined, repositories: ReferenceStore | undefined): StoreState {
    const state = new StoreState();
    for (const descriptor of index === undefined ? [] : descriptorsOf(index)) state.#read(descriptor);
    for (const { reference, id } of repositories?.all() ?? []) {
      if (reference.digest !== undefined && state.byID(id).length > 0) state.references.addDigest(reference, id);
    }
    return state;
  }

  /** The content of `index.json`. */
  encodeIndex(): Uint8Array {
    const tagged = new Map<Digest, Tag[]>();
    for (const tag of this.#tags.values()) tagged.set(tag.manifest, [...(tagged.get(tag.manifest) ?? []), tag]);
    const manifests = [...this.manifests.values()].flatMap((stored) => {
      const tags = tagged.get(stored.descriptor.digest);
      return tags ? tags.map((tag) => annotated(stored, tag)) : [annotated(stored)];
    });
    return buildIndex({ manifests: [...manifests, ...this.#others] }).bytes;
  }

  /** What must not be deleted: all that `index.json` lists. */
  get roots(): readonly Descriptor[] {
    return [...[...this.manifests.values()].map(({ descriptor }) => descriptor), ...this.#others];
  }

  /** The manifests of one image, newest first, those as somebody made them before those made here. */
  byID(id: Digest): readonly StoredManifest[] {
    const found = [...this.manifests.values()].filter((stored) => stored.id === id).reverse();
    return found.sort((a, b) => Number(a.isBuilt) - Number(b.isBuilt));
  }

  /** What a tag names. */
  tagged(reference: Reference): StoredManifest | undefined {
    const tag = this.#tags.get(familiarString(withDefaultTag(reference)));
    return tag && this.manifests.get(tag.manifest);
  }

  /** When an image was last given a name. */
  lastTagged(id: Digest): string | undefined {
    const times = [...this.#tags.values()].filter((tag) => this.manifests.get(tag.manifest)?.id === id);
    return times
      .map(({ taggedAt }) => taggedAt)
      .sort()
      .at(-1);
  }

  /** Takes a manifest in; one that is there already stays as it is. */
  add(stored: StoredManifest): void {
    const { digest } = stored.descriptor;
    if (!this.manifests.has(digest)) this.manifests.set(digest, stored);
  }

  /**
   * Gives a manifest a name, whoever had it, and tells whose it was.
   * @throws {ImageStoreError} as {@link ReferenceStore.addTag}
   */
  tag(reference: Reference, manifest: Digest, taggedAt: string): Digest | undefined {
    const stored = this.manifests.get(manifest);
    if (!stored) throw new Error(`unreachable: ${manifest} is not in the store`);
    const before = reference.digest === undefined ? this.tagged(reference) : undefined;
    this.references.addTag(reference, stored.id, { force: true });
    const named = withDefaultTag(reference);
    this.#tags.set(familiarString(named), { reference: named, manifest, taggedAt });
    this.#dropDuplicates(before?.id);
    return before?.id;
  }

  /** Takes a tag or a digest away. @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` */
  untag(reference: Reference): void {
    const id = this.references.get(reference);
    this.references.delete(reference);
    if (reference.digest === undefined) this.#tags.delete(familiarString(withDefaultTag(reference)));
    this.#dropDuplicates(id);
  }

  /** Forgets an image that no reference names any more. */
  remove(id: Digest): void {
    for (const { descriptor } of this.byID(id)) this.manifests.delete(descriptor.digest);
  }

  /** A manifest without a tag is worth keeping only while its image has no other. */
  #dropDuplicates(id: Digest | undefined): void {
    if (id === undefined) return;
    const used = new Set([...this.#tags.values()].map(({ manifest }) => manifest));
    const [, ...spare] = [...this.byID(id)].sort((a, b) => isUsed(b) - isUsed(a));
    for (const stored of spare) if (isUsed(stored) === 0) this.manifests.delete(stored.descriptor.digest);

    function isUsed({ descriptor }: StoredManifest): number {
      return Number(used.has(descriptor.digest));
    }
  }

  #read(entry: Descriptor): void {
    const { annotations = {}, ...descriptor } = entry;
    const id = annotations[annotation.id];
    if (!isDigest(id)) {
      this.#others.push(entry);
      return;
    }
    this.add({ descriptor, id, isBuilt: annotations[annotation.built] === 'true' });
    const reference = tagOf(annotations[annotation.name]);
    if (reference) this.tag(reference, descriptor.digest, annotations[annotation.tagged] ?? '');
  }
}

function descriptorsOf(text: string): readonly Descriptor[] {
  try {
    const bytes = new TextEncoder().encode(text);
    const index = parseManifest(bytes, mediaTypes.ociIndex, { maxSize: bytes.byteLength });
    if (index.kind === 'oci-index') return index.manifests;
    throw new Error(`it is no index but ${index.kind}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ImageStoreError('ERR_IMAGE_STORE_CORRUPT', `The image store's index.json is damaged: ${why}`, {
      cause,
      hint: 'Restore the file, or move the folder away and load the images again',
    });
  }
}

function annotated({ descriptor, id, isBuilt }: StoredManifest, tag?: Tag): Descriptor {
  return {
    ...descriptor,
    annotations: {
      ...(tag && {
        [annotation.name]: familiarString(tag.reference),
        [annotation.fullName]: formatReference(tag.reference),
        [annotation.tagged]: tag.taggedAt,
      }),
      [annotation.id]: id,
      ...(isBuilt && { [annotation.built]: 'true' }),
    },
  };
}

function tagOf(text: string | undefined): Reference | undefined {
  if (text === undefined) return undefined;
  try {
    const reference = parseReference(text);
    return reference.tag !== undefined && reference.digest === undefined ? reference : undefined;
  } catch {
    return undefined;
  }
}
