import type { AbortOptions, Digest } from '@slipway/digest';
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
import type {
  SourceArtifact,
  SourceImage,
  SourceIndex,
  SourceItem,
  SourceLayer,
  SourceReferrer,
} from './image-source.ts';
import type { OciBlob, OciBlobs } from './oci-blobs.ts';
import { Allowance, type ResolvedSourceLimits } from './options.ts';
import type { FindReferrers } from './referrers.ts';

export interface OciLoaderOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Entries of an index that are left out, and never read. @default none */
  readonly isWanted?: ((descriptor: Descriptor) => boolean) | undefined;
  /** Finds what refers to each manifest. @default referrers are not looked for */
  readonly findReferrers?: FindReferrers | undefined;
}

interface Loaded {
  readonly item: SourceItem;
  /** Manifests in it, itself included, each counted as often as it is listed: what a reader of the tree would meet. */
  readonly weight: number;
}

type ManifestBytes = SourceArtifact['manifest'];

/** Referrers of referrers: a signature of an SBOM of an image is two. */
const maxReferrerDepth = 8;

/** How far below the top a manifest was found. */
interface Place {
  /** Indexes above it. */
  readonly depth: number;
  /** Subjects above it. */
  readonly generation: number;
}

/**
 * Makes items of the descriptors of one layout or repository. Manifests and configs are read and checked at once, blobs only looked for:
 * a digest cannot contain itself, so what is checked has no cycles.
 */
export class OciLoader {
  readonly #blobs: OciBlobs;
  readonly #limits: ResolvedSourceLimits;
  readonly #isWanted: (descriptor: Descriptor) => boolean;
  readonly #findReferrers: FindReferrers | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #allowance: Allowance;
  readonly #loaded = new Map<string, Loaded | undefined>();
  readonly #missing = new Set<Digest>();
  readonly #referrers = new Set<Digest>();
  #weight = 0;

  constructor(blobs: OciBlobs, { limits, isWanted, findReferrers, signal }: OciLoaderOptions) {
    this.#blobs = blobs;
    this.#limits = limits;
    this.#isWanted = isWanted ?? (() => true);
    this.#findReferrers = findReferrers;
    this.#allowance = new Allowance(limits);
    this.#signal = signal;
  }

