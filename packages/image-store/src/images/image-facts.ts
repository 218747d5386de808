import type { Digest } from '@slipway/digest';
import {
  chainIDs,
  type Descriptor,
  isAttestation,
  isImageConfigMediaType,
  isIndexMediaType,
  isLayerMediaType,
  isManifestMediaType,
  matchPlatform,
  type ParsedManifest,
  type Platform,
  parseImageConfig,
  parseManifest,
  platformOfConfig,
} from '@slipway/manifest';
import { maxDocumentBytes, type StoreFiles } from '../layout/store-files.ts';

/** What a manifest and all below it say, as far as the store needs it. */
export interface ManifestFacts {
  readonly kind: 'image' | 'index' | 'artifact';
  readonly descriptor: Descriptor;
  /** All blobs, the manifest itself among them, each once; those that are not there too. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** The config's own facts, where there is one. Of an index, those of the image that runs here, or of its first. */
  readonly config: ConfigFacts | undefined;
  /** Of an image: its layers, base first. */
  readonly layers: readonly Descriptor[];
  /** Of an index. */
  readonly children: readonly ManifestFacts[];
}

export interface ConfigFacts {
  readonly digest: Digest;
  readonly platform: Platform | undefined;
  /** RFC 3339, as it was written. */
  readonly created: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly diffIDs: readonly Digest[];
}

/** Reads manifests and configs, each once: what has a digest does not change. */
export class FactsReader {
  readonly #files: StoreFiles;
  readonly #known = new Map<string, Promise<ManifestFacts>>();

  constructor(files: StoreFiles) {
    this.#files = files;
  }

  /**
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CORRUPT` for damaged documents. Of a missing one nothing is known but
   * its digest.
   */
  async read(descriptor: Descriptor): Promise<ManifestFacts> {
    const key = keyOf(descriptor);
    let facts = this.#known.get(key);
    if (!facts) {
      facts = this.#readOnce(descriptor);
      this.#known.set(key, facts);
      facts.catch(() => this.#known.delete(key)); // it may be loaded again
    }
    return await facts;
  }

  /** Every blob that something in `roots` needs. */
  async mark(roots: readonly Descriptor[]): Promise<ReadonlyMap<Digest, number>> {
    const marked = new Map<Digest, number>();
    for (const root of roots) {
      for (const [digest, size] of (await this.read(root)).blobs) marked.set(digest, size);
    }
    return marked;
  }

  async #readOnce(descriptor: Descriptor): Promise<ManifestFacts> {
    const { mediaType } = descriptor;
    const bytes = await this.#files.document(descriptor);
    const own = new Map([[descriptor.digest, descriptor.size]]);
    const isKnown = isIndexMediaType(mediaType) || isManifestMediaType(mediaType);
    const empty = { kind: 'artifact', descriptor, blobs: own, config: undefined, layers: [], children: [] } as const;
    if (bytes === undefined || !isKnown) {
      if (bytes === undefined) this.#known.delete(keyOf(descriptor)); // it may yet come
      return empty;
    }
    const parsed = parseManifest(bytes, mediaType, { maxSize: maxDocumentBytes });
    switch (parsed.kind) {
      case 'oci-index':
      case 'docker-list': {
        const children: ManifestFacts[] = [];
        for (const child of parsed.manifests) children.push(await this.read(child));
        const blobs = new Map([...own, ...children.flatMap((child) => [...child.blobs])]);
        return { ...empty, kind: 'index', blobs, config: configOfIndex(parsed.manifests, children), children };
      }
      case 'oci-manifest':
      case 'docker-manifest': {
        const { config, layers } = parsed;
        const blobs = new Map([...own, ...sized([config, ...layers])]);
        const facts = isRunnable(parsed, descriptor) ? await this.#config(config, layers.length) : undefined;
        return { ...empty, kind: facts ? 'image' : 'artifact', blobs, config: facts, layers };
      }
      case 'oci-artifact-manifest':
        return { ...empty, blobs: new Map([...own, ...sized(parsed.blobs)]) };
      default:
        return empty;
    }
  }

  /** Undefined for what is no image's config after all. */
  async #config(descriptor: Descriptor, layers: number): Promise<ConfigFacts | undefined> {
    const bytes = await this.#files.document(descriptor);
    if (bytes === undefined) return undefined;
    try {
      const config = parseImageConfig(bytes, { maxSize: maxDocumentBytes });
      const { diff_ids: diffIDs } = config.rootfs;
      if (diffIDs.length !== layers) return undefined;
      const labels = labelsOf(bytes);
      return {
        digest: descriptor.digest,
        platform: platformOfConfig(config),
        created: config.created,
        labels,
        diffIDs,
      };
    } catch {
      return undefined;
    }
  }
}

/** The same bytes are read differently under another media type, or as an attestation. */
function keyOf(descriptor: Descriptor): string {
  return `${isAttestation(descriptor)} ${descriptor.mediaType} ${descriptor.digest}`;
}

/** The chainIDs of every stack of layers in an image, or in all images of an index. */
export function chainsOf(facts: ManifestFacts): readonly (readonly Digest[])[] {
  if (facts.kind === 'index') return facts.children.flatMap(chainsOf);
  return facts.kind === 'image' && facts.config ? [chainIDs(facts.config.diffIDs)] : [];
}

/**
 * The same rule by which image-source tells images from artifacts: only an image's diffIDs were checked when it was
 * loaded.
 */
function isRunnable(
  parsed: Extract<ParsedManifest, { readonly kind: 'oci-manifest' | 'docker-manifest' }>,
  descriptor: Descriptor,
): boolean {
  const artifactType = parsed.kind === 'oci-manifest' ? parsed.artifactType : undefined;
  return (
    !artifactType &&
    !isAttestation(descriptor) &&
    isImageConfigMediaType(parsed.config.mediaType) &&
    parsed.layers.every(({ mediaType }) => isLayerMediaType(mediaType))
  );
}

/** The image that this machine would run, else the first. */
function configOfIndex(
  descriptors: readonly Descriptor[],
  children: readonly ManifestFacts[],
): ConfigFacts | undefined {
  const images = children.filter((child, at) => child.config && !isAttestation(descriptors[at]!));
  const here: Platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const match = images.find(({ config }) => config?.platform && matchPlatform(here, config.platform));
  return (match ?? images[0])?.config;
}

function sized(descriptors: readonly Descriptor[]): readonly (readonly [Digest, number])[] {
  return descriptors.map(({ digest, size }) => [digest, size] as const);
}

function labelsOf(config: Uint8Array): Readonly<Record<string, string>> {
  const { config: runtime } = JSON.parse(new TextDecoder().decode(config)) as {
    readonly config?: { readonly Labels?: unknown };
  };
  const labels = runtime?.Labels;
  if (typeof labels !== 'object' || labels === null) return {};
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => typeof value === 'string'));
}
