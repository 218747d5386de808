import { abortable } from '@slipway/transfer';
import { answered } from '../../answered.ts';
import { codeOf } from '../../error-code.ts';
import { PushError } from '../../errors.ts';
import type { Manifest } from '../../plan/plan-types.ts';
import { namesManifest } from '../../presence/existence.ts';
import type { Target } from '../../presence/target.ts';
import { signatureReferrer, withSignatures } from '../../sign/signature-manifest.ts';
import { type SignedManifest, signedManifests } from '../../sign/signed-manifests.ts';
import type { ImageSignature, PushSigning, Signature } from '../../sign/signer.ts';
import {
  configDescriptor,
  type SignedPayload,
  signatureOf,
  signatureTag,
  signedPayload,
  signingPayload,
} from '../../sign/simple-signing.ts';
import { emitPushed } from './manifest.ts';
import { deliverMade, hasSignature, readSignatures, type SignaturesThere } from './signature-list.ts';
import { listAsReferrers } from './subjects.ts';
import type { TagDelivery, TagResult, TagSigning } from './tag-delivery.ts';

/** Signatures by what the image is said to be. */
export type SignaturesByIdentity = ReadonlyMap<string, readonly ImageSignature[]>;

const none: SignaturesByIdentity = new Map();
/** Others may sign the same manifest at the same time. */
const rewrites = 5;

/**
 * Signs a manifest that the repository has, and the images that it lists, once for each identity. Signatures of others
 * stay; one of the same signer for the same identity is taken as it is. They are there before any tag is.
 *
 * @throws {PushError} ERR_PUSH_FAILED when they cannot be made, or the registry does not take them
 */
export async function deliverSignatures(
  manifest: Manifest,
  target: Target,
  delivery: TagDelivery,
): Promise<SignaturesByIdentity> {
  if (delivery.signing === undefined) return none;
  const { signer } = delivery.signing;
  const identities = identitiesOf(delivery.signing);
  const { signal } = delivery.scope;
  const subjects = await subjectsOf(manifest, target, delivery);
  const perSubject = await delivery.scope.all(
    subjects.map((subject) => async () => {
      // Two pushes of one process must not write over each other's.
      const name = `sign ${target.name} ${subject.digest}`;
      return await delivery.turns.take(name, Symbol(name), async (before) => {
        if (before !== undefined) await abortable(before, signal);
        return await signOne(subject, { signer, identities }, target, delivery);
      });
    }),
  );
  return byIdentity(perSubject.flat());
}

/** Tells which signatures a push would add. Nothing is signed. */
export async function planSignatures(
  manifest: Manifest,
  target: Target,
  delivery: TagDelivery,
): Promise<SignaturesByIdentity> {
  if (delivery.signing === undefined) return none;
  const { signer } = delivery.signing;
  const identities = identitiesOf(delivery.signing);
  const planned: ImageSignature[] = [];
  for (const subject of await subjectsOf(manifest, target, delivery)) {
    const tag = signatureTag(subject.digest);
    const there = await readSignatures(tag, target, delivery);
    for (const identity of identities) {
      const own = await ownSignature(signingPayload(subject.digest, identity), there, signer, delivery);
      const referrer = own && signatureReferrer(own, subject).manifest;
      const isListed = referrer && (await namesManifest(referrer.digest, referrer, target, delivery.scope));
      const unchanged = isListed === true;
      const digest = own && there?.content.digest;
      planned.push({ subject: subject.digest, identity, tag, digest, referrer: referrer?.digest, unchanged });
      const text = `${tag}: ${unchanged ? 'is signed already' : 'would be signed'} as ${identity}`;
      target.emit({ type: 'message', destination: target.destination, text });
    }
  }
  return byIdentity(planned);
}

function identitiesOf({ identities }: TagSigning): readonly string[] {
  return [...new Set(identities.values())];
}

async function subjectsOf(
  manifest: Manifest,
  { repository }: Target,
  { scope: { signal } }: TagDelivery,
): Promise<readonly SignedManifest[]> {
  return await signedManifests(
    manifest,
    async (digest, options) => (await repository.getManifest(digest, options))?.bytes,
    { signal },
  );
}

type Signing = Pick<PushSigning, 'signer'> & { readonly identities: readonly string[] };

