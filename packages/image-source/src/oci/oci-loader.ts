import type { AbortOptions, Digest } from '@slipway/digest';
import {
  type Descriptor,
  essentialMediaType,
  formatPlatform,
  isAttestation,
  isIndexMediaType,
  isManifestMediaType,
  type ParsedManifest,
} from '@slipway/manifest';
import { digestsWithoutSize, manifestOf } from '../documents.ts';
import { invalidSource, SourceError } from '../errors.ts';
import { readDocument } from '../files/stored-content.ts';
import type {
  SourceArtifact,
  SourceBlob,
  SourceIndex,
  SourceItem,
  SourceNotice,
  SourceReferrer,
} from '../image-source.ts';
import { Allowance, type ResolvedSourceLimits } from '../options.ts';
import type { FindReferrers } from '../referrers.ts';
import type { OciBlob, OciBlobs } from './oci-blobs.ts';
import { type ImageReading, readManifestContent } from './oci-image.ts';

export interface OciLoaderOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Entries of an index that are left out, and never read. @default none */
  readonly isWanted?: ((descriptor: Descriptor) => boolean) | undefined;
  /** Finds what refers to each manifest. @default referrers are not looked for */
  readonly findReferrers?: FindReferrers | undefined;
  /** What becomes of an image whose config does not pair with its layers. @default 'refuse' */
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
}

/** What a descriptor led to. */
export interface Loaded {
  /** As much of it as is there; undefined when its manifest is missing. */
  readonly item: SourceItem | undefined;
  readonly missing: readonly Digest[];
  /** The platforms in it that are whole, as `linux/amd64`. */
  readonly platforms: readonly string[];
}

interface Read extends Loaded {
  /** Manifests in it, itself included, each counted as often as it is listed: what a reader of the tree would meet. */
  readonly weight: number;
  /** Whether a referrer was left out because it was met on the way here: in another place it may be there. */
  readonly isCut: boolean;
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
  /** Digests of the indexes and subjects above it. */
  readonly trail: readonly Digest[];
}

/**
 * Makes items of the descriptors of one layout or repository. Manifests and configs are read and checked at once, blobs
 * only looked for: a digest cannot contain itself, so what is checked has no cycles. Referrers can lead in a circle,
 * which ends where it began.
 */
export class OciLoader {
  readonly #blobs: OciBlobs;
  readonly #limits: ResolvedSourceLimits;
  readonly #isWanted: (descriptor: Descriptor) => boolean;
  readonly #findReferrers: FindReferrers | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #allowance: Allowance;
  readonly #reading: ImageReading;
  readonly #loaded = new Map<string, Read>();
  readonly #referrers = new Set<Digest>();
  #weight = 0;

