import type { AbortOptions, Digest } from '@slipway/digest';
import { attemptLimits } from '@slipway/metadata-store';
import { type RegistryProfile, registryProfile, type UploadSession } from '@slipway/registry-client';
import type { BlobForm, BlobIdentity } from './blob-form.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { ChunksRefused, chunkedFrom, chunkSize } from './chunked-upload.ts';
import { PushError, pushFailure } from './errors.ts';
import { findExisting } from './existence.ts';
import { tryMounts } from './mount.ts';
import { registryErrorOf } from './retry-rules.ts';
import { type SendProgress, sendBlob, type UploadShape } from './send-blob.ts';
import type { BlobOutcome, Target } from './target.ts';

/** Up to this many bytes of source, a blob is compressed before its upload begins: with its digest known, POST and PUT do. */
export const compressFirstLimit: number = 16 * 1024 * 1024;

/** What survives from one attempt at a blob to the next. */
export class BlobAttempts {
  /** Digests whose presence was asked for; a retry does not ask again. */
  readonly checked: Set<Digest> = new Set();
  /** Sessions that a declined mount left open cannot be trusted everywhere (Nexus: sonatype/nexus-public#967): after a failure in one, none is used. */
  mountsTrusted = true;
  /** Falls when the registry refuses a chunk: the next attempt sends all in one. */
  chunksTrusted = true;
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
  return upload(blob, form, target, session, options);
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

async function upload(
  blob: BlobToPush,
  form: BlobForm,
  target: Target,
  declined: UploadSession | undefined,
  { attempts, signal, onProgress, onAcknowledged }: EnsureBlobOptions,
): Promise<BlobOutcome> {
  const identity = await identityBeforeSending(blob, form, signal);
  const shape = chooseShape(form, identity, registryProfile(target.repository.registry), attempts.chunksTrusted);
  const subject = sessionSubject(blob, form, identity);
  const resumed = shape.kind === 'chunks' && declined === undefined ? await resume(target, subject, signal) : undefined;
  const begun = resumed ?? declined ?? (await begin(blob, target, identity, attempts, signal));
  if ('kind' in begun) return begun;

  const isFresh = resumed === undefined;
  await using session = begun;
  try {
    const sent = await sendBlob(form, session, {
      shape,
      signal,
      onProgress,
      onAcknowledged: async (acknowledged) => {
        onAcknowledged(acknowledged.offset);
        await target.memory.saveSession(subject, acknowledged);
      },
    });
    if (shape.kind === 'chunks') await target.memory.dropSession(subject);
    await target.memory.add(blob, sent);
    target.present.set(blob.key, sent);
    return { kind: 'pushed', identity: sent };
  } catch (error) {
    if (isFresh) attempts.mountsTrusted = false;
    if (shape.kind !== 'chunks') throw error;
    if (isChunkRefusal(error)) attempts.chunksTrusted = false;
    else if (session.offset > 0 && !(error instanceof PushError && error.origin === 'source')) session.keep(); // to be continued
    throw error;
  }
}

/** Opens a session, or finds that the blob is there. */
async function begin(
  blob: BlobToPush,
  target: Target,
  identity: BlobIdentity | undefined,
  attempts: BlobAttempts,
  signal: AbortSignal | undefined,
): Promise<UploadSession | BlobOutcome> {
  // Asking to mount from the repository itself costs nothing and says whether the blob is there already (decision 0013).
  const asks =
    identity !== undefined && attempts.mountsTrusted && registryProfile(target.repository.registry).mountsFromItself;
  const mount = asks ? { digest: identity.digest, from: target.repository.path } : undefined;
  const begun = await target.repository.beginUpload({ mount, signal });
  if (begun.kind === 'session') return begun.session;
  if (identity === undefined) throw new Error('unreachable: nothing was asked to be mounted');
  await target.memory.add(blob, identity);
  return found(blob, target, identity);
}

/** Takes up the session that an earlier attempt, or another process, had to leave. */
async function resume(
  target: Target,
  subject: string,
  signal: AbortSignal | undefined,
): Promise<UploadSession | undefined> {
  const record = await target.memory.takeSession(subject);
  if (record === undefined) return undefined;
  try {
    return await target.repository.resumeUpload(new URL(record.location), { signal });
  } catch {
    signal?.throwIfAborted();
    return undefined; // it is gone, or the registry cannot tell how far it got: a fresh one then
  }
}

/** Names the bytes of an upload: what was sent of them can only be continued with the very same. */
function sessionSubject(blob: BlobToPush, form: BlobForm, identity: BlobIdentity | undefined): string {
  return form.recipe === undefined && identity !== undefined ? identity.digest : `${blob.key} ${form.recipe ?? ''}`;
}

function chooseShape(
  form: BlobForm,
  identity: BlobIdentity | undefined,
  profile: RegistryProfile,
  chunksTrusted: boolean,
): UploadShape {
  const size = identity?.size ?? form.readTotal;
  const fits = profile.takesChunks && chunksTrusted && form.isKept;
  if (fits && size > Math.min(chunkedFrom, profile.maxChunkSize ?? chunkedFrom)) {
    return { kind: 'chunks', size: Math.min(chunkSize, profile.maxChunkSize ?? chunkSize) };
  }
  return identity === undefined ? { kind: 'stream' } : { kind: 'put', identity };
}

/** Statuses by which registries say that a PATCH of a part is nothing they take. */
const refusals: ReadonlySet<number> = new Set([400, 404, 405, 411, 416, 501]);

function isChunkRefusal(error: unknown): boolean {
  const status = registryErrorOf(error)?.status;
  return error instanceof ChunksRefused || (status !== undefined && refusals.has(status));
}

async function identityBeforeSending(
  blob: BlobToPush,
  form: BlobForm,
  signal: AbortSignal | undefined,
): Promise<BlobIdentity | undefined> {
  const known = form.identity ?? (await form.recall({ signal }));
  if (known !== undefined || !form.isKept || form.readTotal > compressFirstLimit) return known;
  try {
    return await form.identify({ signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw pushFailure(`${blob.role} ${blob.id}`, { op: 'open layer', origin: 'source', cause: error });
  }
}

function missingContent(blob: BlobToPush): PushError {
  return new PushError(
    'ERR_PUSH_FAILED',
    `Could not push layer ${blob.id}: the source does not carry the bytes of this foreign layer`,
    {
      op: 'open layer',
      origin: 'source',
      descriptor: blob.foreign,
      hint: 'leave out --allow-nondistributable: its descriptor then goes as it is',
    },
  );
}
