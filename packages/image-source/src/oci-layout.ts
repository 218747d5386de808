import {
  type AbortOptions,
  algorithmOf,
  type Content,
  contentOf,
  type Digest,
  digestBytes,
  encodedOf,
} from '@slipway/digest';
import {
  type Descriptor,
  isImageConfigMediaType,
  isIndexMediaType,
  isLayerMediaType,
  isNondistributableMediaType,
  mediaTypes,
} from '@slipway/manifest';
import { familiarString, parseReference } from '@slipway/reference';
import { diffIDsOf } from './docker-archive.ts';
import { descriptorOf, type JsonObject, listOf, objectOf, parseJson, platformOf, textOf } from './documents.ts';
import { invalidSource, SourceError } from './errors.ts';
import { readAll } from './file-reader.ts';
import type { SourceImage, SourceItem, SourceLayer } from './image-source.ts';
import type { ResolvedSourceLimits } from './options.ts';
import type { SourceFiles, StoredFile } from './source-files.ts';
import type { OciSelector } from './source-text.ts';
import { compressionOf, labelOf, provenContent, readMember } from './stored-content.ts';

/** Name of the top index of a layout. */
export const ociIndexName = 'index.json';

/** Name of the file that makes a folder a layout. */
export const ociMarkerName = 'oci-layout';

export interface OciLayoutOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** @default everything `index.json` lists */
  readonly select?: OciSelector | undefined;
}

/**
 * What an OCI image layout holds, folder or archive: one item per digest in `index.json`, with all of its names.
 * Manifests and configs are read and checked here; layers are checked for their size now and their digest when they are read.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` for a selector that fits none, or for blobs that are missing, each named; `ERR_SOURCE_INVALID` for the rest.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export async function readOciLayout(files: SourceFiles, options: OciLayoutOptions): Promise<readonly SourceItem[]> {
  const { limits, select, signal } = options;
  await assertLayoutVersion(files, options);
  const label = labelOf(files, ociIndexName);
  const bytes = await readMember(files, ociIndexName, limits.maxListBytes, { signal });
  const index = objectOf(parseJson(bytes, label), label);
  const entries = mergedEntries(
    listOf(index, 'manifests').map((value, at) => descriptorOf(value, `${label}, entry ${at}`)),
  );
  const loader = new Loader(files, options);
  const loaded: SourceItem[] = [];
  for (const entry of 'tag' in (select ?? {}) ? entries.filter(hasTag(select as { tag: string })) : entries) {
    const item = await loader.load(entry.descriptor, 0);
    if (item) loaded.push({ ...item, names: entry.names });
  }
  loader.assertComplete();
  if (!select) return loaded;
  const found = 'digest' in select ? findDigest(loaded, select.digest) : loaded;
  if (found.length === 1) return found;
  throw notExactlyOne(files.name, select, found, entries);
}

interface Entry {
  readonly descriptor: Descriptor;
  readonly names: readonly string[];
  /** Every text by which a user may ask for it. */
  readonly tags: readonly string[];
}

const refNameKey = 'org.opencontainers.image.ref.name';
const containerdNameKey = 'io.containerd.image.name';

/** A layout lists an image once per tag; here it is one item with several names. */
function mergedEntries(descriptors: readonly Descriptor[]): readonly Entry[] {
  const merged = new Map<Digest, Entry>();
  for (const descriptor of descriptors) {
    const before = merged.get(descriptor.digest);
    const { names, tags } = namesOf(descriptor);
    merged.set(descriptor.digest, {
      descriptor: before?.descriptor ?? descriptor,
      names: [...new Set([...(before?.names ?? []), ...names])],
      tags: [...new Set([...(before?.tags ?? []), ...tags])],
    });
  }
  return [...merged.values()];
}

