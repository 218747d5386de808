import { contentOf } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import type { ManifestContent } from '@slipway/registry-client';
import { PushError, pushFailure } from '../../errors.ts';
import { provenByContent } from '../../knowledge.ts';
import { fixedBlob } from '../../plan/fixed-blob.ts';
import type { ArtifactPlan } from '../../plan/plan-types.ts';
import type { Target } from '../../presence/target.ts';
import { type ManifestWithBlobs, signatureLayers } from '../../sign/signature-manifest.ts';
import { configDescriptor, signatureOf } from '../../sign/simple-signing.ts';
import { deliverContent, resending } from '../blobs/content.ts';
import type { Delivery } from '../delivery.ts';
import { deliverManifest } from './manifest.ts';

/** The signatures that a subject has. */
export interface SignaturesThere {
  readonly content: ManifestContent;
  readonly layers: readonly Descriptor[];
}

/**
 * Reads what a tag of signatures has; undefined where there is nothing.
 *
 * @throws {PushError} ERR_PUSH_FAILED when it is something else, or cannot be read
 */
export async function readSignatures(
  tag: string,
  target: Target,
  { scope: { signal } }: Delivery,
): Promise<SignaturesThere | undefined> {
  const content = await target
    .ask((repository) => repository.getManifest(tag, { signal }), { signal })
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw pushFailure(`${tag} at ${target.destination}`, { op: 'sign', origin: 'destination', cause });
    });
  if (content === undefined) return undefined;
  const layers = signatureLayers(content);
  if (layers !== undefined) return { content, layers };
  throw new PushError(
    'ERR_PUSH_FAILED',
    `Could not sign ${target.destination}: ${tag} is no list of signatures, and is not written over`,
    { op: 'sign', origin: 'destination', hint: `check what ${tag} is, and delete it if it is not needed` },
  );
}

/** Whether a signature is among them. */
export function hasSignature(there: Pick<SignaturesThere, 'layers'> | undefined, descriptor: Descriptor): boolean {
  const wanted = signatureOf(descriptor);
  return (there?.layers ?? []).some((layer) => {
    const found = layer.digest === descriptor.digest ? signatureOf(layer) : undefined;
    return found !== undefined && wanted !== undefined && Buffer.compare(found.bytes, wanted.bytes) === 0;
  });
}

/** Brings a manifest of signatures into the repository. */
export async function deliverMade(
  tagOrDigest: string,
  { manifest, blobs }: ManifestWithBlobs,
  target: Target,
  delivery: Delivery,
): Promise<void> {
  const plan: ArtifactPlan = {
    kind: 'artifact',
    blobs: blobs.map((bytes) => fixedBlob('blob', contentOf(bytes), provenByContent(configDescriptor(bytes)))),
    verbatim: manifest,
    referrers: [],
  };
  await deliverContent(plan, target, delivery);
  await deliverManifest(tagOrDigest, manifest, target, delivery, { resend: resending(plan, target, delivery) });
}
