import type { AbortOptions, ByteStream, Content, Digest, ReadableCompression } from '@slipway/digest';
import type { Descriptor, Platform } from '@slipway/manifest';
import type { ReadHook, SourceLimits } from './options.ts';

/** A layer of an image: its identity once unpacked, and the bytes the source has for it. */
export interface SourceLayer {
  /** Digest of the uncompressed tar, as the image's config claims it. */
  readonly diffID: Digest;
  /**
   * The bytes as they lie in the source, compressed or not; they prove nothing by themselves. Undefined for a foreign
   * layer that the source does not carry.
   */
  readonly content: Content | undefined;
  /**
   * How `content` is compressed, recognised by its first bytes. xz and bzip2 are found in layouts and registries only,
   * where a manifest names the layer by its digest.
   */
  readonly compression: ReadableCompression;
  /**
   * The descriptor in the source's own manifest (OCI layouts, `LayerSources` of docker archives, a digest as the name
   * of a blob there): media type, digest, size, urls, annotations.
   */
  readonly descriptor: Descriptor | undefined;
  /**
   * Set for a layer that an image without a manifest has of its base, whose manifest named it by `descriptor`: it goes
   * as it is.
   */
  readonly inherited?: InheritedLayer | undefined;
}

/** What is known of a layer of a base image. */
export interface InheritedLayer {
  /** Canonical name of the repository that has it, with its domain: from there its registry can mount it. */
  readonly heldIn: string | undefined;
}

/** What an item may have besides its own content. */
export interface SourceItemExtras {
  /**
   * Canonical name of the repository that has every blob of this item, with its domain: from there its registry can
   * mount them.
   */
  readonly heldIn?: string | undefined;
  /** Manifests about this one: signatures, SBOMs. Undefined where nobody looked for them, or there are none. */
  readonly referrers?: readonly SourceReferrer[] | undefined;
}

/** A manifest that is about another one. */
export interface SourceReferrer {
  readonly descriptor: Descriptor;
  readonly item: SourceItem;
  /** The tag that makes it a referrer, where it names no `subject`: cosign's `sha256-….sig`. */
  readonly tag: string | undefined;
}

/** One image of the chain that an image of before Docker 1.10 is made of. */
export interface SourceV1Image {
  /** 64 hex digits, given at random when it was built. */
  readonly id: string;
  readonly parent: string | undefined;
  /** Its `json` file as stored. */
  readonly json: Uint8Array;
  readonly layer: SourceLayer;
}

/** One manifest's worth of content. */
export interface SourceImage extends SourceItemExtras {
  readonly kind: 'image';
  /**
   * References the source gives this image, familiar form, oldest first: `RepoTags`,
   * `org.opencontainers.image.ref.name`.
   */
  readonly names: readonly string[];
  readonly platform: Platform | undefined;
  /** The config's bytes as stored, never re-serialised. */
  readonly config: { readonly mediaType: string; readonly digest: Digest; readonly bytes: Uint8Array };
  /** Base first, one per diffID. */
  readonly layers: readonly SourceLayer[];
  /** The manifest as the source has it, if it has one (docker archives have none). */
  readonly manifest: { readonly mediaType: string; readonly digest: Digest; readonly bytes: Uint8Array } | undefined;
  /** What the manifest that is made for an image without one says beside its content. @default nothing */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** What the image was before it got a config of its own, base first: archives of before Docker 1.10 only. */
  readonly chain?: readonly SourceV1Image[] | undefined;
}

/** A manifest that is no runnable image (OCI artifact): opaque blobs, carried as they are. */
export interface SourceArtifact extends SourceItemExtras {
  readonly kind: 'artifact';
  readonly names: readonly string[];
  readonly manifest: { readonly mediaType: string; readonly digest: Digest; readonly bytes: Uint8Array };
  /** Config first, then the layers (or `blobs`), as the manifest lists them; of an index of blobs, its entries. */
  readonly blobs: readonly SourceBlob[];
}

