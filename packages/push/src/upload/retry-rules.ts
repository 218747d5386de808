import { RegistryError } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import { PushError } from '../errors.ts';
import { FormFailure } from '../form/form-failure.ts';
import { ChunksRefused } from './chunks.ts';
import { UploadCutOff } from './cut-off.ts';

/**
 * Codes that no second attempt will change. `TOOMANYREQUESTS` is not among them: it waits as the registry says
 * (decision 0012).
 */
const finalCodes: ReadonlySet<string> = new Set([
  'UNAUTHORIZED',
  'UNSUPPORTED',
  'DENIED',
  'NAME_UNKNOWN',
  'NAME_INVALID',
]);

/** Refusals (4xx) that a fresh session, or the same bytes sent again, may change. */
const curableCodes: ReadonlySet<string> = new Set([
  'BLOB_UPLOAD_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'DIGEST_INVALID',
  'SIZE_INVALID',
  'RANGE_INVALID',
  'TOOMANYREQUESTS',
]);

/** Statuses that say "later" or "from elsewhere", whatever their body says. */
const curableStatuses: ReadonlySet<number> = new Set([408, 416, 425, 429]);

/**
 * Whether pushing the same blob again may succeed: what failed on the way or in the registry may, what the registry has
 * read and refused may not, but for the few refusals that a fresh session changes (decision 0012).
 *
 * @see push-behaviour d.6, moby v25.0.0 distribution/errors.go
 */
export function isRetryable(error: unknown): boolean {
  if (error instanceof PushError) {
    // A source that is a registry may be out of reach for a moment; archives are right or wrong for good.
    if (error.origin === 'source') return isTransient(error.cause);
    if (error.origin === 'machine') return true;
    return error.origin === 'destination' && isRetryable(error.cause);
  }
  if (!(error instanceof Error)) return false;
  if (error instanceof UploadCutOff) return isRetryable(error.cause);
  if (error.message.includes('no space left on device')) return false;
  if (error instanceof ChunksRefused || error instanceof FormFailure) return true;
  if (codeOf(error) === 'ERR_SESSION_LOST' || codeOf(error) === 'ERR_SESSION_OFFSET') return true;
  if (!(error instanceof RegistryError)) return false;
  const { status = 0, diagnostics } = error;
  const [first] = diagnostics;
  if (first !== undefined && finalCodes.has(first.code)) return false;
  if (status < 400 || status >= 500) return error.transient || first !== undefined;
  if (status === 413) return false; // what could be made smaller has been
  return error.transient || curableStatuses.has(status) || diagnostics.some(({ code }) => curableCodes.has(code));
}

/** Whether anything along the chain of causes says that it may pass. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('transient' in error && error.transient === true) || isTransient(error.cause);
}

/**
 * Whether a failed endpoint leaves hope for the next one of the same registry: docker's `continueOnError` for a push
 * (never a mirror).
 *
 * @see push-behaviour d.7, moby v25.0.0 distribution/errors.go
 */
export function continuesOnError(error: unknown): boolean {
  if (error instanceof PushError && error.origin !== 'destination') return false;
  const answer = destinationErrorOf(error);
  const [first] = answer?.diagnostics ?? [];
  return first === undefined || first.bare;
}

/**
 * What the destination's registry answered, or that it did not, along the chain of causes. A source may be a registry
 * too: what went wrong there says nothing of this one.
 */
export function destinationErrorOf(error: unknown): RegistryError | undefined {
  if (error instanceof RegistryError) return error;
  if (!(error instanceof Error) || error instanceof FormFailure) return undefined;
  if (error instanceof PushError && error.origin !== 'destination') return undefined;
  return destinationErrorOf(error.cause);
}

/** Whether a registry has too much to do, and says so: a question asked later is answered. */
export function isBusy(error: unknown): boolean {
  const answer = destinationErrorOf(error);
  return answer?.status === 429 || (answer?.status === 503 && answer.retryAfterMs !== undefined);
}

/** Whether a manifest may be taken later: not when the registry has read and refused it. */
export function isManifestRetryable(error: unknown): boolean {
  const answer = destinationErrorOf(error);
  return isRetryable(error) && (answer?.status === undefined || answer.transient);
}
