import {
  aBoolean,
  aFunction,
  anObject,
  aSignal,
  assertArgument,
  assertChunk,
  assertMembers,
  assertOptions,
  aText,
  oneOf,
  surviving,
  withMethods,
} from '@slipway/arguments';
import {
  type AbortOptions,
  type ByteStream,
  contentOf,
  type Digest,
  type OpenOptions,
  type ReadableCompression,
} from '@slipway/digest';
import { compressionOfMediaType, type Descriptor, type Platform } from '@slipway/manifest';
import { defaultTag, familiarString, type Reference } from '@slipway/reference';
import { SourceError } from './errors.ts';
import { magicLength, recogniseCompression } from './files/stored-content.ts';
import type { ImageSource, SourceNotice } from './image-source.ts';
import type { OciBlob, OciBlobs } from './oci/oci-blobs.ts';
import { loadEntries } from './oci/oci-layout.ts';
import { blobsMissing } from './oci/oci-loader.ts';
import { resolveSourceLimits, type SourceLimits } from './options.ts';
import { cosignTags, type FoundReferrer } from './referrers.ts';

/** What is read of a repository: a `Repository` of `@slipway/registry-client` is one. */
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
  /** Asks for nothing before the first chunk is wanted. `size`: bytes of the blob, as its descriptor says. */
  openBlob(digest: Digest, options?: OpenOptions & { readonly size?: number | undefined }): ByteStream;
  /**
   * Undefined when there is no such blob. Asked about layers that may be kept elsewhere, and about sizes that nobody
   * tells.
   * @default what a manifest names is taken to be there
   */
  statBlob?(digest: Digest, options?: AbortOptions): Promise<{ readonly size?: number | undefined } | undefined>;
  /** What refers to a manifest: from the referrers API, or from the fallback tag. */
  listReferrers(digest: Digest, options?: AbortOptions): Promise<readonly Descriptor[]>;
}

export interface OpenRegistrySourceOptions extends AbortOptions {
  /**
   * Manifests of an index for other platforms are neither read nor handed out, unless none is for this one.
   * @default all are read
   */
  readonly platform?: Platform | undefined;
  /** Looks for what refers to each manifest: referrers, and cosign's tags. @default false */
  readonly referrers?: boolean | undefined;
  /**
   * Looks at the first bytes of each layer for its compression, whatever its media type says. One request a layer.
   * @default false
   */
  readonly recognise?: boolean | undefined;
  /** What becomes of images of which something is missing. @default 'refuse' */
  readonly incomplete?: 'refuse' | 'list' | undefined;
  /** What becomes of an image whose config does not pair with its layers. @default 'refuse' */
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  /**
   * Asks again where a question failed for a moment: manifests and configs, which are read while the source is opened,
   * and what refers to them. Blobs are opened again by whoever reads them. @default one failure is the end
   */
  readonly retry?: (<T>(question: () => Promise<T>) => Promise<T>) | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
  /** What is refused for its amount. @default `sourceLimitDefaults` */
  readonly limits?: SourceLimits | undefined;
}

/**
 * Opens an image that lies in a registry. Manifests and configs are read now, blobs when somebody reads them: from any
 * offset, as often as needed, without a copy on the disk. The reader stays the caller's, and has to outlive the source.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such tag or digest, `ERR_SOURCE_INVALID` for what is
 * malformed; what the reader throws passes through.
 * @example
 * await using source = await openRegistrySource(reader, parseReference('ghcr.io/me/app:1'));
 */
