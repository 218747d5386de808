import type { AbortOptions, ByteStream } from '@slipway/digest';
import type { SendOptions } from '../repository.ts';

/** What a v1 registry said of itself. */
export interface V1Ping {
  /** The registry does without an index: it is shown user and password with every request. */
  readonly standalone: boolean;
  readonly version: string | undefined;
}

/** A line of the list of images that an index is sent. */
export interface V1IndexEntry {
  /** 64 hex digits. */
  readonly id: string;
  readonly tag?: string | undefined;
}

/** What a v1 registry is told a layer must be. */
export interface V1Checksums {
  /** `tarsum+sha256:…` over the image's `json` and the plain tar. */
  readonly tarsum: string;
  /** `sha256:…` over the image's `json`, a line break, and the bytes as they were sent. */
  readonly payload: string;
}

/**
 * One push to one v1 registry. Every failure is a `RegistryError` whose `dockerMessage` is Docker's own text.
 * Leaving scope ends its connections.
 */
export interface V1Session extends AsyncDisposable {
  /** Host and port as in references. */
  readonly registry: string;
  /** Asks the registry whether it stands alone; https only, as Docker does. Must come first. */
  start(options?: AbortOptions): Promise<V1Ping>;
  /** Tells the index which images the repository has, and learns where they go: endpoints end in `/v1/`. */
  putIndex(repository: string, entries: readonly V1IndexEntry[], options?: AbortOptions): Promise<readonly URL[]>;
  /** Whether the image is there and complete, and its `json` says so. Whatever goes wrong means that it is not. */
  hasImage(endpoint: URL, id: string, options?: AbortOptions): Promise<boolean>;
  /** Sends the image's `json`; false when the image is there already, complete. */
  putJSON(endpoint: URL, id: string, json: Uint8Array, options?: AbortOptions): Promise<boolean>;
  /** Sends the layer, gzip of its tar, in one stream that is not repeated. */
  putLayer(endpoint: URL, id: string, layer: ByteStream, options?: SendOptions): Promise<void>;
  /** Sends the checksums, after which the image is complete. */
  putChecksums(endpoint: URL, id: string, checksums: V1Checksums, options?: AbortOptions): Promise<void>;
  putTag(endpoint: URL, repository: string, tag: string, id: string, options?: AbortOptions): Promise<void>;
  /**
   * The id of the image that a tag names; undefined when there is no such tag. Registries that know a push by its token
   * refuse the question: that token is for writing only.
   */
  getTag(endpoint: URL, repository: string, tag: string, options?: AbortOptions): Promise<string | undefined>;
  /** Tells the index that everything is where it was to go. */
  finish(repository: string, endpoints: readonly URL[], options?: AbortOptions): Promise<void>;
}
