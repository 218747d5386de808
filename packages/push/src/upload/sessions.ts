import type { UploadSession } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import type { BlobForm, BlobIdentity } from '../form/form.ts';
import { BeyondEnd } from '../form/form-failure.ts';
import { type BlobToPush, subjectOf } from '../plan/blob-to-push.ts';
import type { BlobAttemptOptions } from '../presence/attempts.ts';
import { type Target, warn } from '../presence/target.ts';
import { isRetryable } from './retry-rules.ts';

/** What is needed to go on with an upload. */
export interface InterruptedUpload {
  readonly blob: BlobToPush;
  readonly form: BlobForm;
  readonly target: Target;
  readonly options: BlobAttemptOptions;
}

/** Names the bytes of an upload: what was sent of them can only be continued with the very same. */
export function sessionSubject(blob: BlobToPush, form: BlobForm, identity: BlobIdentity | undefined): string {
  return form.recipe === undefined && identity !== undefined ? identity.digest : `${blob.key} ${form.recipe ?? ''}`;
}

/** Says that what an earlier attempt, or another process, has sent is of no use. */
export function tellLost(
  { blob, target }: Pick<InterruptedUpload, 'blob' | 'target'>,
  offset: number,
  error: unknown,
): void {
  const why = error instanceof Error ? error.message : String(error);
  const upload = `the upload of ${blob.id} that was interrupted at ${offset} bytes`;
  warn(target, 'upload-lost', `${upload} cannot be continued and starts again: ${why}`);
}

/**
 * Takes up the session that an earlier attempt, or another process, had to leave.
 *
 * @returns undefined when there is none, or none any more
 * @throws the registry's failure, once, when the session may still be there
 */
export async function resumeSession({
  blob,
  form,
  target,
  options: { attempts, signal },
}: InterruptedUpload): Promise<UploadSession | undefined> {
  const { memory } = target;
  const record = await memory.recallSession(sessionSubject(blob, form, form.identity));
  if (record === undefined) return undefined;
  try {
    const session = await target.repository.resumeUpload(new URL(record.location), { signal });
    const { offset } = session;
    const size = form.identity?.size;
    if (size !== undefined && offset > size) {
      await session[Symbol.asyncDispose]();
      throw new BeyondEnd(offset, size);
    }
    if (offset > 0) target.emit({ type: 'blob:resumed', blob: subjectOf(blob, target.destination), offset, size });
    return session;
  } catch (error) {
    const mayBeOpen = signal?.aborted || (codeOf(error) !== 'ERR_SESSION_LOST' && isRetryable(error));
    if (mayBeOpen && !attempts.resumeFailed) {
      attempts.resumeFailed = true;
      await memory.restoreSession(record);
      throw error;
    }
    signal?.throwIfAborted();
    if (memory.hasTurns) await memory.dropSession(record.subject);
    if (record.offset === 0) return undefined; // nothing that anybody has heard of is sent again
    tellLost({ blob, target }, record.offset, error);
    return undefined;
  }
}
