import type { AbortOptions, ByteStream, Digest } from '@slipway/digest';
import type { ImageSource, SourceLimits } from '@slipway/image-source';
import type { Descriptor, Platform } from '@slipway/manifest';
import type { Reference } from '@slipway/reference';

/** An image of the store, as a list shows it. */
export interface StoredImage {
  /** Digest of the config; of the manifest itself for indexes and artifacts. */
  readonly id: Digest;
  readonly kind: 'image' | 'index' | 'artifact';
  /** Familiar forms, `demo/app:v1`, sorted by their full text. Empty for an image that lost its name. */
  readonly tags: readonly string[];
  /** Where registries are known to have it: `demo/app@sha256:…`, sorted by their full text. */
  readonly digests: readonly string[];
  /** The manifest or index that a push would send, if the image came with one. */
  readonly manifest: Descriptor;
  /** The manifest was made here, because the image came without: a push makes its own. */
  readonly isManifestBuilt: boolean;
  /**
   * RFC 3339, as the config has it; undefined where it does not say. Of an index, that of the image which runs here.
   */
  readonly created: string | undefined;
  readonly platform: Platform | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes of all its blobs as they are stored, each once. */
  readonly size: number;
}

/** An image in full. */
export interface InspectedImage extends StoredImage {
  /** The parsed config as it was written: `config`, `rootfs`, `history`, `author`, …. Undefined for what has none. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** The layers' digests once unpacked, base first. */
  readonly diffIDs: readonly Digest[];
  /** The layers as they are stored, base first. */
  readonly layers: readonly Descriptor[];
  /** When it last got a name, RFC 3339. */
  readonly lastTagged: string | undefined;
}

/** Told while an image is loaded. Counters are totals: any event may be dropped. */
export type LoadProgress =
  /** Bytes of a layer as they lie in the source. */
  | { readonly type: 'layer:progress'; readonly diffID: Digest; readonly current: number; readonly total: number }
  /** The store has it already. */
  | { readonly type: 'layer:exists'; readonly diffID: Digest; readonly total: number };

