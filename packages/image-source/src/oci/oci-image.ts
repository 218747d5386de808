import type { AbortOptions, Digest } from '@slipway/digest';
import {
  type Descriptor,
  type DockerManifest,
  essentialMediaType,
  type ImageConfig,
  isAttestation,
  isForeign,
  isImageConfigMediaType,
  isLayerMediaType,
  isNondistributableMediaType,
  type OciManifest,
  type ParsedManifest,
  platformOfConfig,
} from '@slipway/manifest';
import { assertNotEmptied, imageConfigOf } from '../documents.ts';
import { invalidSource } from '../errors.ts';
import type { SourceArtifact, SourceBlob, SourceImage, SourceLayer, SourceNotice } from '../image-source.ts';
import type { ResolvedSourceLimits } from '../options.ts';
import type { OciBlob, OciBlobs } from './oci-blobs.ts';

/** What reading a manifest's content works with. */
export interface ImageReading extends AbortOptions {
  readonly blobs: OciBlobs;
  readonly limits: ResolvedSourceLimits;
  readonly unpaired: 'refuse' | 'carry';
  readonly onNotice: (notice: SourceNotice) => void;
  /** All bytes of a small blob, proven. */
  bytesOf(blob: OciBlob, digest: Digest): Promise<Uint8Array>;
}

/** An image or artifact as far as it is there. */
export interface ReadManifest {
  readonly item: SourceImage | SourceArtifact;
  readonly missing: readonly Digest[];
}

type Image = DockerManifest | OciManifest;

/** Blobs that are looked at side by side: a look is some waits for the disk, or for a registry. */
const blobsAtOnce = 8;

/**
 * Reads what a manifest names. What a runtime could run is an image; the rest is carried as it is: charts, signatures,
 * BuildKit's attestations, encrypted layers. Layers of the rest that a config pairs with diffIDs keep them, so that
 * they are compared as those of an image are.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID`
 */
export async function readManifestContent(
  parsed: Extract<ParsedManifest, Image | { readonly kind: 'oci-artifact-manifest' | 'schema1' }>,
  descriptor: Descriptor,
  manifest: SourceArtifact['manifest'],
  reading: ImageReading,
): Promise<ReadManifest> {
  switch (parsed.kind) {
    case 'oci-artifact-manifest':
      return await readArtifact(parsed.blobs, manifest, reading);
    case 'schema1': {
      const { readSchema1Image } = await import('./schema1-image.ts');
      return { item: await readSchema1Image(parsed, reading), missing: [] };
    }
    default:
      return await readImage(parsed, descriptor, manifest, reading);
  }
}

async function readImage(
  parsed: Image,
  descriptor: Descriptor,
  manifest: SourceArtifact['manifest'],
  reading: ImageReading,
): Promise<ReadManifest> {
  const { blobs, onNotice } = reading;
  const all = [parsed.config, ...parsed.layers];
  if (isAttestation(descriptor) || !mayHaveDiffIDs(parsed, reading)) return await readArtifact(all, manifest, reading);
  const blob = await blobs.findBlob(parsed.config);
  // Without its config, nobody can tell an image from an artifact: what else is missing is told all the same.
  if (blob === undefined) return await readArtifact(all, manifest, reading);
  const bytes = await reading.bytesOf(blob, parsed.config.digest);
  const config = configOf(bytes, parsed, reading);
  if (config === undefined) return await readArtifact(all, manifest, reading);
  const { diff_ids: diffIDs } = config.rootfs;
  if (diffIDs.length !== parsed.layers.length) {
    const counts = `expected ${diffIDs.length}, got ${parsed.layers.length}`;
    const message = `${blobs.labelOf(manifest.digest)}: invalid manifest, layers length mismatch: ${counts}`;
    if (isArtifact(parsed) || !parsed.layers.some(isKnown)) return await readArtifact(all, manifest, reading);
    if (reading.unpaired === 'refuse') throw invalidSource(message);
    onNotice({
      code: 'layer-unread',
      message: `${message}; it is carried as it is, and no layer is compared with its diffID`,
    });
    return await readArtifact(all, manifest, reading);
  }
  const layers = await readLayers(parsed.layers, diffIDs, reading);
  const isRunnable = !isArtifact(parsed) && layers.every(({ layer }) => layer !== undefined);
  if (!isRunnable) return await withDiffIDs(parsed, manifest, layers, reading);
  return {
    item: {
      kind: 'image',
      names: [],
      platform: platformOfConfig(config),
      config: { mediaType: parsed.config.mediaType, digest: parsed.config.digest, bytes },
      layers: layers.flatMap(({ layer }) => layer ?? []),
      manifest,
      ...heldIn(blobs),
    },
    missing: layers.flatMap(({ missing }) => missing),
  };
}

/** One layer of a manifest; undefined where its bytes are of a kind that nobody here can compare with a diffID. */
interface ReadLayer {
  readonly layer: SourceLayer | undefined;
  readonly missing: readonly Digest[];
}

async function readLayers(
  descriptors: readonly Descriptor[],
  diffIDs: readonly Digest[],
  reading: ImageReading,
): Promise<readonly ReadLayer[]> {
  return await sideBySide(descriptors, (descriptor, at) => readLayer(descriptor, diffIDs[at]!, reading), reading);
}

