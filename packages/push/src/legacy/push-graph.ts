import { type AbortOptions, type Digest, encodedOf, parseDigest } from '@slipway/digest';
import { tarSum } from '@slipway/digest/tarsum';
import { buildGraphManifest } from '@slipway/manifest/schema1';
import type { TagDelivery, TagResult } from '../deliver/manifests/tag-delivery.ts';
import { pushFailure } from '../errors.ts';
import type { BlobSubject } from '../events.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import type { Target } from '../presence/target.ts';
import { graphFailure } from './graph-failure.ts';
import { assertImagePlan, type ChainImage, chainOf, PlainLayer } from './legacy-image.ts';
import { putSigned } from './push-schema1.ts';

/** What a TarSum begins with. */
const label = 'tarsum.v1+sha256';

/**
 * Pushes as Docker 1.5 did: top first, each layer's plain tar in one PUT under its TarSum, unless a HEAD finds it
 * there; then a signed manifest a tag. Nothing is tried twice.
 *
 * @see https://github.com/moby/moby/blob/d172f1253a/graph/push.go
 */
export async function pushGraphTags(
  plan: ItemPlan,
  target: Target,
  delivery: TagDelivery,
): Promise<readonly TagResult[]> {
  const { signal } = delivery.scope;
  assertImagePlan(plan);
  const chain = chainOf(plan.image).toReversed();
  const sums = new Map<Digest, string>();
  const layers: { checksum: string; json: Uint8Array }[] = [];
  for (const image of chain) {
    signal.throwIfAborted();
    const known = sums.get(image.diffID);
    const checksum = known ?? (await pushLayer(image, target, { signal }));
    sums.set(image.diffID, checksum);
    layers.push({ checksum, json: image.json });
  }
  const architecture = plan.image.platform?.architecture ?? '';
  const results: TagResult[] = [];
  for (const tag of delivery.tags) {
    const unsigned = buildGraphManifest({ name: target.repository.path, tag, architecture, layers });
    results.push(await putSigned(tag, unsigned, target, delivery));
  }
  return results;
}

async function pushLayer(image: ChainImage, target: Target, { signal }: AbortOptions): Promise<string> {
  const { diffID } = image;
  const subject: BlobSubject = {
    destination: target.destination,
    role: 'layer',
    id: image.id.slice(0, 12),
    key: diffID,
  };
  const kept = await target.memory.tarSum(diffID);
  const plain = new PlainLayer(image);
  let isSending = false;
  let checksum = kept === undefined ? undefined : `${label}:${encodedOf(kept)}`;
  try {
    // Docker's own digests would not pass here: these registries name blobs by TarSum.
    if (checksum !== undefined && (await target.repository.statBlob(checksum as Digest, { signal })) !== undefined) {
      const { size } = image.stored;
      const words = 'Image already exists';
      target.emit({ type: 'blob:existed', blob: subject, digest: diffID, size, learnt: false, words });
      return checksum;
    }
    target.emit({ type: 'blob:message', blob: subject, text: 'Buffering to Disk' });
    checksum ??= await tarSum(plain.open({ signal }), '1', { signal });
    isSending = true;
    const name = checksum as Digest;
    const content = await plain.content({ signal });
    const begun = await target.repository.beginUpload({ signal });
    if (begun.kind === 'session') {
      await using session = begun.session;
      await session.put(content, name, {
        signal,
        onProgress: (sent) =>
          target.emit({
            type: 'blob:progress',
            blob: subject,
            sent,
            size: content.size,
            read: sent,
            readTotal: content.size,
          }),
      });
    }
    if (kept === undefined) target.memory.keepTarSum(diffID, digestOf(checksum));
    const words = 'Image successfully pushed';
    target.emit({ type: 'blob:pushed', blob: subject, digest: diffID, size: content.size, words });
    return checksum;
  } catch (error) {
    signal?.throwIfAborted();
    target.emit({ type: 'blob:message', blob: subject, text: 'Image push failed' });
    const { path } = target.repository;
    const what = isSending ? `trying to push ${path} blob` : `trying head request for ${path}`;
    const cause = graphFailure(plain.blame(error), `${what} - ${checksum}`);
    throw pushFailure(`${subject.id} to ${target.destination}`, { op: 'push layer', origin: 'destination', cause });
  }
}

/** The TarSum's hash in the form the store keeps. */
function digestOf(checksum: string): Digest {
  return parseDigest(checksum.slice(checksum.indexOf('+') + 1));
}
