import { type AbortOptions, type ByteStream, contentOf, type Digest, type OpenOptions } from '@slipway/digest';
import {
  compressionOfMediaType,
  type Descriptor,
  isIndexMediaType,
  matchPlatform,
  type Platform,
} from '@slipway/manifest';
import { familiarString, type Reference } from '@slipway/reference';
import { SourceError } from './errors.ts';
import type { ImageSource, SourceItem } from './image-source.ts';
import type { OciBlob, OciBlobs } from './oci-blobs.ts';
import { OciLoader } from './oci-loader.ts';
import { resolveSourceLimits, type SourceLimits } from './options.ts';
import { cosignTags, type FoundReferrer } from './referrers.ts';
import { provenContent } from './stored-content.ts';

/** What is read of a repository. A `Repository` of `@slipway/registry-client` has all but `listReferrers`. */
export interface RegistryReader {
  /** Host and port as in references: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Path within the registry: `library/alpine`. */
  readonly path: string;
  /** Undefined when there is no such manifest. `accept` names media types besides those of images and indexes. */
  getManifest(
    tagOrDigest: string,
    options?: AbortOptions & { readonly accept?: readonly string[] | undefined },
  ): Promise<{ readonly mediaType: string; readonly digest: Digest; readonly bytes: Uint8Array } | undefined>;
  /** Asks for nothing before the first chunk is wanted. */
  openBlob(digest: Digest, options?: OpenOptions): ByteStream;
  /** What refers to a manifest: from the referrers API, or from the fallback tag. */
  listReferrers(digest: Digest, options?: AbortOptions): Promise<readonly Descriptor[]>;
}

export interface OpenRegistrySourceOptions extends AbortOptions {
  /** Manifests of an index for other platforms are neither read nor handed out, unless none is for this one. @default all are read */
  readonly platform?: Platform | undefined;
  /** Looks for what refers to each manifest: referrers, and cosign's tags. @default false */
  readonly referrers?: boolean | undefined;
  /** What is refused for its amount. @default `sourceLimitDefaults` */
  readonly limits?: SourceLimits | undefined;
}

/**
 * Opens an image that lies in a registry. Manifests and configs are read now, blobs when somebody reads them: from any
 * offset, as often as needed, without a copy on the disk. The reader stays the caller's, and has to outlive the source.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such tag or digest, `ERR_SOURCE_INVALID` for what is malformed;
 * what the reader throws passes through.
 * @example
 * await using source = await openRegistrySource(reader, parseReference('ghcr.io/me/app:1'));
 */
export async function openRegistrySource(
  reader: RegistryReader,
  reference: Reference,
  options: OpenRegistrySourceOptions = {},
): Promise<ImageSource> {
  const { signal } = options;
  signal?.throwIfAborted();
  const name = `docker://${familiarString(reference)}`;
  const tagOrDigest = reference.digest ?? reference.tag ?? 'latest';
  const manifest = await reader.getManifest(tagOrDigest, { signal });
  if (manifest === undefined) {
    throw new SourceError('ERR_SOURCE_NOT_FOUND', `There is no ${name} in the registry`, {
      hint: 'Check the repository and the tag; a private repository that you may not read looks the same',
    });
  }
  const { mediaType, digest, bytes } = manifest;
  const root: Descriptor = { mediaType, digest, size: bytes.byteLength };
  const blobs = new RepositoryBlobs(reader, name, manifest, signal);
  const load = async (platform: Platform | undefined): Promise<SourceItem> => {
    const loader = new OciLoader(blobs, {
      limits: resolveSourceLimits(options.limits),
      isWanted: platform && ((descriptor) => mayRunOn(descriptor, platform)),
      findReferrers: options.referrers ? (subject) => blobs.findReferrers(subject) : undefined,
      signal,
    });
    const item = await loader.load(root);
    loader.assertComplete();
    if (item === undefined) throw new Error('unreachable: what is missing was named');
    return item;
  };
  const item = await load(options.platform);
  // Whoever asks for a platform that is not there wants to hear which ones are.
  const chosen = options.platform !== undefined && isBarren(item) ? await load(undefined) : item;
  const names = reference.digest === undefined ? [familiarString(reference)] : [];
  return { kind: 'registry', name, items: [{ ...chosen, names }], [Symbol.asyncDispose]: async () => {} };
}

