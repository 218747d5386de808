import type { Compressor, Digest } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import type { LayerCache } from '@slipway/layer-cache';
import type { Descriptor, Platform } from '@slipway/manifest';
import type { DiffIDProofs } from '../form/diff-id-proofs.ts';
import type { BlobForm } from '../form/form.ts';
import type { Gate } from '../form/gate.ts';
import type { RecentMemory } from '../form/runs/recent-memory.ts';
import type { ProvenIdentity } from '../knowledge.ts';
import type { LayerKind, PushCompression, PushFormat, PushVerify } from '../push.ts';
import type { BlobToPush } from './blob-to-push.ts';

/** A manifest or index as it is sent. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** What a layer is in the manifest: its bytes, or the descriptor of a foreign layer that stays where it is. */
export type LayerDescriptor = ProvenIdentity | { readonly foreign: Descriptor };

/** A push of one image, worked out once for all destinations. */
export interface ImagePlan {
  readonly kind: 'image';
  readonly image: SourceImage;
  /** Base first; repeated layers once each time. */
  readonly layers: readonly BlobToPush[];
  readonly config: BlobToPush;
  /** The manifest as the source has it, when it goes as it is. */
  readonly verbatim: Manifest | undefined;
  readonly referrers: readonly ReferrerPlan[];
  /** Builds the manifest once every layer has its descriptor. */
  assemble(layers: readonly LayerDescriptor[]): Manifest;
}

export interface ArtifactPlan {
  readonly kind: 'artifact';
  readonly blobs: readonly BlobToPush[];
  readonly verbatim: Manifest;
  readonly referrers: readonly ReferrerPlan[];
}

/** How the children of one index follow each other. */
export interface ChildOrder {
  /** Positions of children that may go at the same time; a child is behind the one that it is about. */
  readonly waves: readonly (readonly number[])[];
  /** A child's manifest, whose `subject` names what has become of the child that it is about. */
  follow(at: number, manifest: Manifest, made: ReadonlyMap<number, Manifest>): Manifest;
}

export interface IndexPlan {
  readonly kind: 'index';
  /** Entries that are no manifests. */
  readonly blobs: readonly BlobToPush[];
  readonly children: readonly ItemPlan[];
  readonly order: ChildOrder;
  /** The index as the source has it, when no child changes. */
  readonly verbatim: Manifest | undefined;
  readonly referrers: readonly ReferrerPlan[];
  assemble(children: readonly Manifest[]): Manifest;
}

export type ItemPlan = ImagePlan | ArtifactPlan | IndexPlan;

/** A manifest about the one that is pushed; it goes as it is. */
export interface ReferrerPlan {
  readonly plan: ItemPlan;
  readonly manifest: Manifest;
  /** The tag that makes it a referrer, where it names no subject. */
  readonly tag: string | undefined;
}

/** Something that a push cannot carry over as it is; it goes on. */
export interface PlanNotice {
  readonly code: string;
  readonly message: string;
}

/** What planning works with; the forms it makes are shared by all destinations. */
export interface PlanContext {
  readonly format: PushFormat;
  readonly compression: PushCompression;
  /** Whether layers that have the wanted form are made anew all the same. */
  readonly recompress: boolean;
  readonly platform: Platform | undefined;
  readonly cache: LayerCache | undefined;
  /** Shared by all pushes of a pusher. */
  readonly gate: Gate;
  /** As the gate. */
  readonly recentMemory: RecentMemory;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
  /** Whether layers that have a digest, and go as they are, are unpacked and compared with their diffIDs too. */
  readonly verify: PushVerify;
  /** What was unpacked before need not be unpacked again. */
  readonly proofs: DiffIDProofs;
  /** @throws {PushError} ERR_PUSH_FORMAT when there is none */
  compressor(kind: LayerKind): Compressor;
  /** The form of that name, made on first use. */
  form(name: string, make: () => BlobForm): BlobForm;
  /** Tells every destination. */
  warn(notice: PlanNotice): void;
}
