import type { AbortOptions, Compressor, Digest } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import type { LayerCache } from '@slipway/layer-cache';
import type { Platform } from '@slipway/manifest';
import type { TrustKey } from '@slipway/manifest/schema1';
import type { MetadataStore } from '@slipway/metadata-store';
import type { Reference } from '@slipway/reference';
import type { Ping, Repository } from '@slipway/registry-client';
import type { V1Session } from '@slipway/registry-client/v1';
import type { RetryOptions, Transfers } from '@slipway/transfer';
import type { PlannedBlob, PushEvent, PushTotals } from './events.ts';
import type { ImageSignature, PushSigning } from './sign/signer.ts';

/** One way to reach a registry. Push tries them in order: https, then http for an insecure host. */
export interface Endpoint {
  /** `https://ghcr.io` */
  readonly url: URL;
  /** Upload foreign layers here too. @default false */
  readonly allowNondistributable?: boolean | undefined;
  /** Pings, and makes the repository's client. Rejects when the registry cannot be reached or used. */
  connect(options?: ConnectOptions): Promise<Repository>;
  /** What the registry answers to a ping; only `protocol: 'auto'` asks. @default it is taken for a v2 registry */
  ping?(options?: AbortOptions): Promise<Ping>;
}

export interface ConnectOptions extends AbortOptions {
  /**
   * What the push will ask the repository first, where that is known before: an endpoint may ask it while it pings, and
   * answer that one question out of what came. Undefined where nothing is known. Never rejects.
   */
  readonly first?: (() => Promise<FirstQuestion | undefined>) | undefined;
}

/** HEAD or GET of a manifest, in the forms that a repository asks for by default. */
export interface FirstQuestion {
  readonly method: 'statManifest' | 'getManifest';
  readonly tagOrDigest: string;
}

/** One way to reach a registry that speaks the protocol of before 2015. */
export interface V1Endpoint {
  readonly url: URL;
  /** Opens a session of its own; whoever asked disposes of it. */
  open(): Promise<V1Session>;
}

/** Where an image goes. */
export interface Destination {
  /** Canonical, with a tag, or with the digest that the manifest has to have: then it goes up without a tag. */
  readonly reference: Reference;
  readonly endpoints: readonly Endpoint[];
  /** For `protocol` 'v1' and 'auto'. @default none */
  readonly v1Endpoints?: readonly V1Endpoint[] | undefined;
  /**
   * Whose name the push goes in. Asked once, before anything is sent there; what it rejects with fails the destinations
   * in this repository alone. @default nobody's
   */
  identify?(options: AbortOptions): Promise<DestinationIdentity>;
}

/** What a push wants to know of the credentials that a destination is shown, without them. */
export interface DestinationIdentity {
  /** Key of the HMAC that marks what was pushed with these credentials; undefined without an auth config. */
  readonly hmacKey?: Uint8Array | undefined;
  /** A registry token, or a user name and a password, are at hand. */
  readonly hasAuthInfo?: boolean | undefined;
}

/** The kind of manifest that is pushed. */
export type PushFormat = 'keep' | 'docker' | 'oci';
/** Forms of old: signed schema 1, the same as Docker 1.5 sent it (TarSums, plain layers), and images one by one. */
export type LegacyFormat = 'schema1' | 'schema1-2015' | 'v1';
/**
 * `v2`: the distribution protocol; `v1`: what came before; `auto`: v1 for a registry that has not shown to speak v2.
 */
export type PushProtocol = 'v2' | 'v1' | 'auto';
/** How a layer goes: uncompressed, or compressed in one of the ways that runtimes read. */
export type LayerKind = 'none' | 'gzip' | 'zstd' | 'zstd:chunked' | 'estargz';
/** What layers are compressed with that are compressed here. */
export type PushCompression = 'keep' | LayerKind;
/**
 * What a compressed layer that carries its digest is compared with: that digest only, or also, unpacked, its diffID.
 */
