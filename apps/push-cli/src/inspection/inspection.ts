import type { IncompleteItem, SourceItem, SourceLayer, SourceReferrer } from '@slipway/image-source';
import { formatPlatform, type Platform } from '@slipway/manifest';
import { type ConfigFacts, configFacts, type ManifestFacts, manifestFacts } from './document-facts.ts';

/** One layer as `slipway inspect` tells of it. */
export interface InspectedLayer {
  readonly diffID: string;
  /** Digest of the stored form, where the source names one. */
  readonly digest?: string | undefined;
  readonly mediaType?: string | undefined;
  /** Bytes as they lie in the source; undefined for a foreign layer that it does not carry. */
  readonly size?: number | undefined;
  readonly compression: string;
}

/** One blob of an artifact. */
export interface InspectedBlob {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  /** The name of the file that it was made of. */
  readonly title?: string | undefined;
}

/** One item of a source as plain data. */
export interface InspectedItem extends ManifestFacts, ConfigFacts {
  readonly kind: SourceItem['kind'];
  readonly names: readonly string[];
  readonly platform?: string | undefined;
  /** Of the manifest, where the source has one. */
  readonly digest?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly config?: { readonly digest: string; readonly mediaType: string; readonly size: number } | undefined;
  readonly layers?: readonly InspectedLayer[] | undefined;
  readonly blobs?: readonly InspectedBlob[] | undefined;
  /** Digests that are listed and are not there: the item cannot be pushed as a whole. */
  readonly missing?: readonly string[] | undefined;
  readonly children?: readonly InspectedItem[] | undefined;
  /** What refers to it, where that was looked for. */
  readonly referrers?: readonly InspectedItem[] | undefined;
}

/** Takes from an item what a person wants to know; no content is read. */
export function describeItem(item: SourceItem, platform?: Platform | undefined): InspectedItem {
  const runsOn = (item.kind === 'image' ? item.platform : undefined) ?? platform;
  const common = {
    kind: item.kind,
    names: item.names,
    platform: runsOn && formatPlatform(runsOn),
    digest: item.manifest?.digest,
    mediaType: item.manifest?.mediaType,
    ...manifestFacts(item.manifest?.bytes, item.kind === 'artifact'),
    referrers: item.referrers?.map(describeReferrer),
  };
  switch (item.kind) {
    case 'image': {
      const { digest, mediaType, bytes } = item.config;
      return {
        ...common,
        config: { digest, mediaType, size: bytes.byteLength },
        ...configFacts(bytes),
        layers: item.layers.map(describeLayer),
      };
    }
    case 'artifact':
      return {
        ...common,
        blobs: item.blobs.map(({ descriptor: { digest, mediaType, size, annotations } }) => ({
          digest,
          mediaType,
          size,
          title: annotations?.['org.opencontainers.image.title'],
        })),
      };
    case 'index':
      return {
        ...common,
        children: item.children.map((child) => describeItem(child.item, child.descriptor.platform)),
      };
    default:
      return item satisfies never;
  }
}

/** What is there of an item that is not whole, and what is not. */
export function describeIncomplete({ names, digest, missing, item }: IncompleteItem): InspectedItem {
  const described = item === undefined ? { kind: 'index' as const, names, digest } : describeItem(item);
  return { ...described, missing };
}

function describeReferrer({ item, tag }: SourceReferrer): InspectedItem {
  const described = describeItem(item);
  return tag === undefined ? described : { ...described, names: [tag] };
}

function describeLayer({ diffID, content, compression, descriptor }: SourceLayer): InspectedLayer {
  return {
    diffID,
    digest: descriptor?.digest,
    mediaType: descriptor?.mediaType,
    size: content?.size ?? descriptor?.size,
    compression: content === undefined ? 'foreign' : compression,
  };
}
