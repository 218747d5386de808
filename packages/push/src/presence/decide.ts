import { attemptLimits, type LayerRecord } from '@slipway/metadata-store';
import { PushError } from '../errors.ts';
import type { BlobForm } from '../form/form.ts';
import { identifyBlob } from '../form/identify-blob.ts';
import { believed, type ClaimedIdentity, type ProvenIdentity, provenByContent } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { BlobAttemptOptions } from './attempts.ts';
import type { DecisionReason } from './decision-reason.ts';
import { findRecorded, isSeen } from './existence.ts';
import { mountCandidatesOf } from './mount.ts';
import type { Target } from './target.ts';

/** What is to be done about one blob. */
export type Decision =
  | { readonly kind: 'skip'; readonly reason: DecisionReason }
  | {
      readonly kind: 'exists';
      readonly reason: DecisionReason;
      readonly identity: ProvenIdentity;
      readonly learnt: boolean;
    }
  | { readonly kind: 'mount'; readonly reason: DecisionReason; readonly candidates: readonly LayerRecord[] }
  | {
      readonly kind: 'upload';
      readonly reason: DecisionReason;
      readonly form: BlobForm;
      /** Whether the registry may be asked whether it has the blob already, and believed. */
      readonly mayAsk: boolean;
    };

/**
 * Decides what to do about one blob, cheapest first: it is there, it can be mounted, it has to be sent. Asks the
 * registry, and writes nothing. Where a mount was declined, the same question leads to the next best answer.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when the blob has to be read and cannot be
 * @see push-behaviour c.5, moby v25.0.0 distribution/push_v2.go Upload
 */
export async function decide(blob: BlobToPush, target: Target, options: BlobAttemptOptions): Promise<Decision> {
  if (blob.foreign !== undefined && (!target.allowNondistributable || blob.form === undefined))
    return { kind: 'skip', reason: 'foreign' };
  const { presence, memory } = target;
  const present = presence.blob(blob.key);
  if (present !== undefined) return { kind: 'exists', reason: 'delivered', identity: present.identity, learnt: false };
  const { form } = blob;
  if (form === undefined) throw missingContent(blob);
  if (!presence.believesAnything || !presence.believes(form.identity?.digest))
    return { kind: 'upload', reason: 'forced', form, mayAsk: false };

  const { attempts, signal } = options;
  const learnt = await confirmClaim(blob, form, target, options);
  if (learnt !== undefined) return { kind: 'exists', reason: 'learnt', identity: learnt, learnt: true };

  const records = await memory.records(blob);
  const limits = attemptLimits(blob.sizeHint);
  const { checked } = attempts;
  if (!attempts.mountsTried) {
    const candidates = mountCandidatesOf(blob, target, { records, max: limits.mounts });
    // A repository that the registry does not know can only have what was sent to it just now: the rest is mounted.
    const others = !presence.isRepositoryUnknown || candidates.length === 0;
    const recorded = await findRecorded(blob, target, { records, others, attempts: 1, checked, signal });
    if (recorded !== undefined) return { kind: 'exists', reason: 'recorded', identity: recorded, learnt: false };
    if (candidates.length > 0) return { kind: 'mount', reason: 'recorded elsewhere', candidates };
  }
  const left = limits.existenceChecks - checked.size;
  if (left > 0) {
    const further = { records, others: limits.otherRepositories, attempts: left, checked, signal };
    const recorded = await findRecorded(blob, target, further);
    if (recorded !== undefined) return { kind: 'exists', reason: 'recorded', identity: recorded, learnt: false };
  }
  return { kind: 'upload', reason: 'not known', form, mayAsk: presence.believes(form.identity?.digest) };
}

/**
 * What a manifest in the repository claims of a layer, once it is more than a claim: our own encoder makes the same
 * bytes, or the user chose to believe it; and the registry says that it has them.
 */
async function confirmClaim(
  blob: BlobToPush,
  form: BlobForm,
  target: Target,
  { attempts: { checked }, learn, signal }: BlobAttemptOptions,
): Promise<ProvenIdentity | undefined> {
  const { recordKey } = blob;
  const claim = blob.fixed === undefined && recordKey !== undefined ? target.presence.claims.get(recordKey) : undefined;
  if (claim === undefined || checked.has(claim.digest) || !target.presence.believes(claim.digest)) return undefined;
  const identity = learn === 'trust' ? believed(claim) : await provenClaim(claim, blob, form, signal);
  if (identity === undefined) {
    target.presence.dropClaims(); // another tool compressed that image: its other layers are no better guesses
    return undefined;
  }
  checked.add(identity.digest);
  if ((await isSeen(identity, target, { signal })) !== true) return undefined;
  if (learn === 'trust') target.memory.keepClaim(recordKey as typeof claim.digest, claim);
  else target.memory.add(blob, identity);
  return identity;
}

/** Compresses the layer here and compares. @returns undefined when the claim is of other bytes than ours */
async function provenClaim(
  claim: ClaimedIdentity,
  blob: BlobToPush,
  form: BlobForm,
  signal: AbortSignal | undefined,
): Promise<ProvenIdentity | undefined> {
  const own = await identifyBlob(blob, form, { signal });
  return own.digest === claim.digest && own.size === claim.size ? provenByContent(own) : undefined;
}

function missingContent(blob: BlobToPush): PushError {
  return new PushError(
    'ERR_PUSH_FAILED',
    `Could not push layer ${blob.id}: the source does not carry its bytes, and names no URL where they are`,
    {
      op: 'read',
      origin: 'source',
      descriptor: blob.foreign,
      hint: 'save the image again, with all of its layers',
    },
  );
}