  /** Undefined when blobs are missing: {@link assertComplete} says which, for all descriptors in one go. */
  async load(descriptor: Descriptor): Promise<SourceItem | undefined> {
    const loaded = await this.#loadOnce(descriptor, { depth: 0, generation: 0 });
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
      `Blobs missing in ${JSON.stringify(this.#blobs.name)}: ${named}${more}`,
      {
        hint: 'It was saved without all that its index lists, perhaps one platform of several: save it again with everything, or choose one image by tag or digest',
      },
    );
  }

  /** Whether something that was loaded has the manifest as its referrer. */
  isReferrer(digest: Digest): boolean {
    return this.#referrers.has(digest);
  }

  /** A manifest or an index as it is written; undefined where it is missing, or something else. */
  async documentOf(descriptor: Descriptor): Promise<ParsedManifest | undefined> {
    const { mediaType, digest } = descriptor;
    if (!isIndexMediaType(mediaType) && !isManifestMediaType(mediaType)) return undefined;
    const blob = await this.#blobs.findManifest(descriptor);
    if (!blob) return undefined;
    const bytes = await this.#bytesOf(blob, digest);
    return manifestOf(bytes, mediaType, this.#limits.maxDocumentBytes, this.#blobs.labelOf(digest));
  }

  async #loadOnce(descriptor: Descriptor, place: Place): Promise<Loaded | undefined> {
    this.#signal?.throwIfAborted();
    // The same bytes read differently under another media type, or as an attestation, and may be too deep in one place only.
    const { depth, generation } = place;
    const key = `${depth} ${generation} ${isAttestation(descriptor)} ${descriptor.mediaType} ${descriptor.digest}`;
    if (!this.#loaded.has(key)) {
      const loaded = await this.#read(descriptor, place);
      this.#loaded.set(key, loaded && (await this.#withReferrers(loaded, descriptor, generation)));
    }
    return this.#loaded.get(key);
  }

  async #withReferrers(loaded: Loaded, { digest }: Descriptor, generation: number): Promise<Loaded> {
    const found = (await this.#findReferrers?.(digest)) ?? [];
    if (found.length === 0) return loaded;
    if (generation >= maxReferrerDepth) {
      throw invalidSource(
        `${this.#blobs.labelOf(digest)} has referrers of referrers more than ${maxReferrerDepth} deep`,
      );
    }
    const referrers: SourceReferrer[] = [];
    let { weight } = loaded;
    for (const { descriptor, tag } of found) {
      this.#referrers.add(descriptor.digest);
      const referrer = await this.#loadOnce(descriptor, { depth: 0, generation: generation + 1 });
      weight += referrer?.weight ?? 1;
      this.#assertWeight(weight);
      if (referrer) referrers.push({ descriptor, item: referrer.item, tag });
    }
    return { item: { ...loaded.item, referrers }, weight };
  }

  async #read(descriptor: Descriptor, place: Place): Promise<Loaded | undefined> {
    const { mediaType, digest } = descriptor;
    const bytes = await this.#document(descriptor, (wanted) => this.#blobs.findManifest(wanted));
    if (!bytes) return undefined;
    const manifest = { mediaType, digest, bytes };
    if (!isIndexMediaType(mediaType) && !isManifestMediaType(mediaType)) {
      // An index may list what nobody here has heard of; image-spec forbids to choke on it.
      return { item: { kind: 'artifact', names: [], manifest, blobs: [] }, weight: 1 };
    }
    const label = this.#blobs.labelOf(digest);
    const parsed = manifestOf(bytes, mediaType, this.#limits.maxDocumentBytes, label);
    switch (parsed.kind) {
      case 'oci-index':
      case 'docker-list':
        if (place.depth >= this.#limits.maxIndexDepth) {
          throw invalidSource(`${label} is an index more than ${this.#limits.maxIndexDepth} levels deep`);
        }
        return await this.#readIndex(parsed.manifests, manifest, place);
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
          `${label} is a schema 1 manifest, which only docker pull still understands`,
          { hint: 'Pull it with docker, and push what docker save makes of it' },
        );
      default:
        throw new Error(`unreachable: ${parsed satisfies never}`);
    }
  }

  async #readIndex(descriptors: readonly Descriptor[], manifest: ManifestBytes, place: Place): Promise<Loaded> {
    const children: SourceIndex['children'][number][] = [];
    let weight = 1;
    for (const descriptor of descriptors.filter(this.#isWanted)) {
      const child = await this.#loadOnce(descriptor, { ...place, depth: place.depth + 1 });
      weight += child?.weight ?? 1;
      this.#assertWeight(weight);
      if (child) children.push({ descriptor, item: child.item });
    }
    return { item: { kind: 'index', names: [], manifest, children }, weight };
  }

  /** Undefined when the config has no `rootfs`: somebody's artifact in the guise of an image. */
  async #readImage({ config, layers: descriptors }: Image, manifest: ManifestBytes): Promise<SourceImage | undefined> {
    const bytes = await this.#document(config, (wanted) => this.#blobs.findBlob(wanted));
    if (!bytes) return undefined;
    const parsed = imageConfigOf(bytes, this.#limits.maxDocumentBytes, this.#blobs.labelOf(config.digest));
    if (!parsed) return undefined;
    const { diff_ids: diffIDs } = parsed.rootfs;
    if (diffIDs.length !== descriptors.length) {
      const counts = `expected ${diffIDs.length}, got ${descriptors.length}`;
      throw invalidSource(
        `${this.#blobs.labelOf(manifest.digest)}: invalid manifest, layers length mismatch: ${counts}`,
      );
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
      ...this.#held,
    };
  }

  async #readLayer(descriptor: Descriptor, diffID: Digest): Promise<SourceLayer> {
    const { digest, mediaType, urls } = descriptor;
    const blob = await this.#blobs.findBlob(descriptor);
    if (!blob) {
      const isElsewhere = isNondistributableMediaType(mediaType) || (urls?.length ?? 0) > 0;
      if (!isElsewhere) this.#missing.add(digest);
      return { diffID, content: undefined, compression: 'none', descriptor };
    }
    return { diffID, content: blob.content, compression: await blob.compression(), descriptor };
  }

  async #readArtifact(descriptors: readonly Descriptor[], manifest: ManifestBytes): Promise<SourceArtifact> {
    const blobs: SourceArtifact['blobs'][number][] = [];
    for (const descriptor of descriptors) {
      const blob = await this.#blobs.findBlob(descriptor);
      if (blob) blobs.push({ descriptor, content: blob.content });
      else this.#missing.add(descriptor.digest);
    }
    return { kind: 'artifact', names: [], manifest, blobs, ...this.#held };
  }

  /** Bytes of a manifest or a config, proven. Undefined, and noted, when they are missing. */
  async #document(
    descriptor: Descriptor,
    find: (descriptor: Descriptor) => Promise<OciBlob | undefined>,
  ): Promise<Uint8Array | undefined> {
    const blob = await find(descriptor);
    if (!blob) {
      this.#missing.add(descriptor.digest);
      return undefined;
    }
    return await this.#bytesOf(blob, descriptor.digest);
  }

  async #bytesOf({ content }: OciBlob, digest: Digest): Promise<Uint8Array> {
    this.#allowance.take(content.size, this.#blobs.name);
    const label = this.#blobs.labelOf(digest);
    return await readAll(content, this.#limits.maxDocumentBytes, label, { signal: this.#signal });
  }

  get #held(): { readonly heldIn?: string } {
    const { heldIn } = this.#blobs;
    return heldIn === undefined ? {} : { heldIn };
  }

  #assertWeight(weight: number): void {
    if (weight <= this.#limits.maxManifests) return;
    throw invalidSource(`${JSON.stringify(this.#blobs.name)} lists more than ${this.#limits.maxManifests} manifests`);
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