async function signOne(
  subject: SignedManifest,
  { signer, identities }: Signing,
  target: Target,
  delivery: TagDelivery,
): Promise<readonly ImageSignature[]> {
  const { signal } = delivery.scope;
  const tag = signatureTag(subject.digest);
  let there = await readSignatures(tag, target, delivery);
  const own = new Map<string, { readonly signed: SignedPayload; readonly isNew: boolean }>();
  for (const identity of identities) {
    const payload = signingPayload(subject.digest, identity);
    const known = await ownSignature(payload, there, signer, delivery);
    const signed = known ?? signedPayload(payload, await signatureBy(signer, payload, signal));
    own.set(identity, { signed, isNew: known === undefined });
  }
  const wanted = [...own.values()].map(({ signed }) => signed);
  for (let written = 0; ; written += 1) {
    const missing = wanted.filter((signed) => !hasSignature(there, signed.descriptor));
    if (missing.length === 0) break;
    if (written === rewrites) throw lost(tag, target);
    const made = withSignatures(
      there?.content,
      missing.map(({ descriptor }) => descriptor),
    );
    const payloads = missing.map(({ payload }) => payload);
    await deliverMade(tag, { ...made, blobs: [...made.blobs, ...payloads] }, target, delivery);
    emitPushed(target, tag, made.manifest, false);
    there = await readSignatures(tag, target, delivery);
  }
  const digest = there?.content.digest;
  const made: ImageSignature[] = [];
  for (const [identity, { signed, isNew }] of own) {
    const referrer = signatureReferrer(signed, subject);
    const isThere = await namesManifest(referrer.manifest.digest, referrer.manifest, target, delivery.scope);
    if (!isThere) await deliverMade(referrer.manifest.digest, referrer, target, delivery);
    await listAsReferrers([referrer.manifest], target, delivery);
    const unchanged = !isNew && isThere;
    made.push({ subject: subject.digest, identity, tag, digest, referrer: referrer.manifest.digest, unchanged });
  }
  return made;
}

/** @throws {PushError} ERR_PUSH_FAILED when there is none, or what was answered is none */
async function signatureBy(
  signer: PushSigning['signer'],
  payload: Uint8Array,
  signal: AbortSignal,
): Promise<Signature> {
  try {
    const made: unknown = await answered(signer.sign(payload, { signal }), signal);
    if (isSignature(made)) return made;
    throw new TypeError('the signer answered no signature: expected `{ bytes: Uint8Array, annotations? }`');
  } catch (cause) {
    return cannotSign(cause, signal);
  }
}

async function isBy(
  signer: PushSigning['signer'],
  payload: Uint8Array,
  signature: Signature,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await answered(signer.verify(payload, signature, { signal }), signal);
  } catch (cause) {
    return cannotSign(cause, signal);
  }
}

function isSignature(made: unknown): made is Signature {
  const { bytes, annotations = {} } = (made ?? {}) as { readonly bytes?: unknown; readonly annotations?: unknown };
  if (!(bytes instanceof Uint8Array) || bytes.byteLength === 0) return false;
  if (typeof annotations !== 'object' || annotations === null || Array.isArray(annotations)) return false;
  return Object.values(annotations).every((value) => typeof value === 'string');
}

async function ownSignature(
  payload: Uint8Array,
  there: SignaturesThere | undefined,
  signer: PushSigning['signer'],
  { scope: { signal } }: TagDelivery,
): Promise<SignedPayload | undefined> {
  const { digest } = configDescriptor(payload);
  for (const layer of there?.layers ?? []) {
    const signature = layer.digest === digest ? signatureOf(layer) : undefined;
    if (signature !== undefined && (await isBy(signer, payload, signature, signal)))
      return signedPayload(payload, signature);
  }
  return undefined;
}

/** Says of a tag which signatures it has. */
export function withSignaturesOf(
  result: TagResult,
  signatures: SignaturesByIdentity,
  delivery: TagDelivery,
): TagResult {
  const identity = delivery.signing?.identities.get(result.tag);
  if (identity === undefined || 'error' in result) return result;
  return { ...result, signatures: signatures.get(identity) ?? [] };
}

function byIdentity(signatures: readonly ImageSignature[]): SignaturesByIdentity {
  const found = new Map<string, ImageSignature[]>();
  for (const signature of signatures) {
    found.set(signature.identity, [...(found.get(signature.identity) ?? []), signature]);
  }
  return found;
}

function cannotSign(cause: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  const code = codeOf(cause);
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new PushError('ERR_PUSH_FAILED', `Could not sign: ${code === undefined ? '' : `${code}: `}${why}`, {
    op: 'sign',
    origin: 'machine',
    cause,
  });
}

function lost(tag: string, { destination }: Target): PushError {
  const message = `Could not sign ${destination}: ${tag} lost the signature ${rewrites} times`;
  return new PushError('ERR_PUSH_FAILED', message, {
    op: 'sign',
    origin: 'destination',
    hint: 'another push writes it at the same time: push again',
  });
}
