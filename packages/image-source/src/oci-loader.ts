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
  isAttestation,
  isImageConfigMediaType,
  isIndexMediaType,
  isLayerMediaType,
  isManifestMediaType,
  isNondistributableMediaType,
  type OciManifest,
  type ParsedManifest,
  platformOfConfig,
} from '@slipway/manifest';
import { imageConfigOf, manifestOf } from './documents.ts';
import { invalidSource, SourceError } from './errors.ts';
import { readAll } from './file-reader.ts';
import type { SourceArtifact, SourceImage, SourceIndex, SourceItem, SourceLayer } from './image-source.ts';
import { Allowance, type ResolvedSourceLimits } from './options.ts';
import type { SourceFiles, StoredFile } from './source-files.ts';
import { compressionOf, labelOf, provenContent } from './stored-content.ts';

export interface OciLoaderOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
}

interface Loaded {
  readonly item: SourceItem;
  /** Manifests in it, itself included, each counted as often as it is listed: what a reader of the tree would meet. */
  readonly weight: number;
}

type ManifestBytes = SourceArtifact['manifest'];

/**
 * Makes items of the descriptors of one layout. Manifests and configs are read and checked at once, blobs only looked for:
 * a digest cannot contain itself, so what is checked has no cycles.
 */
export class OciLoader {
  readonly #files: SourceFiles;
  readonly #limits: ResolvedSourceLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #allowance: Allowance;
  readonly #loaded = new Map<string, Loaded | undefined>();
  readonly #contents = new Map<Digest, Content>();
  readonly #missing = new Set<Digest>();
  #weight = 0;

  constructor(files: SourceFiles, { limits, signal }: OciLoaderOptions) {
    this.#files = files;
    this.#limits = limits;
    this.#allowance = new Allowance(limits);
    this.#signal = signal;
  }

  /** Undefined when blobs are missing: {@link assertComplete} says which, for all descriptors in one go. */
  async load(descriptor: Descriptor): Promise<SourceItem | undefined> {
    const loaded = await this.#loadOnce(descriptor, 0);
    this.#weight += loaded?.weight ?? 1;
    this.#assertWeight(this.#weight);
    return loaded?.item;
  }

