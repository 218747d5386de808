import { shortDigest } from '@slipway/digest';
import type { SourceArtifact, SourceBlob, SourceIndex, SourceItem } from '@slipway/image-source';
import { formatPlatform, isLayerMediaType, matchPlatform, mediaTypes, type Platform } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import { provenByContent } from '../knowledge.ts';
import type { PushFormat } from '../push.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { fixedBlob } from './fixed-blob.ts';
import { orderChildren } from './followers.ts';
import { planImage } from './image-plan.ts';
import { assembleIndex, indexEntries, warnOfAttestations } from './index-assembly.ts';
import { assertArtifactComplete, assertIndexComplete } from './invariants.ts';
import { layerCheck } from './layer-form.ts';
import type {
  ArtifactPlan,
  ImagePlan,
  IndexPlan,
  ItemPlan,
  Manifest,
  PlanContext,
  ReferrerPlan,
} from './plan-types.ts';

/** Works out what a push of `item` consists of, before any request. */
export function planItem(item: SourceItem, context: PlanContext): ItemPlan {
  const chosen = context.platform === undefined ? item : choosePlatform(item, context.platform);
  const plan = planContent(chosen, { ...context, platform: undefined });
  return { ...plan, referrers: planReferrers(chosen, plan.verbatim, context) };
}

/** How the media types of Docker's documents begin. */
const dockerTypes = 'application/vnd.docker.';

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
export function planReferrers(
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

function planArtifact(artifact: SourceArtifact, context: PlanContext): Omit<ArtifactPlan, 'referrers'> {
  assertArtifactComplete(artifact);
  const { digest, mediaType } = artifact.manifest;
  const { format } = context;
  if (format === 'docker' && !mediaType.startsWith(dockerTypes)) {
    throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the artifact: a Docker manifest describes images only', {
      op: 'plan',
      origin: 'request',
      descriptor: { digest, mediaType },
      hint: 'choose `format: keep` or `format: oci`',
    });
  }
  warnOfKeptArtifact(artifact, context);
  return {
    kind: 'artifact',
    blobs: artifact.blobs.map((blob) => artifactBlob(blob, artifact.heldIn, context)),
    verbatim: artifact.manifest,
  };
}

/** A layer of an image that is carried as an artifact is compared with its diffID as any other. */
function artifactBlob(
  { descriptor: { digest, size }, content, layer }: SourceBlob,
  heldIn: string | undefined,
  context: PlanContext,
): BlobToPush {
  const check = layer && layerCheck(layer, content, digest, context);
  return fixedBlob('blob', content, provenByContent({ digest, size }), { heldIn, check });
}

/** Tells that options have no effect: attestations have nothing to convert, the rest might have been an image. */
function warnOfKeptArtifact(
  { blobs, manifest }: SourceArtifact,
  { format, compression, verify, warn }: PlanContext,
): void {
  const isStatement = blobs.every(
    ({ descriptor }, at) => at === 0 || descriptor.mediaType === mediaTypes.inTotoStatement,
  );
  if (isStatement) return;
  const isUncompared = blobs.some(
    ({ descriptor, layer }) => layer === undefined && isLayerMediaType(descriptor.mediaType),
  );
  const options = [
    ...(compression === 'keep' ? [] : [`\`compression: ${compression}\``]),
    ...(format !== 'keep' && manifest.mediaType.startsWith(dockerTypes) ? [`\`format: ${format}\``] : []),
    ...(verify === 'diffid' && isUncompared ? ['`verify: diffid`'] : []),
  ];
  for (const option of options) {
    warn({
      code: 'artifact-kept',
      message: `${shortDigest(manifest.digest)} is an artifact and goes as it is: ${option} has no effect on it`,
    });
  }
}

function planIndex(index: SourceIndex, context: PlanContext): Omit<IndexPlan, 'referrers'> {
  const entries = indexEntries(index, context);
  const children = entries.map(({ item }) => planItem(item, context));
  const unchanged =
    entries.length === index.children.length && children.every(({ verbatim }) => verbatim !== undefined);
  const verbatim = unchanged && formatKeeps(index, context.format) ? index.manifest : undefined;
  if (verbatim === undefined) warnOfAttestations(entries, children, context);
  else assertIndexComplete(index);
  if (verbatim === undefined && (index.blobs?.length ?? 0) > 0) {
    throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the index: it lists blobs, and cannot be converted', {
      op: 'plan',
      origin: 'request',
      descriptor: { digest: index.manifest.digest, mediaType: index.manifest.mediaType },
      hint: 'choose `format: keep` and `compression: keep`',
    });
  }
  return {
    kind: 'index',
    children,
    order: orderChildren(entries, children, context),
    blobs: (index.blobs ?? []).map((blob) => artifactBlob(blob, index.heldIn, context)),
    verbatim,
    assemble: (manifests) => verbatim ?? assembleIndex(context.format, index, entries, manifests),
  };
}

function formatKeeps(index: SourceIndex, format: PushFormat): boolean {
  const isDocker = index.manifest.mediaType.startsWith('application/vnd.docker.');
  return format === 'keep' || (format === 'docker') === isDocker;
}

export function choosePlatform(item: SourceItem, platform: Platform): SourceItem {
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
    hint: found.length === 0 ? 'leave `platform` out' : 'choose one of these as `platform`, or leave it out',
  });
}
