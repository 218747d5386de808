import { type Digest, digestBytes } from '@slipway/digest';
import {
  type Descriptor,
  isIndexMediaType,
  isLayerMediaType,
  isNondistributableMediaType,
  mediaTypes,
} from '@slipway/manifest';
import type { ManifestRecord } from '../storage/repositories.ts';
import { Refusal } from './refusal.ts';

interface ManifestDocument {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly fsLayers?: readonly { readonly blobSum: Digest }[];
  readonly signatures?: readonly { readonly protected: string }[];
}

/** Reads of a manifest what a registry needs to know. @throws {Refusal} MANIFEST_INVALID when it is not one. */
export function describeManifest(bytes: Uint8Array, mediaType: string, known?: Digest): ManifestRecord {
  const document = parse(bytes);
  if (document.mediaType !== undefined && document.mediaType !== mediaType) {
    throw new Refusal('MANIFEST_INVALID', { message: `mediaType ${document.mediaType} is not the Content-Type` });
  }
  return {
    digest: known ?? digestOf(bytes, document),
    mediaType,
    size: bytes.byteLength,
    references: referencesOf(document, mediaType),
    subject: document.subject?.digest,
    artifactType: document.artifactType ?? document.config?.mediaType,
    annotations: document.annotations,
  };
}

/** Whether the manifest names its own media type, which OCI's may leave out. */
export function namesItsMediaType(bytes: Uint8Array): boolean {
  return parse(bytes).mediaType !== undefined;
}

/** Whether a registry may be without the content: foreign layers live at their URLs. */
export function mayLiveElsewhere({ mediaType, urls }: Descriptor): boolean {
  return (urls?.length ?? 0) > 0 || isNondistributableMediaType(mediaType);
}

/** Whether what an index lists is a manifest: caches of BuildKit list layers, and a config, which are blobs. */
export function listsManifest({ mediaType }: Pick<ManifestRecord, 'mediaType'>, entry: Descriptor): boolean {
  if (!isIndexMediaType(mediaType)) return false;
  return !isLayerMediaType(entry.mediaType) && !/^application\/vnd\.buildkit\.cacheconfig\./.test(entry.mediaType);
}

function parse(bytes: Uint8Array): ManifestDocument {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Refusal('MANIFEST_INVALID', { message: `manifest is not JSON: ${(cause as Error).message}` });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Refusal('MANIFEST_INVALID', { message: 'manifest is not an object' });
  }
  return document;
}

function referencesOf(document: ManifestDocument, mediaType: string): readonly Descriptor[] {
  switch (mediaType) {
    case mediaTypes.ociIndex:
    case mediaTypes.dockerManifestList:
      return required(document.manifests, 'manifests');
    case mediaTypes.schema1Manifest:
    case mediaTypes.schema1SignedManifest:
      return required(document.fsLayers, 'fsLayers').map(({ blobSum: digest }) => ({ mediaType: '', digest, size: 0 }));
    default:
      if (document.config === undefined) throw new Refusal('MANIFEST_INVALID', { message: 'manifest has no config' });
      // Go writes an empty list as null, and docker-registry takes it.
      return [document.config, ...(document.layers === null ? [] : required(document.layers, 'layers'))];
  }
}

function required<T>(list: readonly T[] | undefined, name: string): readonly T[] {
  if (!Array.isArray(list)) throw new Refusal('MANIFEST_INVALID', { message: `manifest has no ${name}` });
  return list;
}

/**
 * A signed schema 1 manifest is named by what was signed, not by its bytes.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/schema1/manifest.go#L136-L160
 */
function digestOf(bytes: Uint8Array, { signatures }: ManifestDocument): Digest {
  const header = signatures?.[0]?.protected;
  if (header === undefined) return digestBytes(bytes);
  const { formatLength, formatTail } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
    formatLength: number;
    formatTail: string;
  };
  return digestBytes(Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, 'base64url')]));
}