  /** @throws {SourceError} `ERR_SOURCE_NOT_FOUND` naming what {@link load} missed. */
  assertComplete(): void {
    if (this.#missing.size === 0) return;
    const named = [...this.#missing].slice(0, 10).join(', ');
    const more = this.#missing.size > 10 ? ` and ${this.#missing.size - 10} more` : '';
    throw new SourceError(
      'ERR_SOURCE_NOT_FOUND',
      `Blobs missing in ${JSON.stringify(this.#files.name)}: ${named}${more}`,
      {
        hint: 'It was saved without all that its index lists, perhaps one platform of several: save it again with everything, or choose one image by tag or digest',
      },
    );
  }

  async #loadOnce(descriptor: Descriptor, depth: number): Promise<Loaded | undefined> {
    this.#signal?.throwIfAborted();
    // The same bytes read differently under another media type, or as an attestation, and may be too deep in one place only.
    const key = `${depth} ${isAttestation(descriptor)} ${descriptor.mediaType} ${descriptor.digest}`;
    if (!this.#loaded.has(key)) this.#loaded.set(key, await this.#read(descriptor, depth));
    return this.#loaded.get(key);
  }

  async #read(descriptor: Descriptor, depth: number): Promise<Loaded | undefined> {
    const { mediaType, digest } = descriptor;
    const bytes = await this.#document(descriptor);
    if (!bytes) return undefined;
    const manifest = { mediaType, digest, bytes };
    if (!isIndexMediaType(mediaType) && !isManifestMediaType(mediaType)) {
      // An index may list what nobody here has heard of; image-spec forbids to choke on it.
      return { item: { kind: 'artifact', names: [], manifest, blobs: [] }, weight: 1 };
    }
    const label = this.#label(digest);
    const parsed = manifestOf(bytes, mediaType, this.#limits.maxDocumentBytes, label);
    switch (parsed.kind) {
      case 'oci-index':
      case 'docker-list':
        if (depth >= this.#limits.maxIndexDepth) {
          throw invalidSource(`${label} is an index more than ${this.#limits.maxIndexDepth} levels deep`);
        }
        return await this.#readIndex(parsed.manifests, manifest, depth);
      case 'oci-manifest':
      case 'docker-manifest':
        return {
          item:
            (isImage(parsed, descriptor) ? await this.#readImage(parsed, manifest) : undefined) ??
            (await this.#readArtifact([parsed.config, ...parsed.layers], manifest)),
          weight: 1,
        };
      case 'oci-artifact-manifest':
        return { item: await this.#readArtifact(parsed.blobs, manifest), weight: 1 };
      case 'schema1':
        throw new SourceError(
          'ERR_SOURCE_UNSUPPORTED',
          `${label} is a schema 1 manifest, which no OCI layout may hold`,
        );
      default:
        throw new Error(`unreachable: ${parsed satisfies never}`);
    }
  }

  async #readIndex(descriptors: readonly Descriptor[], manifest: ManifestBytes, depth: number): Promise<Loaded> {
    const children: SourceIndex['children'][number][] = [];
    let weight = 1;
    for (const descriptor of descriptors) {
      const child = await this.#loadOnce(descriptor, depth + 1);
      weight += child?.weight ?? 1;
      this.#assertWeight(weight);
      if (child) children.push({ descriptor, item: child.item });
    }
    return { item: { kind: 'index', names: [], manifest, children }, weight };
  }

  /** Undefined when the config has no `rootfs`: somebody's artifact in the guise of an image. */
  async #readImage({ config, layers: descriptors }: Image, manifest: ManifestBytes): Promise<SourceImage | undefined> {
    const bytes = await this.#document(config);
    if (!bytes) return undefined;
    const parsed = imageConfigOf(bytes, this.#limits.maxDocumentBytes, this.#label(config.digest));
    if (!parsed) return undefined;
    const { diff_ids: diffIDs } = parsed.rootfs;
    if (diffIDs.length !== descriptors.length) {
      const counts = `expected ${diffIDs.length}, got ${descriptors.length}`;
      throw invalidSource(`${this.#label(manifest.digest)}: invalid manifest, layers length mismatch: ${counts}`);
    }
    const layers: SourceLayer[] = [];
    for (const [at, diffID] of diffIDs.entries()) {
      this.#signal?.throwIfAborted();
      layers.push(await this.#readLayer(descriptors[at]!, diffID));
    }
    return {
      kind: 'image',
      names: [],
      platform: platformOfConfig(parsed),
      config: { mediaType: config.mediaType, digest: config.digest, bytes },
      layers,
      manifest,
    };
  }

  async #readLayer(descriptor: Descriptor, diffID: Digest): Promise<SourceLayer> {
    const { digest, mediaType, urls } = descriptor;
    const file = await this.#find(descriptor);
    if (!file) {
      const isElsewhere = isNondistributableMediaType(mediaType) || (urls?.length ?? 0) > 0;
      if (!isElsewhere) this.#missing.add(digest);
      return { diffID, content: undefined, compression: 'none', descriptor };
    }
    const compression = await compressionOf(file, this.#label(digest));
    return { diffID, content: this.#proven(file.content, digest), compression, descriptor };
  }

  async #readArtifact(descriptors: readonly Descriptor[], manifest: ManifestBytes): Promise<SourceArtifact> {
    const blobs: SourceArtifact['blobs'][number][] = [];
    for (const descriptor of descriptors) {
      const file = await this.#find(descriptor);
      if (file) blobs.push({ descriptor, content: this.#proven(file.content, descriptor.digest) });
      else this.#missing.add(descriptor.digest);
    }
    return { kind: 'artifact', names: [], manifest, blobs };
  }

  /** Bytes of a manifest or a config, proven. Undefined, and noted, when they are missing. */
  async #document(descriptor: Descriptor): Promise<Uint8Array | undefined> {
    const file = await this.#find(descriptor);
    if (!file) {
      this.#missing.add(descriptor.digest);
      return undefined;
    }
    const content = this.#proven(file.content, descriptor.digest);
    const label = this.#label(descriptor.digest);
    this.#allowance.take(content.size, this.#files.name);
    return await readAll(content, this.#limits.maxDocumentBytes, label, { signal: this.#signal });
  }

  async #find(descriptor: Descriptor): Promise<StoredFile | undefined> {
    const { digest, size } = descriptor;
    const file = (await this.#files.find(blobPath(digest))) ?? embeddedFile(descriptor);
    if (file && file.content.size !== size) {
      throw invalidSource(`${this.#label(digest)} has ${file.content.size} bytes, its descriptor says ${size}`);
    }
    return file;
  }

  /** One object per digest, so that layers that are the same share their content. */
  #proven(stored: Content, digest: Digest): Content {
    let content = this.#contents.get(digest);
    if (!content) {
      content = provenContent(stored, digest, this.#label(digest));
      this.#contents.set(digest, content);
    }
    return content;
  }

  #label(digest: Digest): string {
    return labelOf(this.#files, blobPath(digest));
  }

  #assertWeight(weight: number): void {
    if (weight <= this.#limits.maxManifests) return;
    throw invalidSource(`${JSON.stringify(this.#files.name)} lists more than ${this.#limits.maxManifests} manifests`);
  }
}

type Image = Extract<ParsedManifest, { readonly kind: 'oci-manifest' | 'docker-manifest' }>;

/** What a runtime could run. The rest is carried as it is: charts, signatures, BuildKit's attestations, encrypted layers. */
function isImage(manifest: Image, descriptor: Descriptor): boolean {
  const { artifactType } = manifest as Partial<OciManifest>;
  return (
    !artifactType &&
    !isAttestation(descriptor) &&
    isImageConfigMediaType(manifest.config.mediaType) &&
    manifest.layers.every(({ mediaType }) => isLayerMediaType(mediaType))
  );
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/** Small blobs may travel inside their descriptor. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#embedded-content */
function embeddedFile({ data, digest }: Descriptor): StoredFile | undefined {
  if (data === undefined) return undefined;
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  if (digestBytes(bytes, algorithmOf(digest)) !== digest) return undefined;
  return { content: contentOf(bytes), head: async (length) => bytes.subarray(0, length) };
}
