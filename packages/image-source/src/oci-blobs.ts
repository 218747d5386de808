import {
  algorithmOf,
  type Compression,
  type Content,
  contentOf,
  type Digest,
  digestBytes,
  encodedOf,
} from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import { invalidSource } from './errors.ts';
import type { SourceFiles, StoredFile } from './source-files.ts';
import { compressionOf, labelOf, provenContent } from './stored-content.ts';

/** One blob of a source. */
export interface OciBlob {
  /** Proves itself while it is read. The same digest gives the same object. */
  readonly content: Content;
  /** How it is compressed, as far as can be told without reading it. */
  compression(): Promise<Compression>;
}

/** Where the documents and blobs lie that descriptors name: a layout, or a repository of a registry. */
export interface OciBlobs {
  /** What messages call it. */
  readonly name: string;
  /** Canonical name of the repository that has them all, if it is one. */
  readonly heldIn: string | undefined;
  /** How messages name one of its blobs. */
  labelOf(digest: Digest): string;
  /** A manifest or an index; undefined when it is missing. */
  findManifest(descriptor: Descriptor): Promise<OciBlob | undefined>;
  /** A config or a layer; undefined when it is missing. */
  findBlob(descriptor: Descriptor): Promise<OciBlob | undefined>;
}

/** The blobs of an OCI image layout. */
export function layoutBlobs(files: SourceFiles): OciBlobs {
  const contents = new Map<Digest, Content>();
  const labelOfBlob = (digest: Digest): string => labelOf(files, blobPath(digest));
  const find = async (descriptor: Descriptor): Promise<OciBlob | undefined> => {
    const { digest, size } = descriptor;
    const file = (await files.find(blobPath(digest))) ?? embeddedFile(descriptor);
    if (!file) return undefined;
    if (file.content.size !== size) {
      throw invalidSource(`${labelOfBlob(digest)} has ${file.content.size} bytes, its descriptor says ${size}`);
    }
    const content = contents.get(digest) ?? provenContent(file.content, digest, labelOfBlob(digest));
    contents.set(digest, content);
    return { content, compression: () => compressionOf(file, labelOfBlob(digest)) };
  };
  return { name: files.name, heldIn: undefined, labelOf: labelOfBlob, findManifest: find, findBlob: find };
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
