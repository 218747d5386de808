import type { AbortOptions, ByteStream, Content, Digest, OpenOptions } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';

/** What a registry says of a blob it has. */
export interface BlobStat {
  readonly digest: Digest;
  /** Bytes, or undefined where the registry did not say. */
  readonly size: number | undefined;
}

/** What a registry says of a manifest it has. */
export interface ManifestStat {
  readonly mediaType: string;
  /** Undefined where the registry sent no `Docker-Content-Digest`. */
  readonly digest: Digest | undefined;
  readonly size: number | undefined;
}

/** A manifest as the registry keeps it; `digest` is computed from `bytes`, never taken from a header. */
export interface ManifestContent {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface BeginUploadOptions extends AbortOptions {
  /** Ask the registry to mount this blob; without `from` it may look wherever it likes. */
  readonly mount?: { readonly digest: Digest; readonly from?: string | undefined } | undefined;
}

/** The answer to a POST: the blob is there now, or a session waits for its bytes. */
export type BeginUploadResult =
  | { readonly kind: 'mounted'; readonly digest: Digest }
  | { readonly kind: 'session'; readonly session: UploadSession };

export interface WaitOptions extends AbortOptions {
  /** Told when the registry has been sent everything and only its answer is waited for; again where a request is repeated. */
  readonly onBodySent?: (() => void) | undefined;
}

export interface SendOptions extends WaitOptions {
  /** Told the total of bytes handed to the socket since the session began. Never called for bytes that were refused. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

export interface PutManifestOptions extends WaitOptions {
  readonly mediaType: string;
  /** Digest of the bytes, for clients that keep manifests by it. @default the client computes it where it needs it */
  readonly digest?: Digest | undefined;
}

/** What a registry said of a manifest that it took. Whether that is what was wanted is the caller's to judge. */
export interface PutManifestResult {
  /** 201 as the specification has it, or 200, 202, 204. */
  readonly status: number;
  /** The `Docker-Content-Digest` of the answer; undefined where there is none that can be read. */
  readonly digest: Digest | undefined;
  /** The `Location` of the answer, resolved; undefined where there is none that can be read. */
  readonly location: URL | undefined;
  /** The `OCI-Subject` of the answer: the registry lists the manifest as a referrer of it by itself. */
  readonly subject?: Digest | undefined;
}

export interface StatManifestOptions extends AbortOptions {
  /** Media types asked for. @default every manifest and index type of Docker and OCI, schema 1 left out */
  readonly accept?: readonly string[] | undefined;
}

export interface ListTagsOptions extends AbortOptions {
  /** Entries a page. @default what the registry chooses */
  readonly pageSize?: number | undefined;
}

/** Bytes that can be read again, from any offset, and whose number only their end tells: a layer that is being compressed. */
export type StreamedContent = Pick<Content, 'open'>;

/** One blob upload in progress. Leaving scope before a commit has succeeded cancels it at the registry. */
export interface UploadSession extends AsyncDisposable {
  /** The session's newest URL, with the registry's own query. */
  readonly location: URL;
  /** Bytes the registry has acknowledged. */
  readonly offset: number;
  /** `OCI-Chunk-Min-Length`, if the registry named one. */
  readonly minChunkSize: number | undefined;
  /** `OCI-Chunk-Max-Length`, if the registry named one: Cloudflare's does. */
  readonly maxChunkSize?: number | undefined;
  /**
   * PATCHes everything from the current offset on in one request of unknown length. Opens `content` again where the request
   * has to be repeated: after a 307 or 308, and with a fresh token. Returns the bytes acknowledged in all.
   */
  stream(content: StreamedContent, options?: SendOptions): Promise<number>;
  /** PATCHes one chunk of known length, with `Content-Range`. */
  append(chunk: Content, options?: SendOptions): Promise<number>;
  /** Sends all remaining bytes and commits, in one PUT: for content whose digest is known. */
  put(content: Content, digest: Digest, options?: SendOptions): Promise<void>;
  /** Closes the session with the digest of everything that was sent. */
  commit(digest: Digest, options?: WaitOptions): Promise<void>;
  /** Asks the registry how far it got (GET) and adopts its answer. */
  refresh(options?: AbortOptions): Promise<number>;
  /** Lets go without telling the registry, so that the session can be resumed later. */
  keep(): void;
}

/** One repository of one registry. Absence is a value (`undefined`), everything unexpected a `RegistryError`. */
export interface Repository {
  /** Host and port as in references: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Path within the registry: `library/alpine`. */
  readonly path: string;
  /** `ERR_REGISTRY_PROTOCOL` when a web site answers in the registry's place; likewise {@link statManifest}. */
  statBlob(digest: Digest, options?: AbortOptions): Promise<BlobStat | undefined>;
  openBlob(digest: Digest, options?: OpenOptions): ByteStream;
  /**
   * Opens an upload session, or mounts. An abort while the answer is on its way waits for it, for `timeouts.disposalMs`, and
   * ends the session that it tells of: nobody else could.
   */
  beginUpload(options?: BeginUploadOptions): Promise<BeginUploadResult>;
  /** Takes up a session that another process began. The registry is asked for its offset. `ERR_SESSION_LOST` when it is gone. */
  resumeUpload(location: URL, options?: AbortOptions): Promise<UploadSession>;
  statManifest(tagOrDigest: string, options?: StatManifestOptions): Promise<ManifestStat | undefined>;
  getManifest(tagOrDigest: string, options?: StatManifestOptions): Promise<ManifestContent | undefined>;
  putManifest(tagOrDigest: string, bytes: Uint8Array, options: PutManifestOptions): Promise<PutManifestResult>;
  /** What the referrers API lists for a manifest; undefined where there is no such API. */
  referrers(subject: Digest, options?: AbortOptions): Promise<readonly Descriptor[] | undefined>;
  listTags(options?: ListTagsOptions): AsyncIterable<string>;
}