function mayRunOn({ platform: own, mediaType }: Descriptor, wanted: Platform): boolean {
  return isIndexMediaType(mediaType) || own === undefined || matchPlatform(wanted, own);
}

function isBarren(item: SourceItem): boolean {
  return item.kind === 'index' && item.children.every((child) => isBarren(child.item));
}

type Manifest = NonNullable<Awaited<ReturnType<RegistryReader['getManifest']>>>;

class RepositoryBlobs implements OciBlobs {
  readonly name: string;
  readonly heldIn: string;
  readonly #reader: RegistryReader;
  readonly #signal: AbortSignal | undefined;
  readonly #manifests = new Map<string, Promise<Manifest | undefined>>();
  readonly #blobs = new Map<Digest, OciBlob>();

  constructor(reader: RegistryReader, name: string, root: Manifest, signal: AbortSignal | undefined) {
    this.name = name;
    this.heldIn = `${reader.registry}/${reader.path}`;
    this.#reader = reader;
    this.#signal = signal;
    this.#manifests.set(root.digest, Promise.resolve(root));
  }

  labelOf(digest: Digest): string {
    return `${digest} of ${this.name}`;
  }

  async findManifest(descriptor: Descriptor): Promise<OciBlob | undefined> {
    const { digest, mediaType, size } = descriptor;
    const manifest = await this.#manifest(digest, mediaType);
    if (manifest === undefined) return undefined;
    if (manifest.bytes.byteLength !== size) {
      throw new SourceError(
        'ERR_SOURCE_INVALID',
        `${this.labelOf(digest)} has ${manifest.bytes.byteLength} bytes, its descriptor says ${size}`,
      );
    }
    return { content: contentOf(manifest.bytes), compression: async () => 'none' };
  }

  /** A registry keeps no manifest whose blobs it lacks, foreign ones aside, so it is not asked. */
  async findBlob({ digest, size, mediaType }: Descriptor): Promise<OciBlob> {
    const known = this.#blobs.get(digest);
    if (known?.content.size === size) return known;
    const open = (options?: OpenOptions): ByteStream => this.#reader.openBlob(digest, options);
    const blob: OciBlob = {
      content: provenContent({ size, open }, digest, this.labelOf(digest)),
      compression: async () => compressionOfMediaType(mediaType) ?? 'none',
    };
    this.#blobs.set(digest, blob);
    return blob;
  }

  async findReferrers(digest: Digest): Promise<readonly FoundReferrer[]> {
    const signal = this.#signal;
    const [listed, ...tagged] = await Promise.all([
      this.#reader.listReferrers(digest, { signal }),
      ...cosignTags(digest).map(async (tag): Promise<readonly FoundReferrer[]> => {
        const manifest = await this.#manifest(tag, undefined);
        if (manifest === undefined) return [];
        const { mediaType, bytes } = manifest;
        this.#manifests.set(manifest.digest, Promise.resolve(manifest));
        return [{ descriptor: { mediaType, digest: manifest.digest, size: bytes.byteLength }, tag }];
      }),
    ]);
    return [...listed.map((descriptor) => ({ descriptor, tag: undefined })), ...tagged.flat()];
  }

  #manifest(tagOrDigest: string, mediaType: string | undefined): Promise<Manifest | undefined> {
    let manifest = this.#manifests.get(tagOrDigest);
    if (manifest === undefined) {
      const accept = mediaType === undefined ? undefined : [mediaType];
      manifest = this.#reader.getManifest(tagOrDigest, { accept, signal: this.#signal });
      this.#manifests.set(tagOrDigest, manifest);
    }
    return manifest;
  }
}
