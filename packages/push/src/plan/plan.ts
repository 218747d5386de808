import type { Compression, Compressor, Digest } from '@slipway/digest';
import type { SourceArtifact, SourceIndex, SourceItem } from '@slipway/image-source';
import type { LayerCache } from '@slipway/image-store';
import { formatPlatform, matchPlatform, type Platform } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { DiffIDProofs } from '../form/diff-id-check.ts';
import type { BlobForm } from '../form/form.ts';
import type { Gate } from '../form/gate.ts';
import type { PushCompression, PushFormat } from '../push.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { fixedBlob, type ImagePlan, planImage } from './image-plan.ts';
import { assembleIndex, indexEntries, warnOfAttestations } from './index-assembly.ts';

/** A manifest or index as it is sent. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ArtifactPlan {
  readonly kind: 'artifact';
  readonly blobs: readonly BlobToPush[];
  readonly verbatim: Manifest;
  readonly referrers: readonly ReferrerPlan[];
}

export interface IndexPlan {
  readonly kind: 'index';
  readonly children: readonly ItemPlan[];
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
  readonly platform: Platform | undefined;
  readonly cache: LayerCache | undefined;
  /** Shared by all pushes of a pusher. */
  readonly gate: Gate;
  readonly signal: AbortSignal;
  /** Set when layers that go as they are, are unpacked and compared with their diffIDs. */
  readonly proofs: DiffIDProofs | undefined;
  /** @throws {PushError} ERR_PUSH_FORMAT when there is none */
  compressor(compression: Exclude<Compression, 'none'>): Compressor;
  /** The form of that name, made on first use. */
  form(name: string, make: () => BlobForm): BlobForm;
  /** Tells every destination. */
  warn(notice: PlanNotice): void;
}

/** Works out what a push of `item` consists of, before any request. */
export function planItem(item: SourceItem, context: PlanContext): ItemPlan {
  const chosen = context.platform === undefined ? item : choosePlatform(item, context.platform);
  const plan = planContent(chosen, { ...context, platform: undefined });
  return { ...plan, referrers: planReferrers(chosen, plan.verbatim, context) };
}

type ContentPlan = Omit<ImagePlan, 'referrers'> | Omit<ArtifactPlan, 'referrers'> | Omit<IndexPlan, 'referrers'>;

function planContent(item: SourceItem, context: PlanContext): ContentPlan {
  switch (item.kind) {
    case 'image':
      return planImage(item, context);
    case 'artifact':
      return planArtifact(item, context);
    case 'index':
      return planIndex(item, context);
    default:
      return item satisfies never;
  }
}

/** What refers to a manifest refers to its very bytes: they must arrive as they are. */
function planReferrers(
  { referrers = [] }: SourceItem,
  subject: Manifest | undefined,
  context: PlanContext,
): readonly ReferrerPlan[] {
  if (referrers.length === 0) return [];
  if (subject === undefined) {
    context.warn({
      code: 'referrers-dropped',
      message: `${referrers.length} referrers are left out: they refer to the manifest as it was before its conversion`,
    });
    return [];
  }
  return referrers.map(({ item, tag }) => {
    const plan = planItem(item, { ...context, format: 'keep', compression: 'keep', platform: undefined });
    if (plan.verbatim === undefined) throw new Error('unreachable: what is kept has its manifest');
    return { plan, manifest: plan.verbatim, tag };
  });
}

function planArtifact(artifact: SourceArtifact, { format }: PlanContext): Omit<ArtifactPlan, 'referrers'> {
  const { digest, mediaType } = artifact.manifest;
  if (format === 'docker' && !mediaType.startsWith('application/vnd.docker.')) {
    throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the artifact: a Docker manifest describes images only', {
      op: 'plan',
      origin: 'request',
      descriptor: { digest, mediaType },
      hint: 'choose --format keep or oci, or one platform with --platform',
    });
  }
  return {
    kind: 'artifact',
    blobs: artifact.blobs.map(({ descriptor, content }) =>
      fixedBlob('blob', content, { digest: descriptor.digest, size: descriptor.size }, artifact.heldIn),
    ),
    verbatim: artifact.manifest,
  };
}

function planIndex(index: SourceIndex, context: PlanContext): Omit<IndexPlan, 'referrers'> {
  const entries = indexEntries(index, context);
  const children = entries.map(({ item }) => planItem(item, context));
  const unchanged =
    entries.length === index.children.length && children.every(({ verbatim }) => verbatim !== undefined);
  const verbatim = unchanged && formatKeeps(index, context.format) ? index.manifest : undefined;
  if (verbatim === undefined) warnOfAttestations(entries, children, context);
  return {
    kind: 'index',
    children,
    verbatim,
    assemble: (manifests) => verbatim ?? assembleIndex(context.format, index, entries, manifests),
  };
}

function formatKeeps(index: SourceIndex, format: PushFormat): boolean {
  const isDocker = index.manifest.mediaType.startsWith('application/vnd.docker.');
  return format === 'keep' || (format === 'docker') === isDocker;
}

function choosePlatform(item: SourceItem, platform: Platform): SourceItem {
  const found: string[] = [];
  const visit = (candidate: SourceItem, claimed: Platform | undefined): SourceItem | undefined => {
    if (candidate.kind === 'index') {
      for (const child of candidate.children) {
        const match = visit(child.item, child.descriptor.platform);
        if (match !== undefined) return match;
      }
      return undefined;
    }
    const own = claimed ?? (candidate.kind === 'image' ? candidate.platform : undefined);
    if (own === undefined) return undefined;
    found.push(formatPlatform(own));
    return matchPlatform(platform, own) ? candidate : undefined;
  };
  const chosen = visit(item, undefined);
  if (chosen !== undefined) return chosen;
  const there = found.length === 0 ? 'it names no platform' : `it has ${[...new Set(found)].join(', ')}`;
  throw new PushError('ERR_PUSH_NO_PLATFORM', `The image has no manifest for ${formatPlatform(platform)}: ${there}`, {
    op: 'plan',
    origin: 'request',
  });
}