/** A blob that goes as it is. */
export interface SourceBlob {
  readonly descriptor: Descriptor;
  readonly content: Content;
  /**
   * What it unpacks to, where a config says so: it is a layer of an image, other layers of which nobody here has heard
   * of.
   */
  readonly layer?: { readonly diffID: Digest; readonly compression: ReadableCompression } | undefined;
}

/**
 * An image index (Docker: manifest list) with its children, which may be indexes again. Of an index whose children have
 * no manifest yet, `manifest` and the children's descriptors say all but the digests and sizes: those come when it is
 * pushed.
 */
export interface SourceIndex extends SourceItemExtras {
  readonly kind: 'index';
  readonly names: readonly string[];
  readonly manifest: { readonly mediaType: string; readonly digest: Digest; readonly bytes: Uint8Array };
  readonly children: readonly { readonly descriptor: Descriptor; readonly item: SourceItem }[];
  /** Entries that are no manifests: what they name is kept as a blob. @default none */
  readonly blobs?: readonly SourceBlob[] | undefined;
}

/** One thing that a source offers, by `kind`. */
export type SourceItem = SourceImage | SourceArtifact | SourceIndex;

/** What a source lists, and does not have whole. */
export interface IncompleteItem {
  readonly names: readonly string[];
  /** Of its manifest. */
  readonly digest: Digest;
  /** What is not there. */
  readonly missing: readonly Digest[];
  /** Its platforms that are whole, as `linux/amd64`. */
  readonly platforms: readonly string[];
  /** As much of it as is there: an index without the children that are missing, an image without the layers. */
  readonly item: SourceItem | undefined;
}

/** Something about a source that is worth a user's attention, and stops nothing. */
export interface SourceNotice {
  readonly code:
    | 'name-unreadable'
    | 'name-twice'
    | 'entry-unreadable'
    | 'entry-not-image'
    | 'layer-unread'
    | 'layout-version'
    | 'surplus-bytes'
    | 'platforms-left-out';
  readonly message: string;
  /** With `name-unreadable`: what is no name. */
  readonly name?: string | undefined;
}

/** An opened source. Content stays readable until it is disposed. */
export interface ImageSource extends AsyncDisposable {
  readonly kind:
    | 'docker-archive'
    | 'oci-layout'
    | 'oci-archive'
    | 'dir'
    | 'docker-daemon'
    | 'registry'
    | 'store'
    | 'parts';
  /** What a message calls it: a path or a reference, never a credential. */
  readonly name: string;
  /** Everything the source offers at its top level, in its own order. */
  readonly items: readonly SourceItem[];
  /** What was listed and is not whole, where {@link OpenSourceOptions.incomplete} asked for it. @default nothing */
  readonly incomplete?: readonly IncompleteItem[] | undefined;
  /** All of a layout as one index, where its entries have no names and are platforms of one image. */
  readonly whole?: SourceIndex | undefined;
}

export interface OpenSourceOptions extends AbortOptions {
  /** Where compressed archives and standard input are spooled. @default the system's temporary folder */
  readonly spoolFolder?: string | undefined;
  /** Told once before bytes are spooled to disk, with what and where. */
  readonly onSpool?: ((spool: { readonly name: string; readonly path: string }) => void) | undefined;
  /** What `-` reads. @default the process's standard input */
  readonly stdin?: ByteStream | undefined;
  /**
   * Manifests of an index for other platforms are neither read nor handed out, unless none is for this one.
   * @default all are read
   */
  readonly platform?: Platform | undefined;
  /**
   * What becomes of images of which something is missing: all is refused, or they are listed apart.
   * @default 'refuse'
   */
  readonly incomplete?: 'refuse' | 'list' | undefined;
  /**
   * What becomes of an image with more or fewer layers than its config says: it is refused, or carried as an artifact
   * whose layers nobody can compare with anything. @default 'refuse'
   */
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  /** Told of what was passed over. @default nobody is told */
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
  /** Looks for manifests that refer to others, and hands them out with what they refer to. @default false */
  readonly referrers?: boolean | undefined;
  /** What is refused for its amount. @default {@link sourceLimitDefaults} */
  readonly limits?: SourceLimits | undefined;
  /** Told of each positional read of a file, for tests and measurements. */
  readonly onRead?: ReadHook | undefined;
}