export interface LoadOptions extends AbortOptions {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** An image that was loaded. */
export interface LoadedImage {
  readonly id: Digest;
  readonly kind: StoredImage['kind'];
  /** The tags it has got, familiar form, in the source's order. */
  readonly tags: readonly string[];
  /** Tags that another image had until now. */
  readonly replaced: readonly { readonly tag: string; readonly id: Digest }[];
}

/** Something that a deletion did, in the order it was done. */
export type DeleteRecord =
  /** A tag or digest, familiar form. */
  | { readonly untagged: string }
  /** An image ID, then the chainID of each layer that no other image has. */
  | { readonly deleted: Digest };

export interface DeleteOptions extends AbortOptions {
  /** Deletes by ID although the image has several names. @default false */
  readonly force?: boolean | undefined;
}

/** Something that happened to an image through this very object. */
export interface ImageStoreEvent {
  readonly type: 'load' | 'tag' | 'untag' | 'delete';
  readonly id: Digest;
  /** Familiar form; undefined for `delete`, and for the load of an image without a name. */
  readonly reference: string | undefined;
}

/** What the store takes. */
export interface DiskUsage {
  readonly images: number;
  readonly blobs: number;
  /** Of all blobs, and of those that only held images have. */
  readonly bytes: number;
  /** Of blobs that only held images have. */
  readonly heldBytes: number;
  /** Of blobs that no image needs; a garbage collection frees those of them that are old enough. */
  readonly reclaimableBytes: number;
}

/** What a collection of garbage has removed. */
export interface CollectedGarbage {
  readonly deleted: readonly Digest[];
  readonly freedBytes: number;
}

/**
 * Images on this machine. Several processes may work with one folder: every change is one renaming, and what somebody
 * reads or loads does not vanish under them.
 *
 * `name` is a reference (`latest` by default), an image ID, or the beginning of one that only one image has.
 */
export interface ImageStore extends AsyncDisposable {
  readonly folder: string;
  /**
   * Takes in every item of a source, whole or not at all, each byte checked against its digest and each layer against
   * its diffID. Names that are full references become tags, whoever had them.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_INVALID_IMAGE`, `ERR_IMAGE_STORE_FULL`; and what reading the source
   * throws.
   */
  load(source: ImageSource, options?: LoadOptions): Promise<readonly LoadedImage[]>;
  /**
   * Gives an image a further name, whoever had it.
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`, `ERR_IMAGE_STORE_REFERENCE`
   */
  tag(name: string, target: Reference, options?: AbortOptions): Promise<void>;
  /**
   * Notes under which digest a registry has an image; nothing happens when it is noted already.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CONFLICT` when the reference stands for another image
   */
  addDigest(reference: Reference, id: Digest, options?: AbortOptions): Promise<void>;
  /** All images, newest first. One whose documents are damaged is left out, and told to `onWarning`. */
  list(options?: AbortOptions): Promise<readonly StoredImage[]>;
  /** @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` in docker's words, `ERR_IMAGE_STORE_CORRUPT` */
  inspect(name: string, options?: AbortOptions): Promise<InspectedImage>;
  /**
   * The tags of one repository and their images, sorted by their full text: the order in which docker pushes all tags.
   */
  tagsOf(repository: Reference, options?: AbortOptions): Promise<readonly TagOfImage[]>;
  /**
   * Deletes as `docker rmi` does: by reference, the name goes first, and the image with its last name; by ID, the image
   * goes with all names it has in one repository.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`; `ERR_IMAGE_STORE_CONFLICT` when it has names in several
   * repositories and nothing is forced
   */
  delete(name: string, options?: DeleteOptions): Promise<readonly DeleteRecord[]>;
  /**
   * The images as one archive that `docker load` and every reader of OCI layouts understands. A repository without tag
   * means all its tags. The names are looked up now, the bytes flow while they are read, and the images cannot vanish
   * meanwhile.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
   */
  save(names: readonly string[], options?: AbortOptions): Promise<ByteStream>;
  /**
   * Opens an image for a push; see `openStoreSource`.
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`, `ERR_IMAGE_STORE_CORRUPT`
   */
  open(name: string, options?: OpenImageOptions): Promise<ImageSource>;
  /**
   * Holds an image as it is now, for as long as it takes: another image may get its name, it may be deleted, and the
   * process may end. What the key held before is released. Costs links, no space.
   *
   * @param key `a-z`, `0-9` and `-`, up to 64 characters
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`, `ERR_IMAGE_STORE_CORRUPT`
   */
  hold(name: string, key: string, options?: AbortOptions): Promise<HeldImage>;
  /** Opens a held image for a push. @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` when the key holds nothing */
  openHeld(key: string, options?: OpenImageOptions): Promise<ImageSource>;
  /** Lets go of a held image. One that is not held is no error. */
  release(key: string): Promise<void>;
  /** The keys of all held images. */
  heldKeys(): Promise<readonly string[]>;
  /** Deletes blobs that no image needs, and what dead processes left behind. */
  collectGarbage(options?: CollectGarbageOptions): Promise<CollectedGarbage>;
  diskUsage(options?: AbortOptions): Promise<DiskUsage>;
}

/** An image that is held: what a push of it will be about. */
export interface HeldImage {
  readonly id: Digest;
  /** The manifest or index it came with; undefined when a push makes one. */
  readonly manifest: Digest | undefined;
  /** Digest of the manifest that the store keeps of it. Equal content has equal ones. */
  readonly content: Digest;
  /** Bytes of all its blobs as they are stored. */
  readonly size: number;
}

/** A tag and the image it names. */
export interface TagOfImage {
  readonly reference: Reference;
  readonly id: Digest;
}

export interface OpenImageOptions extends AbortOptions {
  /** Opens every tag of the repository when `name` has none. @default false: it means `latest` */
  readonly allTags?: boolean | undefined;
  /** @default `sourceLimitDefaults` of `@slipway/image-source` */
  readonly limits?: SourceLimits | undefined;
}

export interface CollectGarbageOptions extends AbortOptions {
  /**
   * Younger blobs stay, as another tool may be copying an image into the layout just now. Loads of Slipway need no
   * grace.
   *
   * @default one hour
   */
  readonly graceMs?: number | undefined;
}

/** What a load is about to do. */
export interface AdmissionRequest {
  /** The source's name. */
  readonly name: string;
  /** Bytes of all its blobs; those that the store has already count too. */
  readonly bytes: number;
  /** Bytes of blobs in the store and of images that are held. */
  readonly usedBytes: number;
}

/** Where the store lies, and who hears of its changes and of trouble. */
export interface ImageStoreOptions {
  /** Made, for this user alone, if need be. Not for network file systems without hard links and atomic renames. */
  readonly folder: string;
  /** Hears of what is wrong but does not stop the work. @default nobody does */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Hears of every change made through this object, after it was made. @default nobody does */
  readonly onEvent?: ((event: ImageStoreEvent) => void) | undefined;
  /**
   * Asked before a load writes anything: what it throws is what the load throws. A place for quotas.
   * @default everything is admitted
   */
  readonly admit?: ((request: AdmissionRequest) => void | Promise<void>) | undefined;
  /** Plain bytes that one layer may have, against decompression bombs. @default 256 GiB */
  readonly maxLayerBytes?: number | undefined;
  /** How long a change waits for other processes. @default 10000 */
  readonly lockTimeoutMs?: number | undefined;
}
