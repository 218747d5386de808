import type { Digest } from '@slipway/digest';

/** One place where a layer was seen. @see behaviour of moby `distribution/metadata/v2_metadata_service.go` */
export interface LayerRecord {
  /** Digest of the blob as the registry keeps it (compressed). */
  readonly digest: Digest;
  /** Canonical repository name with its domain: `docker.io/library/busybox`; empty where it is unknown. */
  readonly sourceRepository: string;
  /** Lower-case hex of HMAC-SHA256(key, digest + sourceRepository); empty without a key. */
  readonly hmac: string;
}

/** An upload that was begun and may be continued by another process. */
export interface SessionRecord {
  /** Canonical repository name with its domain. */
  readonly repository: string;
  /** What is being sent: `digest` or `diffID` text, chosen by the caller. */
  readonly subject: string;
  readonly location: string;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}

/**
 * What a manifest in a repository said of a layer. Nobody here has compared the two, so it is believed of that one
 * repository only, and never becomes a record by itself.
 */
export interface LayerClaim {
  /** Digest of the blob that the manifest names for the layer. */
  readonly digest: Digest;
  /** Size of that blob in bytes. */
  readonly size: number;
}

/** Remembers across runs: diffID to digests, where blobs were seen, open upload sessions. */
export interface MetadataStore extends AsyncDisposable {
  /** Oldest first; empty when nothing is known. */
  layerRecords(diffID: Digest): Promise<readonly LayerRecord[]>;
  diffIDOf(digest: Digest): Promise<Digest | undefined>;
  /** Appends, dropping entries equal in all fields, and keeps the newest 50. */
  addLayerRecord(diffID: Digest, record: LayerRecord): Promise<void>;
  /** Signs with `key` and adds (`TagAndAdd`). */
  tagAndAdd(diffID: Digest, key: Uint8Array | undefined, record: Omit<LayerRecord, 'hmac'>): Promise<void>;
  /** Drops exactly equal entries; a record nobody knows is no error. */
  removeLayerRecord(record: LayerRecord): Promise<void>;
  /** Size in bytes of a blob that was pushed or seen. */
  blobSize(digest: Digest): Promise<number | undefined>;
  rememberBlobSize(digest: Digest, size: number): Promise<void>;
  /** Whether this blob was unpacked once, and was the layer with this diffID. */
  isProven(digest: Digest, diffID: Digest): Promise<boolean>;
  rememberProof(digest: Digest, diffID: Digest): Promise<void>;
  /** Blobs proven to be the layer with this diffID: newest first, 20 at most. */
  provenDigests(diffID: Digest): Promise<readonly Digest[]>;
  /** What manifests in `repository` (canonical name with its domain) said of a layer: newest first. */
  claims(repository: string, diffID: Digest): Promise<readonly LayerClaim[]>;
  /** Adds a claim. Of each repository, about the newest 1,000 are kept. */
  addClaim(repository: string, diffID: Digest, claim: LayerClaim): Promise<void>;
  /** Drops the claim that `digest` is the layer; one that nobody knows is no error. */
  removeClaim(repository: string, diffID: Digest, digest: Digest): Promise<void>;
  /** Looks at an upload session and leaves it where it is. */
  session(repository: string, subject: string): Promise<SessionRecord | undefined>;
  /** Reads and deletes a session in one step: of several callers and processes that take it, exactly one gets it. */
  takeSession(repository: string, subject: string): Promise<SessionRecord | undefined>;
  saveSession(record: SessionRecord): Promise<void>;
  dropSession(repository: string, subject: string): Promise<void>;
  /** diffID of a v1 image in a v1 registry (namespace `v1id`). */
  v1Layer(registry: string, v1ID: string): Promise<Digest | undefined>;
  setV1Layer(registry: string, v1ID: string, diffID: Digest): Promise<void>;
  /**
   * Resolves once all that was noted so far is kept, or has failed, which each call tells by itself. A store may let
   * facts wait for others so as to keep them together: they wait no longer.
   */
  flush(): Promise<void>;
}