/** containerd writes the full reference beside the bare tag; the former says more, so it alone becomes the name. */
function namesOf({ annotations = {} }: Descriptor): Pick<Entry, 'names' | 'tags'> {
  const refName = annotations[refNameKey];
  const full = annotations[containerdNameKey];
  const names = [full ? familiarOf(full) : refName].filter((name) => name !== undefined && name !== '');
  return {
    names: names as string[],
    tags: [refName, full, full && familiarOf(full)].filter((tag) => tag !== undefined && tag !== '') as string[],
  };
}

function familiarOf(text: string): string {
  try {
    return familiarString(parseReference(text));
  } catch {
    return text; // the layout may call it what it likes; only a push to that name needs a reference
  }
}

function hasTag({ tag }: { readonly tag: string }): (entry: Entry) => boolean {
  return ({ tags }) => tags.includes(tag) || tags.includes(familiarOf(tag));
}

/** An item with this digest, at the top or within an index. */
function findDigest(items: readonly SourceItem[], digest: string): readonly SourceItem[] {
  for (const item of items) {
    if (item.manifest?.digest === digest) return [item];
    if (item.kind !== 'index') continue;
    const found = findDigest(
      item.children.map((child) => child.item),
      digest,
    );
    if (found.length > 0) return found;
  }
  return [];
}

function notExactlyOne(
  name: string,
  select: OciSelector,
  found: readonly SourceItem[],
  entries: readonly Entry[],
): SourceError {
  const wanted = JSON.stringify('tag' in select ? select.tag : select.digest);
  const many = found.length > 1;
  const listed = entries.map(({ names, descriptor }) => [...names, `@${descriptor.digest}`].join(' '));
  const message = many
    ? `${found.length} images are called ${wanted} in ${JSON.stringify(name)}`
    : `No image ${wanted} in ${JSON.stringify(name)}`;
  return new SourceError('ERR_SOURCE_NOT_FOUND', message, {
    hint: `${many ? 'Ask for one by its digest. ' : ''}It holds: ${listed.slice(0, 50).join(', ') || 'nothing'}`,
  });
}

async function assertLayoutVersion(files: SourceFiles, { limits, signal }: OciLayoutOptions): Promise<void> {
  const label = labelOf(files, ociMarkerName);
  const bytes = await readMember(files, ociMarkerName, limits.maxDocumentBytes, { signal });
  const version = textOf(objectOf(parseJson(bytes, label), label), 'imageLayoutVersion');
  if (version?.startsWith('1.')) return;
  throw new SourceError('ERR_SOURCE_UNSUPPORTED', `${label} has layout version ${JSON.stringify(version)}, expected 1`);
}

interface Loaded {
  readonly item: SourceItem;
  /** Manifests in it, itself included, each counted as often as it is listed. */
  readonly weight: number;
}

class Loader {
  readonly #files: SourceFiles;
  readonly #limits: ResolvedSourceLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #loaded = new Map<string, Loaded | undefined>();
  readonly #contents = new Map<Digest, Content>();
  readonly #missing = new Set<string>();
  #weight = 0;