export type PushVerify = 'digest' | 'diffid';
/**
 * What becomes of a claim: of what somebody's manifest in the destination repository says which blob is which layer.
 * `prove`: the layer is compressed here, and nothing is sent where that makes the same bytes. `verify`: the blob is
 * read back and unpacked. `trust`: it is believed. `off`: nothing is read.
 */
export type PushLearn = 'prove' | 'verify' | 'trust' | 'off';

export interface PushOptions extends AbortOptions {
  /** `v1` means the protocol too. @default 'keep' */
  readonly format?: PushFormat | LegacyFormat | undefined;
  /** @default 'v2' */
  readonly protocol?: PushProtocol | undefined;
  /** Whether a registry that refuses a Docker manifest gets no signed schema 1 manifest in its place. @default true */
  readonly requireSchema2?: boolean | undefined;
  /**
   * Refuses a manifest that is about another one, its `subject`, where the repository lacks that; fails where the
   * registry has taken it and does not list it as a referrer of that.
   * @default false: both are told
   */
  readonly requireSubject?: boolean | undefined;
  /**
   * Several push one index that has each image in each of these forms, for clients of every age; its format is OCI.
   *
   * @default 'keep': layers go as they are, uncompressed ones of archives without a manifest as gzip
   */
  readonly compression?: PushCompression | readonly LayerKind[] | undefined;
  /** Compresses layers anew that have the wanted form already. Needs `compression`. @default false */
  readonly recompress?: boolean | undefined;
  /**
   * Layers that are compressed here, and those without a digest of their own, are always compared with their diffID.
   * @default 'digest'
   */
  readonly verify?: PushVerify | undefined;
  /** One manifest of an index. @default the whole index */
  readonly platform?: Platform | undefined;
  /** Says what would happen, writes nothing to the registry. @default false */
  readonly dryRun?: boolean | undefined;
  /**
   * How to use what the registry's own manifests say of the layers; `false` is 'off', `true` the default.
   * @default 'prove'
   */
  readonly learn?: PushLearn | boolean | undefined;
  /**
   * Further reference in the destination repository (tag or digest) to learn from, before the destination's own tag.
   */
  readonly learnFrom?: string | undefined;
  /**
   * Sends everything again: children, configs, layers and manifests, whatever the registry says it has.
   * @default false
   */
  readonly force?: boolean | undefined;
  /**
   * Signs what is pushed, and of an index each of its images, before a tag names it. Needs protocol v2.
   * @default nothing is signed
   */
  readonly signing?: PushSigning | undefined;
  /** Called synchronously, in order. What it throws is reported once, as a process warning, and changes nothing. */
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/** One item and everywhere it goes. */
export interface PushDelivery {
  readonly item: SourceItem;
  readonly destinations: readonly Destination[];
  /** One manifest of this index. @default that of the push's options */
  readonly platform?: Platform | undefined;
}

/** Options of several deliveries, which are one push. */
export interface PushAllOptions extends PushOptions {
  /**
   * Leaves out what comes after a delivery that failed somewhere, as docker does with the tags of a repository.
   * @default false
   */
  readonly stopAtFailure?: boolean | undefined;
  /** Awaited after each delivery, before the next begins. What it throws ends the push. */
  readonly onDelivered?: ((results: readonly PushResult[], index: number) => void | Promise<void>) | undefined;
}

/** How one destination ended. With several, each ends by itself. */
export type PushResult =
  | {
      readonly ok: true;
      readonly reference: Reference;
      readonly digest: Digest;
      readonly mediaType: string;
      /** Bytes of the manifest. */
      readonly size: number;
      /** The tag already named this manifest; nothing was sent. */
      readonly unchanged: boolean;
      readonly totals: PushTotals;
      /** What would be done, for a dry run: nothing was written. */
      readonly plan?: readonly PlannedBlob[] | undefined;
      /** Of the manifest last, of the images that it lists before. Undefined where nothing is signed. */
      readonly signatures?: readonly ImageSignature[] | undefined;
    }
  | { readonly ok: false; readonly reference: Reference; readonly error: Error; readonly totals: PushTotals };

/** Which blob somebody is about to bring. */
export interface BlobTurn {
  /** Host and port: `ghcr.io`. */
  readonly registry: string;
  /** The canonical name of the repository that it goes to. */
  readonly repository: string;
  /** The same for the same bytes, whatever the repository. */
  readonly blob: string;
}

/**
 * Turns at blobs that several processes respect. Who comes second finds what the first has brought, and mounts it;
 * for the same repository of the same process, all share one turn.
 */
export interface SharedTurns {
  /**
   * Waits until no other one brings that blob to that registry, or until that has taken too long. Disposing of the
   * turn ends it. Rejects with the signal's reason, and with nothing else.
   *
   * @param options.onWaiting called at most once, when it is not free at once
   */
  take(
    turn: BlobTurn,
    options: AbortOptions & { readonly onWaiting?: (() => void) | undefined },
  ): Promise<AsyncDisposable>;
}

/** What a pusher works with. It owns none of it. */
export interface PusherOptions {
  /** Share one among all pushers of a process. */
  readonly transfers: Transfers;
  /** For processes that push to the same registries, and share a metadata store. @default nobody else is waited for */
  readonly sharedTurns?: SharedTurns | undefined;
  /** @default nothing is remembered */
  readonly metadataStore?: MetadataStore | undefined;
  /** Keeps compressed layers. @default they are compressed again in each run */
  readonly layerCache?: LayerCache | undefined;
  /** Makes gzip layers of uncompressed ones. */
  readonly gzip: Compressor;
  /** Makes zstd layers. @default `compression: 'zstd'` is refused */
  readonly zstd?: Compressor | undefined;
  /** Makes zstd layers of which podman pulls only what it lacks. @default they are refused */
  readonly zstdChunked?: Compressor | undefined;
  /** Makes gzip layers that the stargz snapshotter mounts before it has pulled them. @default they are refused */
  readonly estargz?: Compressor | undefined;
  /** The key that signs schema 1 manifests; asked for when one is to be signed. @default a new one for each push */
  readonly trustKey?: (() => Promise<TrustKey>) | undefined;
  /** Attempts per blob, manifest and connection, the first included; counted afresh after progress. @default 5 */
  readonly attempts?: number | undefined;
  /**
   * Bytes of one chunk: what an interruption costs at most. Uploads of more than twice this go in chunks, where the
   * registry takes them.
   * @default 33554432 (32 MiB)
   */
  readonly chunkSize?: number | undefined;
  /**
   * How retries wait. Share one `hostBackoff` among all pushers of a process.
   * @default those of `@slipway/transfer`, and a `hostBackoff` for all pushes of this pusher
   */
  readonly retry?: Pick<RetryOptions, 'backoff' | 'hostBackoff' | 'longestWaitMs' | 'clock' | 'random'> | undefined;
}

/** Runs pushes, any number of them at once. */
export interface Pusher {
  /**
   * Pushes one item to every destination. Never rejects for a failed destination: look at the results, in the order
   * asked. Rejects with `signal.reason` on abort.
   */
  push(item: SourceItem, destinations: readonly Destination[], options?: PushOptions): Promise<readonly PushResult[]>;
  /**
   * Pushes several items, one after the other, each to all its destinations at once: all tags of a repository. Those
   * for one repository share what was found out about it; over v1 they are one push, whose list names all their images,
   * and whose failure is that of each. All are planned before anything is sent: one that makes no sense rejects them
   * all.
   *
   * @returns the results of each delivery, in its order; none of those that were left out
   */
  pushAll(deliveries: readonly PushDelivery[], options?: PushAllOptions): Promise<readonly (readonly PushResult[])[]>;
}
