import { type Compression, contentOf, type Digest, digestBytes, shortDigest } from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { compressionOfMediaType, isNondistributableMediaType } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { BlobForm } from '../form/form.ts';
import { provenByContent } from '../knowledge.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { fixedBlob } from './fixed-blob.ts';
import { assertImageConsistent } from './invariants.ts';
import { layerForm } from './layer-form.ts';
import { assembleManifest, type ManifestFamily, manifestFamilyOf, warnOfLosses } from './manifest-assembly.ts';
import type { ImagePlan, PlanContext } from './plan-types.ts';

/**
 * Decides in which form each layer of an image goes, and what manifest will name them.
 *
 * @throws {PushError} ERR_PUSH_INVALID when config, manifest and layers contradict each other
 * @throws {PushError} ERR_PUSH_FORMAT when the wanted format cannot express the image
 */
export function planImage(image: SourceImage, context: PlanContext): Omit<ImagePlan, 'referrers'> {
  assertImageConsistent(image);
  const family = manifestFamilyOf(image, context.format);
  const compressions = image.layers.map((layer) => compressionFor(layer, image, family, context));
  const mislabelled = image.manifest === undefined ? [] : image.layers.filter((layer) => !isLabelRight(layer));
  const isConverted = context.format !== 'keep' || context.compression !== 'keep';
  const mayStay = goesVerbatim(image, family, compressions) && !(isConverted && mislabelled.length > 0);
  const verbatim = mayStay ? image.manifest : undefined;
  if (verbatim !== undefined) warnOfLabels(mislabelled, context);
  const { digest, bytes } = image.config;
  const config = fixedBlob('config', contentOf(bytes), provenByContent({ digest, size: bytes.byteLength }), {
    heldIn: image.heldIn,
  });
  if (verbatim === undefined) warnOfLosses(image, family, context);
  return {
    kind: 'image',
    image,
    layers: image.layers.map((layer, at) =>
      layerBlob(layer, { wanted: compressions[at] ?? 'gzip', isVerbatim: verbatim !== undefined, image, context }),
    ),
    config,
    verbatim,
    assemble: (layers) =>
      verbatim ??
      assembleManifest(
        family,
        image,
        layers.map((layer, at) => ({ layer, compression: compressions[at] ?? 'gzip' })),
      ),
  };
}

/** Whether the media type of a layer says how its bytes are compressed. */
function isLabelRight({ content, compression, descriptor }: SourceLayer): boolean {
  return (
    content === undefined || descriptor === undefined || compressionOfMediaType(descriptor.mediaType) === compression
  );
}

/** What is kept is kept with its mistakes: correcting them would change the digest of the image. */
function warnOfLabels(layers: readonly SourceLayer[], { warn }: PlanContext): void {
  for (const { diffID, compression, descriptor } of layers) {
    const bytes = compression === 'none' ? 'not compressed' : compression;
    warn({
      code: 'layer-mislabelled',
      message: `layer ${shortDigest(diffID)} is ${bytes}, and its media type says ${descriptor?.mediaType}; --format corrects it`,
    });
  }
}

function goesVerbatim(image: SourceImage, family: ManifestFamily, compressions: readonly Compression[]): boolean {
  if (!hasFamily(image, family)) return false;
  return image.layers.every((layer, at) => layer.content === undefined || layer.compression === compressions[at]);
}

function compressionFor(
  layer: SourceLayer,
  image: SourceImage,
  family: ManifestFamily,
  { compression }: PlanContext,
): Compression {
  if (layer.content === undefined) return layer.compression;
  const isNamed = isNamedByManifest(layer, image);
  // A docker archive holds layers as docker unpacked them: they go out as gzip, as docker push sends them.
  const kept = !isNamed && layer.compression !== 'gzip' && family === 'docker' ? 'gzip' : layer.compression;
  const wanted = compression !== 'keep' ? compression : !isNamed && kept === 'none' ? 'gzip' : kept;
  if (wanted !== 'zstd' || family !== 'docker') return wanted;
  // Docker's manifests have no such type; BuildKit writes one all the same, and what it wrote goes as it is.
  const isOfFamily = isNamed && manifestFamilyOf(image, 'keep') === family;
  if (layer.compression === 'zstd' && isOfFamily && isLabelRight(layer)) return wanted;
  if (compression !== 'zstd') return 'gzip';
  throw new PushError(
    'ERR_PUSH_FORMAT',
    `Could not plan layer ${layer.diffID}: a Docker manifest has no media type for zstd layers`,
    {
      op: 'plan',
      origin: 'request',
      hint: 'choose --format oci, or --compression gzip',
    },
  );
}

/** Whether a manifest says which blob the layer is: that of the image, or that of its base. */
function isNamedByManifest({ inherited }: SourceLayer, { manifest }: SourceImage): boolean {
  return manifest !== undefined || inherited !== undefined;
}

function hasFamily(image: SourceImage, family: ManifestFamily): boolean {
  return image.manifest !== undefined && manifestFamilyOf(image, 'keep') === family;
}

interface LayerBlobOptions {
  readonly wanted: Compression;
  readonly isVerbatim: boolean;
  readonly image: SourceImage;
  readonly context: PlanContext;
}

function layerBlob(layer: SourceLayer, { wanted, isVerbatim, image, context }: LayerBlobOptions): BlobToPush {
  const foreign = isForeign(layer) ? layer.descriptor : undefined;
  const isNamed = isNamedByManifest(layer, image);
  // The manifest of the source says what its layers are; a docker archive's foreign descriptor tells of other bytes than it holds.
  const named = isNamed || foreign === undefined ? layer.descriptor : undefined;
  // Without a manifest nobody has said which digest is which layer: a name in an archive is no proof.
  const checks = isNamed ? context : { ...context, verify: 'diffid' as const };
  const form = layer.content && layerForm({ ...layer, descriptor: named }, layer.content, wanted, checks);
  const isAsStored = isVerbatim || (layer.inherited !== undefined && layer.compression === wanted);
  const fixed = isAsStored && form?.identity !== undefined ? provenByContent(form.identity) : undefined;
  return {
    role: 'layer',
    id: shortDigest(layer.diffID),
    key: fixed?.digest ?? layer.diffID,
    recordKey: recordKeyOf(layer, wanted, form),
    form,
    fixed,
    sizeHint: form?.identity?.size ?? layer.content?.size ?? layer.descriptor?.size ?? 0,
    heldIn: layer.compression === wanted ? (layer.inherited ?? image).heldIn : undefined,
    foreign,
  };
}

/** Whether a layer stays where it is. One of an ordinary type only says where else it is: if it is here, it goes along. */
function isForeign({ descriptor, content }: SourceLayer): boolean {
  const hasURLs = (descriptor?.urls?.length ?? 0) > 0;
  return hasURLs && (content === undefined || isNondistributableMediaType(descriptor?.mediaType ?? ''));
}

/**
 * Docker's records say "the gzip form of this diffID"; any other form is kept under its own digest, so that neither side
 * is misled. An uncompressed layer's own digest *is* its diffID, so it gets a key that no layer has (decision 0016).
 */
function recordKeyOf(layer: SourceLayer, wanted: Compression, form: BlobForm | undefined): Digest | undefined {
  if (wanted === 'gzip') return layer.diffID;
  if (wanted === 'none') return digestBytes(new TextEncoder().encode(`uncompressed ${layer.diffID}`));
  return form?.identity?.digest;
}