export async function openRegistrySource(
  reader: RegistryReader,
  reference: Reference,
  options: OpenRegistrySourceOptions = {},
): Promise<ImageSource> {
  assertArgument('reader', reader, withMethods('a registry reader', 'getManifest', 'openBlob'));
  assertMembers('reference', reference, { required: { registry: aText, repository: aText } });
  assertOptions('options', options, {
    optional: {
      platform: anObject,
      referrers: aBoolean,
      recognise: aBoolean,
      incomplete: oneOf('refuse', 'list'),
      unpaired: oneOf('refuse', 'carry'),
      retry: aFunction,
      onNotice: aFunction,
      limits: anObject,
      signal: aSignal,
    },
  });
  const { signal, incomplete: mayLack } = options;
  signal?.throwIfAborted();
  const name = `docker://${familiarString(reference)}`;
  const tagOrDigest = reference.digest ?? reference.tag ?? defaultTag;
  const retry = options.retry ?? ((question) => question());
  const manifest = await retry(() => reader.getManifest(tagOrDigest, { signal }));
  if (manifest === undefined) {
    throw new SourceError('ERR_SOURCE_NOT_FOUND', `There is no ${name} in the registry`, {
      hint: 'Check the repository and the tag; a private repository that you may not read looks the same',
    });
  }
  const { mediaType, digest, bytes } = manifest;
  const descriptor: Descriptor = { mediaType, digest, size: bytes.byteLength };
  const blobs = new RepositoryBlobs(reader, name, manifest, { ...options, retry });
  const names = reference.digest === undefined ? [familiarString(reference)] : [];
  const { items, incomplete } = await loadEntries(blobs, [{ descriptor, names, tags: [] }], {
    ...options,
    onNotice: surviving('onNotice', options.onNotice),
    limits: resolveSourceLimits(options.limits),
    findReferrers: options.referrers ? (subject) => blobs.findReferrers(subject) : undefined,
  });
  if (incomplete.length > 0 && mayLack !== 'list') throw blobsMissing(name, incomplete);
  return { kind: 'registry', name, items, incomplete, [Symbol.asyncDispose]: async () => {} };
}

type Manifest = NonNullable<Awaited<ReturnType<RegistryReader['getManifest']>>>;

class RepositoryBlobs implements OciBlobs {
  readonly name: string;
  readonly heldIn: string;
  readonly #reader: RegistryReader;
  readonly #options: RepositoryBlobsOptions;
  readonly #manifests = new Map<string, Promise<Manifest | undefined>>();
  readonly #blobs = new Map<Digest, OciBlob>();

  constructor(reader: RegistryReader, name: string, root: Manifest, options: RepositoryBlobsOptions) {
    this.name = name;
    this.heldIn = `${reader.registry}/${reader.path}`;
    this.#reader = reader;
    this.#options = options;
    this.#manifests.set(root.digest, Promise.resolve(root));
  }

  labelOf(digest: Digest): string {
    return `${digest} of ${this.name}`;
  }

  retry<T>(read: () => Promise<T>): Promise<T> {
    return this.#options.retry(read);
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return (await this.#stat(digest))?.size;
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
    const open = (options?: OpenOptions): ByteStream => this.#reader.openBlob(digest, { ...options, size });
    const blob: OciBlob = {
      content: { size, open },
      compression: () => this.#compressionOf({ digest, size, mediaType }),
    };
    this.#blobs.set(digest, blob);
    return blob;
  }

  async findForeignBlob(descriptor: Descriptor): Promise<OciBlob | undefined> {
    const isThere = this.#reader.statBlob === undefined || (await this.#stat(descriptor.digest)) !== undefined;
    return isThere ? await this.findBlob(descriptor) : undefined;
  }

  async #stat(digest: Digest): Promise<{ readonly size?: number | undefined } | undefined> {
    const { retry, signal } = this.#options;
    return await retry(async () => await this.#reader.statBlob?.(digest, { signal }));
  }

  async #compressionOf({ digest, size, mediaType }: Descriptor): Promise<ReadableCompression> {
    const { recognise, retry, signal } = this.#options;
    if (recognise !== true) return compressionOfMediaType(mediaType) ?? 'none';
    return await retry(async () => {
      const chunks: Uint8Array[] = [];
      let read = 0;
      for await (const chunk of this.#reader.openBlob(digest, { size, signal })) {
        assertChunk(chunk);
        chunks.push(chunk);
        read += chunk.byteLength;
        if (read >= magicLength) break;
      }
      return recogniseCompression(Buffer.concat(chunks));
    });
  }

  async findReferrers(digest: Digest): Promise<readonly FoundReferrer[]> {
    const { signal, retry } = this.#options;
    const [listed, ...tagged] = await Promise.all([
      retry(() => this.#reader.listReferrers(digest, { signal })),
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
      const { retry, signal } = this.#options;
      manifest = retry(() => this.#reader.getManifest(tagOrDigest, { accept, signal }));
      this.#manifests.set(tagOrDigest, manifest);
      // What failed may be asked for again.
      manifest.catch(() => this.#manifests.delete(tagOrDigest));
    }
    return manifest;
  }
}

interface RepositoryBlobsOptions extends Pick<OpenRegistrySourceOptions, 'recognise' | 'signal'> {
  readonly retry: NonNullable<OpenRegistrySourceOptions['retry']>;
}
