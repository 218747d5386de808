import { type AbortOptions, contentOf, type Digest, digestBytes, shortDigest } from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { compressionOfMediaType, isForeign, isNondistributableMediaType, withDiffIDs } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { BlobForm } from '../form/form.ts';
import { identifyBlob } from '../form/identify-blob.ts';
import { LaterForm } from '../form/later-form.ts';
import { provenByContent } from '../knowledge.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { fixedBlob } from './fixed-blob.ts';
import { assertImageConsistent } from './invariants.ts';
import { layerForm } from './layer-form.ts';
import { compressionOf, formKey, hasTable, isMade, isUnmade, kindOf, type StoredKind, serves } from './layer-kind.ts';
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
  const family = familyFor(image, context);
  const wanted = image.layers.map((layer) => kindFor(layer, image, family, context));
  const mislabelled = image.manifest === undefined ? [] : image.layers.filter((layer) => !isLabelRight(layer));
  const isConverted = context.format !== 'keep' || context.compression !== 'keep';
  const mayStay = goesVerbatim(image, family, wanted, context) && !(isConverted && mislabelled.length > 0);
  const verbatim = mayStay ? image.manifest : undefined;
  if (verbatim !== undefined) {
    warnOfLabels(mislabelled, context);
    warnOfUnmade(wanted, context);
  }
  if (verbatim === undefined) warnOfLosses(image, family, context);
  const kinds = wanted.map((kind) => (isUnmade(kind) ? 'gzip' : kind)); // no manifest made here can name the others
  const sent = verbatim === undefined ? kinds : wanted;
  const layers = image.layers.map((layer, at) => layerBlob(layer, { wanted: sent[at] ?? 'gzip', image, context }));
  return {
    kind: 'image',
    image,
    layers,
    config: configBlob(image, kinds, layers, context),
    verbatim,
    assemble: (identities) =>
      verbatim ??
      assembleManifest(
        family,
        { ...image, config: madeConfig(image, layers) },
        identities.map((layer, at) => ({
          layer,
          compression: compressionOf(kinds[at] ?? 'gzip'),
          notes: layers[at]?.form?.notes,
        })),
      ),
  };
}

/** The config, which changes where a layer that is made here unpacks to other bytes than the one it is made of. */
function configBlob(
  image: SourceImage,
  kinds: readonly StoredKind[],
  layers: readonly BlobToPush[],
  context: PlanContext,
): BlobToPush {
  const { digest, bytes } = image.config;
  const changes = image.layers.some(
    (layer, at) => kinds[at] === 'estargz' && layer.content !== undefined && isMade(layer, 'estargz', context),
  );
  if (!changes) {
    const identity = provenByContent({ digest, size: bytes.byteLength });
    return fixedBlob('config', contentOf(bytes), identity, { heldIn: image.heldIn });
  }
  const form = context.form(`config ${digest} ${kinds.join(' ')}`, () => {
    const make = async (options: AbortOptions): Promise<Uint8Array> => {
      await Promise.all(layers.map((blob) => blob.form && identifyBlob(blob, blob.form, options)));
      return madeConfig(image, layers).bytes;
    };
    return new LaterForm(make, context.signal);
  });
  return {
    ...{ role: 'config', id: shortDigest(digest), form, fixed: undefined, heldIn: undefined, foreign: undefined },
    key: digestBytes(new TextEncoder().encode(`config ${digest} with layers ${kinds.join(' ')}`)),
    recordKey: undefined,
    sizeHint: bytes.byteLength,
  };
}

/** The config once all layers are made: with the diffIDs that they have. */
function madeConfig({ config, layers }: SourceImage, blobs: readonly BlobToPush[]): SourceImage['config'] {
  const diffIDs = layers.map(({ diffID }, at) => blobs[at]?.form?.notes?.diffID ?? diffID);
  if (layers.every(({ diffID }, at) => diffIDs[at] === diffID)) return config;
  const bytes = withDiffIDs(config.bytes, diffIDs);
  return { ...config, digest: digestBytes(bytes), bytes };
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
    if (isUnmade(compression)) continue; // told apart
    const bytes = compression === 'none' ? 'not compressed' : compression;
    warn({
      code: 'layer-mislabelled',
      message:
        `layer ${shortDigest(diffID)} is ${bytes}, and its media type says ${descriptor?.mediaType}; ` +
        '`format` corrects it',
    });
  }
}

/** A layer goes out in a form that few programs read. */
function warnOfUnmade(kinds: readonly StoredKind[], { warn }: PlanContext): void {
  const found = kinds.filter(isUnmade);
  if (found.length === 0) return;
  const layers = found.length === 1 ? '1 layer is' : `${found.length} layers are`;
  const message = `${layers} compressed with ${[...new Set(found)].join(' and ')}, which most runtimes cannot unpack`;
  warn({
    code: 'layer-unreadable',
    message: `${message}; not compared with the diffIDs. \`compression: gzip\` makes them anew`,
  });
}

function goesVerbatim(
  image: SourceImage,
  family: ManifestFamily,
  kinds: readonly StoredKind[],
  context: PlanContext,
): boolean {
  if (!hasFamily(image, family)) return false;
  return image.layers.every((layer, at) => layer.content === undefined || !isMade(layer, kinds[at] ?? 'gzip', context));
}

/**
 * An image without a manifest has none to keep: where Docker's has no place for the wanted layers, it becomes an OCI
 * image.
 */
