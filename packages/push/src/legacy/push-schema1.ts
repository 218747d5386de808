import { contentOf, type Digest, shortDigest } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { buildSchema1Manifest, emptyLayer, type UnsignedManifest } from '@slipway/manifest/schema1';
import { deliverContent } from '../deliver/blobs/content.ts';
import { planContent } from '../deliver/dry-run.ts';
import { emitPushed, putSeen } from '../deliver/manifests/manifest.ts';
import type { TagDelivery, TagResult } from '../deliver/manifests/tag-delivery.ts';
import { PushError, pushFailure } from '../errors.ts';
import { provenByContent } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import { fixedBlob } from '../plan/fixed-blob.ts';
import type { ImagePlan, ItemPlan, LayerDescriptor, Manifest } from '../plan/plan-types.ts';
import type { Target } from '../presence/target.ts';
import { assertImagePlan } from './legacy-image.ts';
import { signManifest } from './signed-manifest.ts';

/**
 * Pushes one image as a signed schema 1 manifest a tag: the layers as for schema 2, no config, and the blob of an empty
 * layer where the history has one.
 *
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/schema1/config_builder.go
 */
export async function pushSchema1Tags(
  plan: ItemPlan,
  target: Target,
  delivery: TagDelivery,
): Promise<readonly TagResult[]> {
  assertImagePlan(plan);
  const [tag = 'latest'] = delivery.tags;
  let digests: readonly Digest[] = [];
  const build = (layers: readonly Digest[], name: string): UnsignedManifest => unsignedOf(plan, layers, name, target);
  // What cannot be said in schema 1 is told before anything is sent.
  const { usesEmptyLayer } = build(
    plan.layers.map(({ key }) => key),
    tag,
  );
  const own: ImagePlan = {
    ...plan,
    verbatim: undefined,
    // Nothing but layers goes; a second naming of the top layer is one blob with the first.
    config: usesEmptyLayer ? emptyBlob : (plan.layers.at(-1) ?? emptyBlob),
    assemble(layers) {
      digests = layers.map(digestOf);
      const { bytes, digest } = build(digests, tag);
      return { mediaType: mediaTypes.schema1SignedManifest, bytes, digest };
    },
  };
  if (delivery.dryRun) {
    await planContent(own, target, delivery);
    return delivery.tags.map((name) => planned(name, build(digests, name), target));
  }
  await deliverContent(own, target, delivery);
  const results: TagResult[] = [];
  for (const name of delivery.tags) results.push(await putSigned(name, build(digests, name), target, delivery));
  return results;
}

/** Signs and puts a manifest under its tag. */
export async function putSigned(
  tag: string,
  unsigned: UnsignedManifest,
  target: Target,
  delivery: TagDelivery,
): Promise<TagResult> {
  try {
    const { sent, told } = await signManifest(unsigned, delivery);
    const { unchanged } = await putSeen(tag, sent, target, delivery);
    emitPushed(target, tag, told, unchanged);
    return { tag, manifest: told, unchanged };
  } catch (error) {
    delivery.scope.signal.throwIfAborted();
    return { tag, error: pushFailure(tag, { op: 'build manifest', origin: 'request', cause: error }) };
  }
}

/** The schema 1 manifest of an image whose layers have these digests. */
export function unsignedOf(plan: ImagePlan, layers: readonly Digest[], tag: string, target: Target): UnsignedManifest {
  const { config } = plan.image;
  try {
    return buildSchema1Manifest({ config: config.bytes, layers, name: target.repository.path, tag });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PushError('ERR_PUSH_FORMAT', `Could not plan ${shortDigest(config.digest)} as schema 1: ${why}`, {
      op: 'plan',
      origin: 'request',
      cause,
    });
  }
}

/** The blob of an empty layer. */
export const emptyBlob: BlobToPush = fixedBlob(
  'blob',
  contentOf(emptyLayer.bytes),
  provenByContent({ digest: emptyLayer.digest, size: emptyLayer.bytes.byteLength }),
);

function digestOf(layer: LayerDescriptor): Digest {
  return 'foreign' in layer ? layer.foreign.digest : layer.digest;
}

function planned(tag: string, { bytes, digest, size }: UnsignedManifest, target: Target): TagResult {
  const mediaType = mediaTypes.schema1SignedManifest;
  const { destination } = target;
  target.emit({ type: 'manifest:planned', destination, tag, digest, size, mediaType, unchanged: false });
  const manifest: Manifest = { mediaType, digest, bytes };
  return { tag, manifest, unchanged: false };
}