  constructor(files: SourceFiles, { limits, signal }: OciLayoutOptions) {
    this.#files = files;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** Undefined when blobs are missing; {@link assertComplete} then says which. */
  async load(descriptor: Descriptor, depth: number): Promise<SourceItem | undefined> {
    const loaded = await this.#loadOnce(descriptor, depth);
    this.#weight += loaded?.weight ?? 1;
    if (this.#weight > this.#limits.maxManifests) throw this.#tooMany();
    return loaded?.item;
  }

  assertComplete(): void {
    if (this.#missing.size === 0) return;
    const named = [...this.#missing].slice(0, 10).join(', ');
    const more = this.#missing.size > 10 ? ` and ${this.#missing.size - 10} more` : '';
    throw new SourceError(
      'ERR_SOURCE_NOT_FOUND',
      `Blobs are missing in ${JSON.stringify(this.#files.name)}: ${named}${more}`,
      {
        hint: 'It was saved without all that its index lists, for example one platform of several; save it again with everything, or choose one image by tag or digest',
      },
    );
  }

  /** The same document reads differently under another media type, hence the key. A digest cannot contain itself, so there are no cycles. */
  async #loadOnce(descriptor: Descriptor, depth: number): Promise<Loaded | undefined> {
    this.#signal?.throwIfAborted();
    const key = `${depth} ${descriptor.mediaType} ${descriptor.digest} ${isAttestation(descriptor)}`;
    if (!this.#loaded.has(key)) this.#loaded.set(key, await this.#read(descriptor, depth));
    return this.#loaded.get(key);
  }

  async #read(descriptor: Descriptor, depth: number): Promise<Loaded | undefined> {
    const bytes = await this.#document(descriptor);
    if (!bytes) return undefined;
    const label = this.#label(descriptor);
    const manifest = { mediaType: descriptor.mediaType, digest: descriptor.digest, bytes };
    if (!isKnownManifest(descriptor.mediaType)) {
      // An index may list what nobody here has heard of; the spec forbids to choke on it.
      return { item: { kind: 'artifact', names: [], manifest, blobs: [] }, weight: 1 };
    }
    const object = objectOf(parseJson(bytes, label), label);
    const stated = textOf(object, 'mediaType') ?? descriptor.mediaType;
    if (stated !== descriptor.mediaType) {
      throw invalidSource(`${label} says its media type is ${stated}, its descriptor says ${descriptor.mediaType}`);
    }
    if (
      object.fields['manifests'] !== undefined &&
      (object.fields['layers'] ?? object.fields['config']) !== undefined
    ) {
      throw invalidSource(`${label} is both an index and an image`);
    }
    if (isIndexMediaType(descriptor.mediaType)) return await this.#readIndex(object, manifest, depth);
    const item = await this.#readManifest(object, manifest, descriptor);
    return item && { item, weight: 1 };
  }

  async #readIndex(object: JsonObject, manifest: ManifestBytes, depth: number): Promise<Loaded | undefined> {
    if (depth >= this.#limits.maxIndexDepth) {
      throw invalidSource(`${object.label} is an index nested more than ${this.#limits.maxIndexDepth} deep`);
    }
    const descriptors = listOf(object, 'manifests').map((value, at) =>
      descriptorOf(value, `${object.label}, entry ${at}`),
    );
    const children: { readonly descriptor: Descriptor; readonly item: SourceItem }[] = [];
    let weight = 1;
    for (const descriptor of descriptors) {
      const child = await this.#loadOnce(descriptor, depth + 1);
      weight += child?.weight ?? 1;
      if (weight > this.#limits.maxManifests) throw this.#tooMany();
      if (child) children.push({ descriptor, item: child.item });
    }
    if (children.length < descriptors.length) return undefined;
    return { item: { kind: 'index', names: [], manifest, children }, weight };
  }

  async #readManifest(
    object: JsonObject,
    manifest: ManifestBytes,
    descriptor: Descriptor,
  ): Promise<SourceItem | undefined> {
    const { label, fields } = object;
    const list = manifest.mediaType === mediaTypes.ociArtifactManifest ? 'blobs' : 'layers';
    const layers = listOf(object, list).map((value, at) => descriptorOf(value, `${label}, ${list} ${at}`));
    const config = fields['config'] == null ? undefined : descriptorOf(fields['config'], `${label}, config`);
    const isImage =
      config !== undefined &&
      isImageConfigMediaType(config.mediaType) &&
      textOf(object, 'artifactType') === undefined &&
      !isAttestation(descriptor) &&
      layers.every(({ mediaType }) => isLayerMediaType(mediaType));
    const image = isImage ? await this.#readImage(object, manifest, config, layers) : undefined;
    if (image) return image === 'incomplete' ? undefined : image;
    const blobs: { readonly descriptor: Descriptor; readonly content: Content }[] = [];
    for (const blob of config ? [config, ...layers] : layers) {
      const content = await this.#content(blob);
      if (content) blobs.push({ descriptor: blob, content });
      else this.#missing.add(blob.digest);
    }
    return { kind: 'artifact', names: [], manifest, blobs };
  }

  /** Undefined when the config has no `rootfs`: then it is somebody's artifact in the guise of an image. */
  async #readImage(
    object: JsonObject,
    manifest: ManifestBytes,
    config: Descriptor,
    descriptors: readonly Descriptor[],
  ): Promise<SourceImage | 'incomplete' | undefined> {
    const bytes = await this.#document(config);
    if (!bytes) return 'incomplete';
    const label = this.#label(config);
    const document = objectOf(parseJson(bytes, label), label);
    const diffIDs = diffIDsOf(document);
    if (!diffIDs) return undefined;
    if (diffIDs.length !== descriptors.length) {
      throw invalidSource(
        `${object.label}: invalid manifest, layers length mismatch: expected ${diffIDs.length}, got ${descriptors.length}`,
      );
    }
    const layers: SourceLayer[] = [];
    for (const [at, descriptor] of descriptors.entries()) {
      layers.push(await this.#readLayer(descriptor, diffIDs[at]!));
    }
    return {
      kind: 'image',
      names: [],
      platform: platformOf(document.fields, label),
      config: { mediaType: config.mediaType, digest: config.digest, bytes },
      layers,
      manifest,
    };
  }

  async #readLayer(descriptor: Descriptor, diffID: Digest): Promise<SourceLayer> {
    const file = await this.#file(descriptor);
    const content = await this.#content(descriptor);
    if (!content) {
      const isElsewhere = isNondistributableMediaType(descriptor.mediaType) || (descriptor.urls?.length ?? 0) > 0;
      if (!isElsewhere) this.#missing.add(descriptor.digest);
      return { diffID, content: undefined, compression: 'none', descriptor };
    }
    const compression = file ? await compressionOf(file, this.#label(descriptor)) : 'none';
    return { diffID, content, compression, descriptor };
  }

  /** Bytes of a manifest or a config, checked. Undefined, and noted, when they are missing. */
  async #document(descriptor: Descriptor): Promise<Uint8Array | undefined> {
    const content = await this.#content(descriptor);
    if (!content) {
      this.#missing.add(descriptor.digest);
      return undefined;
    }
    return await readAll(content, this.#limits.maxDocumentBytes, this.#label(descriptor), { signal: this.#signal });
  }

  async #content(descriptor: Descriptor): Promise<Content | undefined> {
    const { digest, size } = descriptor;
    const stored = (await this.#file(descriptor))?.content ?? embeddedContent(descriptor);
    if (!stored) return undefined;
    if (stored.size !== size) {
      throw invalidSource(`${this.#label(descriptor)} has ${stored.size} bytes, its descriptor says ${size}`);
    }
    let content = this.#contents.get(digest);
    if (!content) {
      content = provenContent(stored, digest, this.#label(descriptor));
      this.#contents.set(digest, content);
    }
    return content;
  }

  #file({ digest }: Descriptor): Promise<StoredFile | undefined> {
    return this.#files.find(blobPath(digest));
  }

  #label({ digest }: Descriptor): string {
    return labelOf(this.#files, blobPath(digest));
  }

  #tooMany(): SourceError {
    return invalidSource(`${JSON.stringify(this.#files.name)} lists more than ${this.#limits.maxManifests} manifests`);
  }
}

type ManifestBytes = NonNullable<SourceImage['manifest']>;

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

function isKnownManifest(mediaType: string): boolean {
  return (
    isIndexMediaType(mediaType) ||
    mediaType === mediaTypes.ociManifest ||
    mediaType === mediaTypes.dockerManifest ||
    mediaType === mediaTypes.ociArtifactManifest
  );
}

/** BuildKit's provenance and SBOMs look like images of platform `unknown/unknown`. */
function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] !== undefined;
}

/** Small blobs may travel inside their descriptor. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#embedded-content */
function embeddedContent({ data, digest }: Descriptor): Content | undefined {
  if (data === undefined) return undefined;
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  return digestBytes(bytes, algorithmOf(digest)) === digest ? contentOf(bytes) : undefined;
}