function familyFor(image: SourceImage, { format, compression }: PlanContext): ManifestFamily {
  const isFree = format === 'keep' && image.manifest === undefined;
  const needsOci = compression !== 'keep' && (compressionOf(compression) === 'zstd' || hasTable(compression));
  return isFree && needsOci ? 'oci' : manifestFamilyOf(image, format);
}

function kindFor(layer: SourceLayer, image: SourceImage, family: ManifestFamily, context: PlanContext): StoredKind {
  const { compression } = context;
  const stored = kindOf(layer);
  if (isUnmade(stored) && staysUnmade(layer, image, context)) return stored;
  const own = isUnmade(stored) ? 'gzip' : stored;
  if (layer.content === undefined) return own;
  const isNamed = isNamedByManifest(layer, image);
  // A docker archive holds layers as docker unpacked them: they go out as gzip, as docker push sends them.
  const kept = !isNamed && compressionOf(own) !== 'gzip' && family === 'docker' ? 'gzip' : own;
  const wanted = compression !== 'keep' ? compression : !isNamed && kept === 'none' ? 'gzip' : kept;
  if (family !== 'docker') return wanted;
  if (compression === 'estargz' && !serves(stored, wanted))
    throw cannotName(layer, 'no annotation for a table of contents');
  if (compressionOf(wanted) !== 'zstd') return wanted;
  // Docker's manifests have no such type; BuildKit writes one all the same, and what it wrote goes as it is.
  const isOfFamily = isNamed && manifestFamilyOf(image, 'keep') === family;
  if (layer.compression === 'zstd' && isOfFamily && isLabelRight(layer)) return wanted;
  if (compression === 'keep') return 'gzip';
  throw cannotName(layer, 'no media type for zstd layers');
}

/** Without a wish for another form, a layer of a manifest stays as it is, whatever its kind. */
function staysUnmade(
  { content, descriptor }: SourceLayer,
  { manifest }: SourceImage,
  { format, compression }: PlanContext,
): boolean {
  const isNamed = manifest !== undefined && content?.size === descriptor?.size;
  return isNamed && format === 'keep' && compression === 'keep';
}

function cannotName({ diffID }: SourceLayer, why: string): PushError {
  return new PushError('ERR_PUSH_FORMAT', `Could not plan layer ${diffID}: a Docker manifest has ${why}`, {
    op: 'plan',
    origin: 'request',
    hint: 'choose `format: oci`, or `compression: gzip`',
  });
}

/** Whether a manifest says which blob the layer is: that of the image, or that of its base. */
function isNamedByManifest({ inherited }: SourceLayer, { manifest }: SourceImage): boolean {
  return manifest !== undefined || inherited !== undefined;
}

function hasFamily(image: SourceImage, family: ManifestFamily): boolean {
  return image.manifest !== undefined && manifestFamilyOf(image, 'keep') === family;
}

interface LayerBlobOptions {
  readonly wanted: StoredKind;
  readonly image: SourceImage;
  readonly context: PlanContext;
}

function layerBlob(layer: SourceLayer, { wanted, image, context }: LayerBlobOptions): BlobToPush {
  const foreign = staysElsewhere(layer) ? layer.descriptor : undefined;
  const isNamed = isNamedByManifest(layer, image);
  // The manifest of the source says what its layers are; a docker archive's foreign descriptor tells of other bytes
  // than it holds.
  const named = isNamed || foreign === undefined ? layer.descriptor : undefined;
  // Without a manifest nobody has said which digest is which layer: a name in an archive is no proof.
  const checks = isNamed ? context : { ...context, verify: 'diffid' as const };
  const form = layer.content && layerForm({ ...layer, descriptor: named }, layer.content, wanted, checks);
  // The bytes that a manifest names go as they are: a record of the diffID may tell of another compression of it.
  const isAsStored = isNamed && !isMade(layer, wanted, context);
  const fixed = isAsStored && form?.identity !== undefined ? provenByContent(form.identity) : undefined;
  return {
    role: 'layer',
    id: shortDigest(layer.diffID),
    key: fixed?.digest ?? formKey(layer, wanted),
    recordKey: recordKeyOf(layer, wanted, form, context),
    form,
    fixed,
    sizeHint: form?.identity?.size ?? layer.content?.size ?? layer.descriptor?.size ?? 0,
    heldIn: isMade(layer, wanted, context) ? undefined : (layer.inherited ?? image).heldIn,
    foreign,
  };
}

/**
 * Whether a layer stays where it is. One of an ordinary type only says where else it is: if it is here, it goes along.
 */
function staysElsewhere({ descriptor, content }: SourceLayer): boolean {
  if (descriptor === undefined || !isForeign(descriptor)) return false;
  return content === undefined || isNondistributableMediaType(descriptor.mediaType);
}

/**
 * Docker's records say "the gzip form of this diffID"; any other form is kept under its own digest, so that neither
 * side is misled. What is to be made anew is not found in records of how it was made before.
 */
function recordKeyOf(
  layer: SourceLayer,
  wanted: StoredKind,
  form: BlobForm | undefined,
  { recompress }: PlanContext,
): Digest | undefined {
  const isOneForm = wanted === 'none' || (wanted === 'gzip' && !recompress);
  return isOneForm ? formKey(layer, wanted) : form?.identity?.digest;
}
