import { type Digest, decompress, digestBytes, digestStream, verified } from '@slipway/digest';
import { mediaTypes, platformOfConfig, type Schema1Manifest } from '@slipway/manifest';
import { configFromV1 } from '@slipway/manifest/schema1';
import { imageConfigOf, parseJson } from '../documents.ts';
import { invalidSource } from '../errors.ts';
import type { SourceImage, SourceLayer } from '../image-source.ts';
import type { ImageReading } from './oci-image.ts';

/** What is looked at of a `v1Compatibility` text. */
interface Step {
  readonly json: Uint8Array;
  /** The step made no layer: the blob it names stands for nothing. */
  readonly isThrowaway: boolean;
}

/**
 * An image that is kept as schema 1, made into a modern one as docker does when it pulls: its config comes out of the
 * history. Schema 1 names no diffIDs, so every layer is read once, and compared with its digest, to find them out.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID`
 * @see https://github.com/moby/moby/blob/v25.0.0/distribution/pull_v2.go#L588-L672
 */
export async function readSchema1Image(manifest: Schema1Manifest, reading: ImageReading): Promise<SourceImage> {
  const { blobs, limits, signal } = reading;
  const label = `the schema 1 manifest of ${JSON.stringify(blobs.name)}`;
  // Oldest first, as everywhere else.
  const steps = manifest.history.map((text, at) => stepOf(text, `${label}, history[${at}]`)).toReversed();
  const digests = manifest.fsLayers.toReversed();
  const layers: SourceLayer[] = [];
  const diffIDs: (Digest | undefined)[] = [];
  for (const [at, { isThrowaway }] of steps.entries()) {
    signal?.throwIfAborted();
    const layer = isThrowaway ? undefined : await readLayer(digests[at]!, reading);
    diffIDs.push(layer?.diffID);
    if (layer !== undefined) layers.push(layer);
  }
  const bytes = configOf(steps, diffIDs, label);
  const config = imageConfigOf(bytes, limits.maxDocumentBytes, label);
  if (config === undefined) throw new Error('unreachable: the config was made with a rootfs');
  const { heldIn } = blobs;
  return {
    kind: 'image',
    names: [],
    platform: platformOfConfig(config),
    config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(bytes), bytes },
    layers,
    manifest: undefined,
    ...(heldIn === undefined ? {} : { heldIn }),
  };
}

function stepOf(text: string, label: string): Step {
  const json = new TextEncoder().encode(text);
  const { throwaway } = (parseJson(json, label) ?? {}) as { readonly throwaway?: unknown };
  return { json, isThrowaway: throwaway === true };
}

async function readLayer(digest: Digest, { blobs, signal }: ImageReading): Promise<SourceLayer> {
  const label = blobs.labelOf(digest);
  const size = await blobs.sizeOf(digest);
  const descriptor = { mediaType: mediaTypes.dockerLayerGzip, digest, size: size ?? 0 };
  const blob = size === undefined ? undefined : await blobs.findBlob(descriptor);
  if (size === undefined || blob === undefined)
    throw invalidSource(`${label}, a layer, is missing, or its size is not told`);
  const compression = await blob.compression();
  if (compression === 'xz' || compression === 'bzip2')
    throw invalidSource(`${label} is compressed with ${compression}`);
  const diffID = await blobs.retry(async () => {
    const stored = verified(blob.content.open({ signal }), { digest, size });
    return (await digestStream(decompress(stored, compression, { signal }), { signal })).digest;
  });
  return { diffID, content: blob.content, compression, descriptor };
}

function configOf(steps: readonly Step[], diffIDs: readonly (Digest | undefined)[], label: string): Uint8Array {
  try {
    return configFromV1({ chain: steps.map(({ json }) => json), diffIDs });
  } catch (cause) {
    throw invalidSource(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