async function readLayer(descriptor: Descriptor, diffID: Digest, { blobs }: ImageReading): Promise<ReadLayer> {
  const { digest, mediaType } = descriptor;
  const isElsewhere = isForeign(descriptor);
  const mayBeAbsent = isElsewhere || isNondistributableMediaType(mediaType);
  const blob = mayBeAbsent ? await blobs.findForeignBlob(descriptor) : await blobs.findBlob(descriptor);
  if (!isKnown(descriptor)) return { layer: undefined, missing: blob ? [] : [digest] };
  if (blob === undefined) {
    const layer = { diffID, content: undefined, compression: 'none' as const, descriptor };
    return { layer, missing: isElsewhere ? [] : [digest] };
  }
  assertNotEmptied(blob.content, diffID, blobs.labelOf(digest));
  return { layer: { diffID, content: blob.content, compression: await blob.compression(), descriptor }, missing: [] };
}

async function readArtifact(
  descriptors: readonly Descriptor[],
  manifest: SourceArtifact['manifest'],
  { blobs: source, signal }: ImageReading,
): Promise<ReadManifest> {
  const found = await sideBySide(descriptors, (descriptor) => source.findBlob(descriptor), { signal });
  const blobs: SourceBlob[] = [];
  const missing: Digest[] = [];
  for (const [at, descriptor] of descriptors.entries()) {
    const blob = found[at];
    if (blob) blobs.push({ descriptor, content: blob.content });
    else missing.push(descriptor.digest);
  }
  return { item: { kind: 'artifact', names: [], manifest, blobs, ...heldIn(source) }, missing };
}

/** Looks at several blobs at once. Of failures, the first blob's is told, whichever came first. */
async function sideBySide<T>(
  descriptors: readonly Descriptor[],
  look: (descriptor: Descriptor, at: number) => Promise<T>,
  { signal }: AbortOptions,
): Promise<readonly T[]> {
  const seen: T[] = [];
  while (seen.length < descriptors.length) {
    signal?.throwIfAborted();
    const start = seen.length;
    const some = descriptors.slice(start, start + blobsAtOnce);
    for (const outcome of await Promise.allSettled(some.map((descriptor, at) => look(descriptor, start + at)))) {
      if (outcome.status === 'rejected') throw outcome.reason;
      seen.push(outcome.value);
    }
  }
  return seen;
}

/** An artifact whose layers are compared with their diffIDs, as far as they are of a known kind. */
async function withDiffIDs(
  { config, layers: descriptors }: Image,
  manifest: SourceArtifact['manifest'],
  layers: readonly ReadLayer[],
  reading: ImageReading,
): Promise<ReadManifest> {
  const { item, missing } = await readArtifact([config, ...descriptors], manifest, reading);
  if (item.kind !== 'artifact') throw new Error('unreachable: an artifact was read');
  const paired = new Map<SourceBlob['descriptor'], NonNullable<SourceBlob['layer']>>();
  for (const { layer } of layers) {
    if (layer?.descriptor === undefined || layer.content === undefined) continue;
    paired.set(layer.descriptor, { diffID: layer.diffID, compression: layer.compression });
  }
  const blobs = item.blobs.map((blob) => ({ ...blob, layer: paired.get(blob.descriptor) }));
  return { item: { ...item, blobs }, missing };
}

/** Whether the config may tell what the layers unpack to: reading it is worth the while. */
function mayHaveDiffIDs(parsed: Image, { limits }: ImageReading): boolean {
  if (isConfigOfImage(parsed)) return true;
  return parsed.config.size <= limits.maxDocumentBytes && parsed.layers.some(isKnown);
}

/** Undefined for what is no config of an image. Of an artifact's config, nobody expects anything. */
function configOf(bytes: Uint8Array, parsed: Image, { blobs, limits }: ImageReading): ImageConfig | undefined {
  const label = blobs.labelOf(parsed.config.digest);
  if (!isArtifact(parsed)) return imageConfigOf(bytes, limits.maxDocumentBytes, label);
  try {
    return imageConfigOf(bytes, limits.maxDocumentBytes, label);
  } catch {
    return undefined;
  }
}

function isArtifact(parsed: Image): boolean {
  const { artifactType } = parsed as Partial<OciManifest>;
  return (artifactType ?? '') !== '' || !isConfigOfImage(parsed);
}

/** Docker of 2016 wrote types that say nothing, and takes them for an image's when it pulls. */
const unsaidConfigTypes: ReadonlySet<string> = new Set([
  'text/html',
  'application/octet-stream',
  'application/json',
  'text/plain',
]);

function isConfigOfImage({ config, layers }: Image): boolean {
  const type = essentialMediaType(config.mediaType) ?? config.mediaType.toLowerCase();
  return isImageConfigMediaType(type) || (unsaidConfigTypes.has(type) && layers.length > 0 && layers.every(isKnown));
}

function isKnown({ mediaType }: Descriptor): boolean {
  return isLayerMediaType(mediaType);
}

function heldIn({ heldIn }: OciBlobs): { readonly heldIn?: string } {
  return heldIn === undefined ? {} : { heldIn };
}