  constructor(blobs: OciBlobs, { limits, isWanted, findReferrers, unpaired, onNotice, signal }: OciLoaderOptions) {
    this.#blobs = blobs;
    this.#limits = limits;
    this.#isWanted = isWanted ?? (() => true);
    this.#findReferrers = findReferrers;
    this.#allowance = new Allowance(limits);
    this.#signal = signal;
    this.#reading = {
      blobs,
      limits,
      unpaired: unpaired ?? 'refuse',
      onNotice: onNotice ?? (() => {}),
      bytesOf: (blob, digest) => this.#bytesOf(blob, digest),
      signal,
    };
  }

  /**
   * @throws {SourceError} `ERR_SOURCE_INVALID` for what is malformed; `ERR_SOURCE_UNSUPPORTED` for what is no manifest.
   */
  async load(descriptor: Descriptor): Promise<Loaded> {
    const { item, missing, platforms, weight } = await this.#loadOnce(descriptor, {
      depth: 0,
      generation: 0,
      trail: [],
    });
    this.#weight += weight;
    this.#assertWeight(this.#weight);
    return { item, missing, platforms };
  }

  /**
   * The item with everything that it names.
   * @throws {SourceError} as {@link load}, and `ERR_SOURCE_NOT_FOUND` naming what is missing.
   */
  async loadWhole(descriptor: Descriptor): Promise<SourceItem> {
    const { item, missing, platforms } = await this.load(descriptor);
    if (item !== undefined && missing.length === 0) return item;
    throw blobsMissing(this.#blobs.name, [{ missing, platforms }]);
  }

  /** Whether something that was loaded has the manifest as its referrer. */
  isReferrer(digest: Digest): boolean {
    return this.#referrers.has(digest);
  }

  /** A manifest or an index as it is written; undefined where it is missing, or something else. */
  async documentOf(descriptor: Descriptor): Promise<ParsedManifest | undefined> {
    const mediaType = essentialMediaType(descriptor.mediaType);
    if (mediaType !== undefined && !isDocument(mediaType)) return undefined;
    const blob = await this.#blobs.findManifest(descriptor);
    return blob && (await this.#parse(await this.#bytesOf(blob, descriptor.digest), mediaType, descriptor.digest));
  }

  async #loadOnce(descriptor: Descriptor, place: Place): Promise<Read> {
    this.#signal?.throwIfAborted();
    // The same bytes read differently under another media type, or as an attestation, and may be too deep in one place
    // only.
    const { depth, generation } = place;
    const key = `${depth} ${generation} ${isAttestation(descriptor)} ${descriptor.mediaType} ${descriptor.digest}`;
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const loaded = await this.#withReferrers(await this.#read(descriptor, place), descriptor, place);
    if (!loaded.isCut) this.#loaded.set(key, loaded);
    return loaded;
  }

  async #withReferrers(loaded: Read, { digest }: Descriptor, { generation, trail }: Place): Promise<Read> {
    if (loaded.item === undefined) return loaded;
    const found = (await this.#findReferrers?.(digest)) ?? [];
    const fresh = found.filter(({ descriptor }) => descriptor.digest !== digest && !trail.includes(descriptor.digest));
    for (const { descriptor } of found) this.#referrers.add(descriptor.digest);
    const isCut = loaded.isCut || fresh.length < found.length;
    if (fresh.length === 0) return { ...loaded, isCut };
    if (generation >= maxReferrerDepth) {
      throw invalidSource(
        `${this.#blobs.labelOf(digest)} has referrers of referrers more than ${maxReferrerDepth} deep`,
      );
    }
    const referrers: SourceReferrer[] = [];
    const all: Read[] = [loaded];
    const place: Place = { depth: 0, generation: generation + 1, trail: [...trail, digest] };
    for (const { descriptor, tag } of fresh) {
      const referrer = await this.#loadOnce(descriptor, place);
      all.push(referrer);
      this.#assertWeight(weightOf(all));
      if (referrer.item) referrers.push({ descriptor, item: referrer.item, tag });
    }
    return {
      item: { ...loaded.item, referrers },
      missing: missingOf(all),
      platforms: loaded.platforms,
      weight: weightOf(all),
      isCut: isCut || all.some((read) => read.isCut),
    };
  }

  async #read(descriptor: Descriptor, place: Place): Promise<Read> {
    const { digest } = descriptor;
    const said = essentialMediaType(descriptor.mediaType);
    const label = this.#blobs.labelOf(digest);
    if (said !== undefined && !isDocument(said)) {
      const type = JSON.stringify(descriptor.mediaType);
      throw new SourceError('ERR_SOURCE_UNSUPPORTED', `${label} is of type ${type}, which is no manifest`);
    }
    const blob = await this.#blobs.findManifest(descriptor);
    if (blob === undefined) return { item: undefined, missing: [digest], platforms: [], weight: 1, isCut: false };
    const bytes = await this.#bytesOf(blob, digest);
    const parsed = await this.#parse(bytes, said, digest);
    const manifest = { mediaType: parsed.mediaType, digest, bytes };
    switch (parsed.kind) {
      case 'oci-index':
      case 'docker-list':
        if (place.depth >= this.#limits.maxIndexDepth) {
          throw invalidSource(`${label} is an index more than ${this.#limits.maxIndexDepth} levels deep`);
        }
        return await this.#readIndex(parsed.manifests, manifest, place);
      case 'oci-manifest':
      case 'docker-manifest':
      case 'oci-artifact-manifest':
      case 'schema1': {
        const { item, missing } = await readManifestContent(parsed, descriptor, manifest, this.#reading);
        const platform = descriptor.platform ?? (item.kind === 'image' ? item.platform : undefined);
        const isWhole = missing.length === 0 && platform !== undefined && !isAttestation(descriptor);
        const platforms = isWhole ? [formatPlatform(platform)] : [];
        return { item, missing, platforms, weight: 1, isCut: false };
      }
      default:
        throw new Error(`unreachable: ${parsed satisfies never}`);
    }
  }

  async #readIndex(descriptors: readonly Descriptor[], manifest: ManifestBytes, place: Place): Promise<Read> {
    const children: SourceIndex['children'][number][] = [];
    const blobs: SourceBlob[] = [];
    const absent: Digest[] = [];
    const read: Read[] = [];
    const below: Place = { ...place, depth: place.depth + 1, trail: [...place.trail, manifest.digest] };
    for (const descriptor of descriptors) {
      if (!isEntryDocument(descriptor)) {
        const blob = await this.#blobs.findBlob(descriptor);
        if (blob) blobs.push({ descriptor, content: blob.content });
        else absent.push(descriptor.digest);
        continue;
      }
      if (!this.#isWanted(descriptor)) continue;
      const child = await this.#loadOnce(descriptor, below);
      read.push(child);
      this.#assertWeight(1 + weightOf(read));
      if (child.item) children.push({ descriptor, item: child.item });
    }
    return {
      item: indexOrBlobs(descriptors, manifest, children, blobs),
      missing: [...new Set([...missingOf(read), ...absent])],
      platforms: [...new Set(read.flatMap(({ platforms }) => platforms))],
      weight: 1 + weightOf(read),
      isCut: read.some(({ isCut }) => isCut),
    };
  }

  /** Sizes that a document leaves out are those of the blobs, where the source knows them. */
  async #parse(bytes: Uint8Array, mediaType: string | undefined, digest: Digest): Promise<ParsedManifest> {
    const sizes = new Map<Digest, number>();
    for (const wanted of digestsWithoutSize(bytes)) {
      const size = await this.#blobs.sizeOf(wanted);
      if (size !== undefined) sizes.set(wanted, size);
    }
    const options = { maxSize: this.#limits.maxDocumentBytes, sizeOf: (wanted: Digest) => sizes.get(wanted) };
    return manifestOf(bytes, mediaType, options, this.#blobs.labelOf(digest));
  }

  async #bytesOf({ content }: OciBlob, digest: Digest): Promise<Uint8Array> {
    this.#allowance.take(content.size, this.#blobs.name);
    const label = this.#blobs.labelOf(digest);
    const options = { limit: this.#limits.maxDocumentBytes, label, signal: this.#signal };
    return await this.#blobs.retry(() => readDocument(content, digest, options));
  }

  #assertWeight(weight: number): void {
    if (weight <= this.#limits.maxManifests) return;
    throw invalidSource(`${JSON.stringify(this.#blobs.name)} lists more than ${this.#limits.maxManifests} manifests`);
  }
}

/** The refusal of images of which something is missing: it says which platforms are whole, if some are. */
export function blobsMissing(name: string, loaded: readonly Pick<Loaded, 'missing' | 'platforms'>[]): SourceError {
  const missing = [...new Set(loaded.flatMap((one) => one.missing))];
  const whole = [...new Set(loaded.flatMap((one) => one.platforms))];
  const named = missing.slice(0, 10).join(', ');
  const more = missing.length > 10 ? ` and ${missing.length - 10} more` : '';
  const hint =
    whole.length === 0
      ? 'It was saved without all that its index lists: save it again with everything'
      : `It was saved without all that its index lists. Whole is ${whole.slice(0, 10).join(', ')}: choose it ` +
        `with \`platform: ${whole[0]}\`, or save everything`;
  return new SourceError('ERR_SOURCE_NOT_FOUND', `Blobs missing in ${JSON.stringify(name)}: ${named}${more}`, { hint });
}

/**
 * Whether an entry of an index is a manifest or an index: a type that says nothing leaves it open, and the document
 * tells.
 */
export function isEntryDocument({ mediaType }: Descriptor): boolean {
  const type = essentialMediaType(mediaType);
  return type === undefined || isDocument(type);
}

function isDocument(mediaType: string): boolean {
  return isIndexMediaType(mediaType) || isManifestMediaType(mediaType);
}

/** An index of nothing but blobs, such as BuildKit's registry cache, is one document with its blobs: an artifact. */
function indexOrBlobs(
  descriptors: readonly Descriptor[],
  manifest: ManifestBytes,
  children: SourceIndex['children'],
  blobs: readonly SourceBlob[],
): SourceItem {
  if (descriptors.length > 0 && !descriptors.some(isEntryDocument)) {
    return { kind: 'artifact', names: [], manifest, blobs };
  }
  return { kind: 'index', names: [], manifest, children, ...(blobs.length > 0 ? { blobs } : {}) };
}

function missingOf(reads: readonly Read[]): readonly Digest[] {
  return [...new Set(reads.flatMap(({ missing }) => missing))];
}

function weightOf(reads: readonly Read[]): number {
  return reads.reduce((sum, { weight }) => sum + weight, 0);
}
