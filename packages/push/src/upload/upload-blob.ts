import type { UploadSession } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import { PushError } from '../errors.ts';
import type { BlobForm, BlobIdentity } from '../form/form.ts';
import { type BlobToPush, subjectOf } from '../plan/blob-to-push.ts';
import type { EnsureBlobOptions } from '../presence/ensure-blob.ts';
import type { BlobOutcome, Target } from '../presence/target.ts';
import { ChunksRefused } from './chunked-upload.ts';
import { awaitBlob, identifyBlob } from './identify-blob.ts';
import { isRetryable, isTokenRenewed, registryErrorOf } from './retry-rules.ts';
import { sendBlob } from './send-blob.ts';
import { compressFirstLimit, type ShapeSubject, type UploadShape } from './upload-shapes.ts';

/** A session to send into, or the news that nothing needs to be sent. */
type Begun = UploadSession | BlobOutcome;

/**
 * Sends a blob that the repository lacks, in the shape that the registry takes. A refused shape, and a token that died
 * on the way, cost a request and neither an attempt nor a wait.
 *
 * @throws {PushError} ERR_PUSH_FAILED, with its origin
 */
export async function uploadBlob(
  blob: BlobToPush,
  form: BlobForm,
  target: Target,
  declined: UploadSession | undefined,
  options: EnsureBlobOptions,
): Promise<BlobOutcome> {
  const { attempts, signal } = options;
  let identity = await identityBeforeSending(blob, form, signal);
  let leftOpen = declined;
  for (let isRenewed = false; ; ) {
    const subject = { size: identity?.size ?? form.readTotal, identity, isKept: form.isKept };
    const shape = target.shapes.choose(subject);
    if (shape === 'digest-first') {
      identity = await identifyBlob(blob, form, { signal });
      continue;
    }
    const state: UploadState = { blob, form, target, subject, options, shape, sent: 0, acknowledged: 0 };
    try {
      return await uploadIn(state, leftOpen);
    } catch (error) {
      signal?.throwIfAborted();
      leftOpen = undefined;
      identity = form.identity ?? identity;
      attempts.mayBeThere ||= isSilence(error) && state.sent === form.identity?.size;
      const isFirstRenewal: boolean = !isRenewed && isTokenRenewed(error);
      isRenewed ||= isFirstRenewal;
      if (isFirstRenewal || target.shapes.learn(state.shape, { ...subject, acknowledged: state.acknowledged }, error))
        continue;
      tellStartingOver(state, error);
      throw error;
    }
  }
}

/** One try in one shape. */
interface UploadState {
  readonly blob: BlobToPush;
  readonly form: BlobForm;
  readonly target: Target;
  readonly subject: ShapeSubject;
  readonly options: EnsureBlobOptions;
  /** Changes when the session turns out to have limits. */
  shape: UploadShape;
  /** Bytes that the registry may have. */
  sent: number;
  /** Bytes that it said it has. */
  acknowledged: number;
}

async function uploadIn(state: UploadState, declined: UploadSession | undefined): Promise<BlobOutcome> {
  const { blob, form, target, options, subject } = state;
  const { attempts, signal, onProgress, onAcknowledged } = options;
  const name = sessionSubject(blob, form, subject.identity);
  const resumed = state.shape.kind === 'chunks' && declined === undefined ? await resume(state, name) : undefined;
  const begun = resumed ?? declined ?? (await begin(state));
  if ('kind' in begun) return begun;

  await using session = begun;
  if (session.maxChunkSize !== undefined) target.shapes.limit(session.maxChunkSize);
  const chosen = target.shapes.choose(subject);
  if (chosen !== 'digest-first') state.shape = chosen;
  const isChunked = state.shape.kind === 'chunks';
  state.sent = session.offset;
  state.acknowledged = session.offset;
  try {
    const sent = await sendBlob(form, session, {
      subject: `${blob.role} ${blob.id}`,
      shape: state.shape,
      signal,
      onProgress(progress) {
        state.sent = progress.sent;
        onProgress(progress);
      },
      onAcknowledged: async (acknowledged) => {
        state.acknowledged = acknowledged.offset;
        onAcknowledged(acknowledged.offset);
        await target.memory.saveSession(name, acknowledged);
      },
    });
    if (isChunked) await target.memory.dropSession(name);
    await target.memory.add(blob, sent);
    target.present.set(blob.key, sent);
    return { kind: 'pushed', identity: sent };
  } catch (error) {
    if (declined !== undefined || subject.identity !== undefined) attempts.mountsTrusted = false;
    if (isChunked && session.offset > 0 && mayContinue(error)) session.keep();
    else if (isChunked) await target.memory.dropSession(name);
    throw error;
  }
}

