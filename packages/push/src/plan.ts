import type { Compression, Compressor, Digest } from '@slipway/digest';
import type { SourceArtifact, SourceIndex, SourceItem } from '@slipway/image-source';
import type { LayerCache } from '@slipway/image-store';
import { formatPlatform, matchPlatform, type Platform } from '@slipway/manifest';
import type { BlobForm } from './blob-form.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { PushError } from './errors.ts';
import { fixedBlob, type ImagePlan, planImage } from './image-plan.ts';
import { assembleIndex } from './manifest-assembly.ts';
import type { PushCompression, PushFormat } from './push.ts';

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
}

export interface IndexPlan {
  readonly kind: 'index';
  readonly children: readonly ItemPlan[];
  /** The index as the source has it, when no child changes. */
  readonly verbatim: Manifest | undefined;
  assemble(children: readonly Manifest[]): Manifest;
}

export type ItemPlan = ImagePlan | ArtifactPlan | IndexPlan;

/** What planning works with; the forms it makes are shared by all destinations. */
export interface PlanContext {
  readonly format: PushFormat;
  readonly compression: PushCompression;
  readonly platform: Platform | undefined;
  readonly cache: LayerCache | undefined;
  readonly signal: AbortSignal;
  /** @throws {PushError} ERR_PUSH_FORMAT when there is none */
  compressor(compression: Exclude<Compression, 'none'>): Compressor;
  /** The form of that name, made on first use. */
  form(name: string, make: () => BlobForm): BlobForm;
}

/** Works out what a push of `item` consists of, before any request. */
export function planItem(item: SourceItem, context: PlanContext): ItemPlan {
  const chosen = context.platform === undefined ? item : choosePlatform(item, context.platform);
  switch (chosen.kind) {
    case 'image':
      return planImage(chosen, context);
    case 'artifact':
      return planArtifact(chosen, context);
    case 'index':
      return planIndex(chosen, { ...context, platform: undefined });
    default:
      return chosen satisfies never;
  }
}

function planArtifact(artifact: SourceArtifact, { format }: PlanContext): ArtifactPlan {
  if (format === 'docker') {
    throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the artifact: a Docker manifest describes images only', {
      op: 'plan',
      origin: 'request',
      descriptor: { digest: artifact.manifest.digest, mediaType: artifact.manifest.mediaType },
      hint: 'choose --format keep or oci, or one platform with --platform',
    });
  }
  return {
    kind: 'artifact',
    blobs: artifact.blobs.map(({ descriptor, content }) =>
      fixedBlob('blob', content, { digest: descriptor.digest, size: descriptor.size }),
    ),
    verbatim: artifact.manifest,
  };
}

function planIndex(index: SourceIndex, context: PlanContext): IndexPlan {
  const children = index.children.map(({ item }) => planItem(item, context));
  const unchanged = children.every((child) => child.verbatim !== undefined);
  const verbatim = unchanged && formatKeeps(index, context.format) ? index.manifest : undefined;
  return {
    kind: 'index',
    children,
    verbatim,
    assemble: (manifests) => verbatim ?? assembleIndex(context.format, index, manifests),
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
