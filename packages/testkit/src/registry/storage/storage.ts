import type { ByteStream, Digest } from '@slipway/digest';

/** Where a repository's names point: `blobs` to nothing, `manifests` to a media type, `tags` to a digest. */
export interface Link {
  readonly repository: string;
  readonly kind: 'blobs' | 'manifests' | 'tags';
  readonly name: string;
  readonly value: string;
}

/** The bytes of an upload session. Chunks are appended one at a time, each awaited. */
export interface UploadFile {
  readonly size: number;
  append(chunk: Uint8Array): Promise<void>;
  /** Reads what has been written so far. */
  read(): ByteStream;
  /** Forgets every byte. */
  truncate(): Promise<void>;
  /** Turns the bytes into the content of that digest, which the caller has checked. */
  commit(digest: Digest): Promise<void>;
  discard(): Promise<void>;
}

/** An upload session found at start. */
export interface StoredUpload {
  readonly id: string;
  readonly repository: string;
  readonly file: UploadFile;
}

/** Keeps content by digest, upload sessions and the links of repositories. */
export interface RegistryStorage extends AsyncDisposable {
  /** Bytes of a content, or undefined where there is none. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /** Reads a content from `from` up to and without `to`. */
  read(digest: Digest, range?: { readonly from: number; readonly to: number }): ByteStream;
  remove(digest: Digest): Promise<void>;
  beginUpload(id: string, repository: string): Promise<UploadFile>;
  setLink(link: Link): Promise<void>;
  removeLink(link: Omit<Link, 'value'>): Promise<void>;
  /** Everything an earlier run left behind. */
  load(): Promise<{ readonly links: readonly Link[]; readonly uploads: readonly StoredUpload[] }>;
}
