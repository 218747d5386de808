import type { AbortOptions, Digest } from '@slipway/digest';
import { attemptLimits } from '@slipway/metadata-store';
import type { UploadSession } from '@slipway/registry-client';
import { PushError } from '../errors.ts';
import type { BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { SendProgress } from '../upload/send-blob.ts';
import { uploadBlob } from '../upload/upload-blob.ts';
import { findExisting } from './existence.ts';
import { tryMounts } from './mount.ts';
import type { BlobOutcome, Target } from './target.ts';

/** What survives from one attempt at a blob to the next. */
export class BlobAttempts {
  /** Digests whose presence was asked for; a retry does not ask again. */
  readonly checked: Set<Digest> = new Set();
  /** Sessions that a declined mount left open cannot be trusted everywhere (Nexus: sonatype/nexus-public#967): after a failure in one, none is used. */
  mountsTrusted = true;
  /** Everything was sent, and no word came back: the registry may have it. */
  mayBeThere = false;
  /** An upload could not be taken up though the registry may still have it: it is asked once more. */
  resumeFailed = false;
}

export interface EnsureBlobOptions extends AbortOptions {
  readonly attempts: BlobAttempts;
  readonly onProgress: (progress: SendProgress) => void;
  /** Told how many bytes the registry has acknowledged. */
  readonly onAcknowledged: (offset: number) => void;
}

/**
 * Makes one blob present in a repository by the cheapest means: known to be there, found, mounted, or uploaded.
 *
 * @throws {PushError} ERR_PUSH_FAILED, with its origin
 * @see push-behaviour c.5, moby v25.0.0 distribution/push_v2.go Upload
 */
export async function ensureBlob(blob: BlobToPush, target: Target, options: EnsureBlobOptions): Promise<BlobOutcome> {
  if (blob.foreign !== undefined && (!target.allowNondistributable || blob.form === undefined))
    return { kind: 'skipped' };
  const present = target.present.get(blob.key);
  if (present !== undefined) return { kind: 'existed', identity: present, learnt: false };
  const { form } = blob;
  if (form === undefined) throw missingContent(blob);

  const { attempts, signal } = options;
  const learnt = await confirmLearnt(blob, target, attempts, signal);
  if (learnt !== undefined) return { kind: 'existed', identity: learnt, learnt: true };

  const records = await target.memory.records(blob);
  const limits = attemptLimits(blob.sizeHint);
  const check = { records, checked: attempts.checked, signal };
  const existing = await findExisting(blob, target, { ...check, others: true, attempts: 1 });
  if (existing !== undefined) return found(blob, target, existing);

  let session: UploadSession | undefined;
  if (attempts.mountsTrusted) {
    const mount = await tryMounts(blob, target, { records, max: limits.mounts, signal });
    if (mount.kind === 'mounted') {
      target.present.set(blob.key, mount.identity);
      return mount;
    }
    session = mount.session;
  }
  const checksLeft = limits.existenceChecks - attempts.checked.size;
  if (checksLeft > 0) {
    const further = await findExisting(blob, target, {
      ...check,
      others: limits.otherRepositories,
      attempts: checksLeft,
    });
    if (further !== undefined) {
      await session?.[Symbol.asyncDispose]();
      return found(blob, target, further);
    }
  }
  return uploadBlob(blob, form, target, session, options);
}

function found(blob: BlobToPush, target: Target, identity: BlobIdentity): BlobOutcome {
  target.present.set(blob.key, identity);
  return { kind: 'existed', identity, learnt: false };
}

/** What the registry's own manifest claims is believed once the registry confirms that it has the blob. */
async function confirmLearnt(
  blob: BlobToPush,
  target: Target,
  { checked }: BlobAttempts,
  signal: AbortSignal | undefined,
): Promise<BlobIdentity | undefined> {
  const claim =
    blob.fixed === undefined && blob.recordKey !== undefined ? target.learnt.get(blob.recordKey) : undefined;
  if (claim === undefined || checked.has(claim.digest)) return undefined;
  const record = { digest: claim.digest, sourceRepository: '', hmac: '' };
  const confirmed = await findExisting(blob, target, { records: [record], others: true, attempts: 1, checked, signal });
  if (confirmed === undefined || confirmed.size !== claim.size) return undefined;
  target.present.set(blob.key, confirmed);
  return confirmed;
}

function missingContent(blob: BlobToPush): PushError {
  return new PushError(
    'ERR_PUSH_FAILED',
    `Could not push layer ${blob.id}: the source does not carry the bytes of this foreign layer`,
    {
      op: 'read',
      origin: 'source',
      descriptor: blob.foreign,
      hint: 'leave out --allow-nondistributable: its descriptor then goes as it is',
    },
  );
}
