import {
  algorithmOf,
  type Content,
  contentOf,
  type Digest,
  digestBytes,
  encodedOf,
  type ReadableCompression,
} from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import { invalidSource } from '../errors.ts';
import type { SourceFiles, StoredFile } from '../files/source-files.ts';
import { labelOf, magicLength, recogniseCompression } from '../files/stored-content.ts';

/** One blob of a source. */
export interface OciBlob {
  /** Proves nothing: whoever reads it compares it with its digest. The same digest gives the same object. */
  readonly content: Content;
  /** How it is compressed, as far as can be told without reading it. */
  compression(): Promise<ReadableCompression>;
}

/** Where the documents and blobs lie that descriptors name: a layout, or a repository of a registry. */
export interface OciBlobs {
  /** What messages call it. */
  readonly name: string;
  /** Canonical name of the repository that has them all, if it is one. */
  readonly heldIn: string | undefined;
  /** How messages name one of its blobs. */
  labelOf(digest: Digest): string;
  /** Reads something, again where it failed for a moment only. */
  retry<T>(read: () => Promise<T>): Promise<T>;
  /** The size of a blob, where it costs little to know. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /** A manifest or an index; undefined when it is missing. */
  findManifest(descriptor: Descriptor): Promise<OciBlob | undefined>;
  /** A config or a layer; undefined when it is missing. */
  findBlob(descriptor: Descriptor): Promise<OciBlob | undefined>;
  /** A layer that may be kept elsewhere only: one that the source has all the same is found. */
  findForeignBlob(descriptor: Descriptor): Promise<OciBlob | undefined>;
}

/** Where the blobs of a folder or an archive lie. */
export interface BlobPaths {
  readonly manifest: (digest: Digest) => string;
  readonly blob: (digest: Digest) => string;
}

const layoutPaths: BlobPaths = { manifest: blobPath, blob: blobPath };

/** The blobs of an OCI image layout, or of files that lie elsewhere. */
export function layoutBlobs(files: SourceFiles, paths: BlobPaths = layoutPaths): OciBlobs {
  const contents = new Map<Digest, Content>();
  const labelOfBlob = (digest: Digest): string => labelOf(files, paths.blob(digest));
  const find = async (descriptor: Descriptor, path: string): Promise<OciBlob | undefined> => {
    const { digest, size } = descriptor;
    const file = (await files.find(path)) ?? embeddedFile(descriptor);
    if (!file) return undefined;
    if (file.content.size !== size) {
      throw invalidSource(`${labelOf(files, path)} has ${file.content.size} bytes, its descriptor says ${size}`);
    }
    const content = contents.get(digest) ?? file.content;
    contents.set(digest, content);
    return { content, compression: async () => recogniseCompression(await file.head(magicLength)) };
  };
  const findBlob = (descriptor: Descriptor): Promise<OciBlob | undefined> =>
    find(descriptor, paths.blob(descriptor.digest));
  return {
    name: files.name,
    heldIn: undefined,
    labelOf: labelOfBlob,
    retry: (read) => read(),
    sizeOf: async (digest) => (await files.find(paths.blob(digest)))?.content.size,
    findManifest: (descriptor) => find(descriptor, paths.manifest(descriptor.digest)),
    findBlob,
    findForeignBlob: findBlob,
  };
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/**
 * Small blobs may travel inside their descriptor.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#embedded-content
 */
function embeddedFile({ data, digest }: Descriptor): StoredFile | undefined {
  if (data === undefined) return undefined;
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  if (digestBytes(bytes, algorithmOf(digest)) !== digest) return undefined;
  return { content: contentOf(bytes), head: async (length) => bytes.subarray(0, length) };
}