/** Whether the session and what it has may serve the next attempt: the registry has not refused it, and the source is whole. */
function mayContinue(error: unknown): boolean {
  if (error instanceof ChunksRefused || codeOf(error) === 'ERR_CACHE_WRITE') return false;
  if (error instanceof PushError && error.origin === 'source') return false;
  const answer = registryErrorOf(error);
  if (answer?.status === undefined) return true;
  return isTokenRenewed(error) || (answer.transient && (answer.status >= 500 || answer.status === 429));
}

/** Opens a session, or finds that the blob is there. */
async function begin({ blob, target, subject, options }: UploadState): Promise<Begun> {
  const { attempts, signal } = options;
  const { identity } = subject;
  if (identity !== undefined && attempts.mayBeThere) {
    attempts.mayBeThere = false;
    const stat = await target.repository.statBlob(identity.digest, { signal }).catch(() => undefined);
    signal?.throwIfAborted();
    if (stat !== undefined) return await there(blob, target, { kind: 'pushed', identity });
  }
  // Asking to mount from the repository itself costs nothing and says whether the blob is there already (decision 0013).
  const asks = identity !== undefined && attempts.mountsTrusted && target.shapes.profile.mountsFromItself;
  const mount = asks ? { digest: identity.digest, from: target.repository.path } : undefined;
  const begun = await target.repository.beginUpload({ mount, signal }).catch(async (error: unknown) => {
    // Harbor answers 400 where there is nothing to mount (goharbor/harbor#22078): asking for more than a session was the fault.
    if (mount === undefined || signal?.aborted || !isMountRefusal(error)) throw error;
    attempts.mountsTrusted = false;
    return await target.repository.beginUpload({ signal });
  });
  if (begun.kind === 'session') return begun.session;
  if (identity === undefined) throw new Error('unreachable: nothing was asked to be mounted');
  return await there(blob, target, { kind: 'existed', identity, learnt: false });
}

async function there(
  blob: BlobToPush,
  target: Target,
  outcome: Extract<BlobOutcome, { identity: BlobIdentity }>,
): Promise<BlobOutcome> {
  await target.memory.add(blob, outcome.identity);
  target.present.set(blob.key, outcome.identity);
  return outcome;
}

/** Takes up the session that an earlier attempt, or another process, had to leave. */
async function resume(
  { blob, target, subject, options: { attempts, signal } }: UploadState,
  name: string,
): Promise<UploadSession | undefined> {
  const record = await target.memory.takeSession(name);
  if (record === undefined) return undefined;
  try {
    const session = await target.repository.resumeUpload(new URL(record.location), { signal });
    const { offset } = session;
    const size = subject.identity?.size;
    target.emit({ type: 'blob:resumed', blob: subjectOf(blob, target.destination), offset, size });
    return session;
  } catch (error) {
    const mayBeOpen = signal?.aborted || (codeOf(error) !== 'ERR_SESSION_LOST' && isRetryable(error));
    if (mayBeOpen && !attempts.resumeFailed) {
      attempts.resumeFailed = true;
      await target.memory.restoreSession(record);
      throw error;
    }
    signal?.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    target.emit({
      type: 'warning',
      destination: target.destination,
      code: 'upload-lost',
      message: `the upload of ${blob.id} that was interrupted at ${record.offset} bytes cannot be continued and starts again: ${why}`,
    });
    return undefined;
  }
}

/** Says once that a registry makes a large blob begin anew after each interruption. */
function tellStartingOver({ blob, target, shape, subject }: UploadState, error: unknown): void {
  if (shape.kind === 'chunks' || subject.size <= target.shapes.chunkedFrom || !isRetryable(error)) return;
  target.shapes.tellOnce(() =>
    target.emit({
      type: 'warning',
      destination: target.destination,
      code: 'upload-not-resumable',
      message: `${target.repository.registry} takes a blob in one piece only: the upload of ${blob.id} starts again from its beginning`,
    }),
  );
}

/** Whether an answer is about the mount, and a plain session may still be had. */
function isMountRefusal(error: unknown): boolean {
  const status = registryErrorOf(error)?.status;
  return status === 400 || status === 404 || status === 405 || status === 416 || status === 501;
}

/** Nothing came back, or only a gateway's word: the registry may have done the work. */
function isSilence(error: unknown): boolean {
  const answer = registryErrorOf(error);
  return answer !== undefined && (answer.status === undefined || answer.status >= 500);
}

/** Names the bytes of an upload: what was sent of them can only be continued with the very same. */
function sessionSubject(blob: BlobToPush, form: BlobForm, identity: BlobIdentity | undefined): string {
  return form.recipe === undefined && identity !== undefined ? identity.digest : `${blob.key} ${form.recipe ?? ''}`;
}

async function identityBeforeSending(
  blob: BlobToPush,
  form: BlobForm,
  signal: AbortSignal | undefined,
): Promise<BlobIdentity | undefined> {
  const known = form.identity ?? (await form.recall({ signal }));
  if (known !== undefined || !form.isKept) return known;
  if (form.readTotal <= compressFirstLimit) return await identifyBlob(blob, form, { signal });
  await awaitBlob(blob, form, { signal });
  return form.identity;
}
