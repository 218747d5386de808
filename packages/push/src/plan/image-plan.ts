import {
  type Compression,
  type Content,
  contentOf,
  type Digest,
  decompress,
  digestBytes,
  shortDigest,
} from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import type { Descriptor } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import { CheckedForm } from '../form/diff-id-check.ts';
import { type BlobForm, type BlobIdentity, storedForm, UnnamedForm } from '../form/form.ts';
import { MadeForm } from '../form/made-form.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { assembleManifest, type ManifestFamily, manifestFamilyOf, warnOfLosses } from './manifest-assembly.ts';
import type { Manifest, PlanContext, ReferrerPlan } from './plan.ts';

/** A push of one image, worked out once for all destinations. */
export interface ImagePlan {
  readonly kind: 'image';
  readonly image: SourceImage;
  /** Config last; repeated layers once each time. */
  readonly layers: readonly BlobToPush[];
  readonly config: BlobToPush;
  /** The manifest as the source has it, when it goes as it is. */
  readonly verbatim: Manifest | undefined;
  readonly referrers: readonly ReferrerPlan[];
  /** Builds the manifest once every layer has its descriptor. */
  assemble(layers: readonly LayerDescriptor[]): Manifest;
}

/** What a layer is in the manifest: its bytes, or the descriptor of a foreign layer that stays where it is. */
export type LayerDescriptor = BlobIdentity | { readonly foreign: Descriptor };

/**
 * Decides in which form each layer of an image goes, and what manifest will name them.
 *
 * @throws {PushError} ERR_PUSH_FORMAT when the wanted format cannot express the image
 */
export function planImage(image: SourceImage, context: PlanContext): Omit<ImagePlan, 'referrers'> {
  const family = manifestFamilyOf(image, context.format);
  const compressions = image.layers.map((layer) => compressionFor(layer, image, family, context));
  const verbatim = goesVerbatim(image, family, compressions) ? image.manifest : undefined;
  const { digest, bytes } = image.config;
  const config = fixedBlob('config', contentOf(bytes), { digest, size: bytes.byteLength }, image.heldIn);
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

/** A blob whose bytes and digest are given. */
export function fixedBlob(
  role: BlobToPush['role'],
  content: Content,
  identity: BlobIdentity,
  heldIn: string | undefined,
): BlobToPush {
  return {
    role,
    id: shortDigest(identity.digest),
    key: identity.digest,
    recordKey: identity.digest,
    form: storedForm(content, identity),
    fixed: identity,
    sizeHint: identity.size,
    heldIn,
    foreign: undefined,
  };
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
  // A docker archive holds layers as docker unpacked them: they go out as gzip, as docker push sends them.
  const kept =
    image.manifest === undefined && layer.compression !== 'gzip' && family === 'docker' ? 'gzip' : layer.compression;
  const wanted = compression !== 'keep' ? compression : image.manifest === undefined && kept === 'none' ? 'gzip' : kept;
  if (wanted !== 'zstd' || family !== 'docker') return wanted;
  // Docker's manifests have no such type; BuildKit writes one all the same, and what it wrote goes as it is.
  if (layer.compression === 'zstd' && hasFamily(image, family)) return wanted;
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
  const foreign = (layer.descriptor?.urls?.length ?? 0) > 0 ? layer.descriptor : undefined;
  // The manifest of the source says what its layers are; a docker archive's foreign descriptor tells of other bytes than it holds.
  const named = image.manifest !== undefined || foreign === undefined ? layer.descriptor : undefined;
  const form = layer.content && layerForm({ ...layer, descriptor: named }, layer.content, wanted, context);
  const fixed = isVerbatim && form !== undefined ? form.identity : undefined;
  return {
    role: 'layer',
    id: shortDigest(layer.diffID),
    key: fixed?.digest ?? layer.diffID,
    recordKey: recordKeyOf(layer, wanted, form),
    form,
    fixed,
    sizeHint: form?.identity?.size ?? layer.content?.size ?? layer.descriptor?.size ?? 0,
    heldIn: layer.compression === wanted ? image.heldIn : undefined,
    foreign,
  };
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

function layerForm(layer: SourceLayer, content: Content, wanted: Compression, context: PlanContext): BlobForm {
  if (layer.compression === wanted) {
    const { descriptor, diffID, compression } = layer;
    return context.form(`stored ${diffID} ${descriptor?.digest}`, () => {
      const form =
        descriptor !== undefined && descriptor.size === content.size
          ? storedForm(content, { digest: descriptor.digest, size: descriptor.size })
          : new UnnamedForm(content);
      const { proofs, signal } = context;
      return proofs === undefined ? form : new CheckedForm(form, { diffID, compression, proofs, signal });
    });
  }
  if (wanted === 'none') throw new Error('unreachable: nothing asks for uncompressed layers');
  const compressor = context.compressor(wanted);
  return context.form(
    `made ${layer.diffID} ${compressor.recipe}`,
    () =>
      new MadeForm({
        diffID: layer.diffID,
        openPlain: (options) =>
          layer.compression === 'none'
            ? content.open(options)
            : decompress(content.open({ signal: options.signal }), layer.compression, options),
        plain: layer.compression === 'none' ? content : undefined,
        readTotal: content.size,
        compressor,
        cache: context.cache,
        gate: context.gate,
        signal: context.signal,
      }),
  );
}
