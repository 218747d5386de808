import type { AbortOptions, ByteStream, Content, Digest, OpenOptions } from '@slipway/digest';
import type {
  Descriptor,
  DockerManifest,
  DockerManifestList,
  ImageConfig,
  OciIndex,
  OciManifest,
  Platform,
} from '@slipway/manifest';

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

/**
 * A manifest as the registry keeps it, without the signatures of schema 1; `digest` is computed from `bytes`, never
 * taken from a header.
 */
export interface ManifestContent {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** An image of a repository: its manifest and its config, parsed, each proven to be of the digest that names it. */
export interface ImageContent {
  /** Digest of the image's own manifest. */
  readonly digest: Digest;
  readonly manifest: DockerManifest | OciManifest;
  readonly config: ImageConfig;
  /** What the tag or digest named, where that is an index from which the image was chosen. */
  readonly index: { readonly digest: Digest; readonly document: DockerManifestList | OciIndex } | undefined;
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
  /**
   * Told when the registry has been sent everything and only its answer is waited for; again where a request is
   * repeated.
   */
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

export interface ResolveOptions extends StatManifestOptions {
  /** Reads the manifest and computes its digest, instead of taking the registry's word for it. @default false */
  readonly verify?: boolean | undefined;
}

export interface GetImageOptions extends AbortOptions {
  /**
   * Which image of an index; an image of its own has to be for it too.
   * @default the only image of the index, or else the one for linux/amd64
   */
  readonly platform?: Platform | undefined;
}

/** How a list is read that the registry hands out a page at a time. */
export interface ListOptions extends AbortOptions {
  /** Entries a page, at most: registries may send fewer. @default what the registry chooses */
  readonly pageSize?: number | undefined;
  /** Begins behind this entry. @default the first */
  readonly last?: string | undefined;
}

export interface OpenBlobOptions extends OpenOptions {
  /**
   * Bytes of the blob, as its descriptor says. Tells a coding that something on the way has added from a label that
   * the storage gives to the blob's own gzip.
   * @default every coding that is named is undone
   */
  readonly size?: number | undefined;
  /** First byte that is no longer wanted. @default everything to the end */
  readonly to?: number | undefined;
}

export interface DeleteOptions extends AbortOptions {
  /** Asks afterwards whether it is gone. Without it the registry's word counts. @default true */
  readonly confirm?: boolean | undefined;
}

/** What deleting a tag did. */
export interface DeletedTag {
  /** The manifest that the tag named; undefined where the registry did not say, and without `confirm`. */
  readonly digest: Digest | undefined;
  /** Whether that manifest is still there by its digest. Some registries drop it with its last tag, or with any. */
  readonly keepsManifest: boolean | undefined;
}

/**
 * Bytes that can be read again, from any offset, and whose number only their end tells: a layer that is being
 * compressed.
 */
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
   * PATCHes everything from the current offset on in one request of unknown length. Opens `content` again where the
   * request has to be repeated: after a 307 or 308, and with a fresh token. Returns the bytes acknowledged in all.
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

/** What a repository is asked in requests of its own; {@link Repository} has the questions that are made of them. */
export interface RepositoryRequests {
  /** Host and port as in references: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Path within the registry: `library/alpine`. */
  readonly path: string;
  /** `ERR_REGISTRY_PROTOCOL` when a web site answers in the registry's place; likewise {@link statManifest}. */
  statBlob(digest: Digest, options?: AbortOptions): Promise<BlobStat | undefined>;
  /**
   * Reads a blob, or a part of it. The bytes are not compared with the digest. Nothing is asked for before the first
   * chunk is.
   */
  openBlob(digest: Digest, options?: OpenBlobOptions): ByteStream;
  /**
   * Opens an upload session, or mounts. An abort while the answer is on its way waits for it, for 200 ms at most, and
   * ends the session that it tells of: nobody else could.
   */
  beginUpload(options?: BeginUploadOptions): Promise<BeginUploadResult>;
  /**
   * Takes up a session that another process began. The registry is asked for its offset. `ERR_SESSION_LOST` when it is
   * gone.
   */
  resumeUpload(location: URL, options?: AbortOptions): Promise<UploadSession>;
  /**
   * What the registry says of a manifest. `ERR_REGISTRY_PROTOCOL` when it names another digest than the one asked for.
   */
  statManifest(tagOrDigest: string, options?: StatManifestOptions): Promise<ManifestStat | undefined>;
  /**
   * `ERR_REGISTRY_PROTOCOL` when the bytes are not those of the digest that was asked for, or that the registry says
   * they have.
   */
  getManifest(tagOrDigest: string, options?: StatManifestOptions): Promise<ManifestContent | undefined>;
  putManifest(tagOrDigest: string, bytes: Uint8Array, options: PutManifestOptions): Promise<PutManifestResult>;
  /**
   * What the referrers API lists for a manifest; undefined where there is no such API. `ERR_REGISTRY_PROTOCOL` when a
   * later page of the list is not there.
   */
  referrers(subject: Digest, options?: AbortOptions): Promise<readonly Descriptor[] | undefined>;
  /**
   * All tags, a page at a time. `ERR_REGISTRY_NOT_FOUND` when there is no such repository, or it has never had a tag;
   * `ERR_REGISTRY_PROTOCOL` when a later page is not there: the list broke off.
   */
  listTags(options?: ListOptions): AsyncIterable<string>;
  /**
   * Deletes a manifest, and with it every tag that names it. What it names stays, also the children of an index.
   *
   * @returns false where there is no such manifest
   * @throws {TypeError} for a tag
   * @throws {RegistryError} `ERR_REGISTRY_UNSUPPORTED` where the registry deletes no manifests,
   * `ERR_REGISTRY_NOT_DELETED` where it says that it did, and still has it
   */
  deleteManifest(digest: Digest, options?: DeleteOptions): Promise<boolean>;
  /**
   * Deletes a tag and leaves the manifest. Never deletes the manifest instead: where the registry cannot part them,
   * nothing is done.
   *
   * @returns undefined where there is no such tag
   * @throws {RegistryError} as {@link deleteManifest}
   * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-tags
   */
  deleteTag(tag: string, options?: DeleteOptions): Promise<DeletedTag | undefined>;
  /**
   * Deletes a blob from the repository; manifests that name it are not looked for.
   *
   * @returns false where there is no such blob
   * @throws {RegistryError} as {@link deleteManifest}
   */
  deleteBlob(digest: Digest, options?: DeleteOptions): Promise<boolean>;
}

/**
 * One repository of one registry. Absence is a value (`undefined`), everything unexpected a `RegistryError`.
 *
 * Its methods are its own and need no `this`: they may be handed on alone, and `{ ...repository, getManifest }` is a
 * repository with one method replaced. {@link wrapRepository} also has the others use what was replaced.
 */
export interface Repository extends RepositoryRequests {
  /**
   * What a tag or digest names: media type, digest and size, without reading it where the registry tells all three.
   *
   * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL`
   */
  resolve(tagOrDigest: string, options?: ResolveOptions): Promise<Descriptor | undefined>;
  /**
   * Manifest and config of an image, the image for one platform where the reference names an index.
   *
   * @returns undefined where the tag or digest names nothing
   * @throws {RegistryError} `ERR_REGISTRY_NO_IMAGE` where it names an artifact, an image of schema 1, or an index that
   * has no image for the platform: `platforms` says which there are
   * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` for a malformed manifest or config
   * @throws {ContentMismatchError} `ERR_DIGEST_MISMATCH`, `ERR_SIZE_MISMATCH` for a config that is not what the
   * manifest names
   */
  getImage(tagOrDigest: string, options?: GetImageOptions): Promise<ImageContent | undefined>;
  /**
   * What refers to a manifest: from the registry's API, or else from the index under the fallback tag. Nothing is an
   * empty list, also where the fallback tag names the manifest itself, as on GitLab.
   *
   * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` when the fallback tag names no index
   */
  listReferrers(subject: Digest, options?: AbortOptions): Promise<readonly Descriptor[]>;
}
