import { machineHint, machineLimitOf } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';

/** Every code this package throws. */
export type PushErrorCode =
  /**
   * When: an operation of a push failed; `op`, `origin`, `descriptor` and `cause` say which and why. Retry: if the
   * cause is transient. Do: what the hint says.
   */
  | 'ERR_PUSH_FAILED'
  /**
   * When: a destination names neither a tag nor a digest, or another digest than the image has. Retry: no. Do: name a
   * tag, or the digest that the message says.
   */
  | 'ERR_PUSH_DIGEST_REFERENCE'
  /**
   * When: the wanted format cannot express the image (zstd layers in a Docker manifest, an artifact as a Docker image).
   * Retry: no. Do: choose `oci` or `keep`, or another compression.
   */
  | 'ERR_PUSH_FORMAT'
  /**
   * When: no manifest of the index has the wanted platform. Retry: no. Do: choose one of the platforms that the message
   * lists.
   */
  | 'ERR_PUSH_NO_PLATFORM'
  /**
   * When: config, manifest, layers and blobs of an item contradict each other, or a blob that the manifest names is
   * missing. Retry: no. Do: make the item anew, or report the tool that made it.
   */
  | 'ERR_PUSH_INVALID'
  /**
   * When: an artifact is about a manifest that the repository does not have. Retry: after that was pushed. Do: push the
   * subject first.
   */
  | 'ERR_PUSH_NO_SUBJECT'
  /**
   * When: a destination's client is of another repository than its reference. Retry: no. Do: connect to the repository
   * that the reference names.
   */
  | 'ERR_PUSH_WRONG_REPOSITORY'
  /**
   * When: the registry answered that it took the image, and does not show it. Retry: yes, with `force`. Do: what the
   * message says: the registry's address or its cache is at fault.
   */
  | 'ERR_PUSH_NOT_SEEN'
  /**
   * When: no endpoint of the registry is left to try. Retry: no. Do: check the insecure and TLS settings of that
   * registry.
   */
  | 'ERR_PUSH_NO_ENDPOINT';

/** What was being done when a push failed. */
export type PushOperation =
  | 'connect'
  | 'read'
  | 'push layer'
  | 'push config'
  | 'push blob'
  | 'build manifest'
  | 'push manifest'
  | 'sign'
  | 'confirm'
  | 'plan';

/** Which side the failure came from; `machine` is this computer: its threads, its memory, its number of open files. */
export type PushOrigin = 'source' | 'destination' | 'request' | 'machine';

/** What is known of a failure when it is reported. */
export interface PushErrorDetails {
  readonly op: PushOperation;
  readonly origin: PushOrigin;
  readonly descriptor?: Partial<Descriptor> | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** A push, or one destination of it, failed. The door's own error is the `cause`. */
export class PushError extends Error {
  override name = 'PushError';
  readonly code: PushErrorCode;
  readonly op: PushOperation;
  readonly origin: PushOrigin;
  readonly descriptor: Partial<Descriptor> | undefined;
  /** What to do about it, when that is known. */
  readonly hint: string | undefined;

  constructor(code: PushErrorCode, message: string, { op, origin, descriptor, hint, cause }: PushErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.op = op;
    this.origin = origin;
    this.descriptor = descriptor;
    this.hint = hint ?? hintOf(cause);
  }
}

/** Names operation, subject and cause in one line; passes a PushError through. */
export function pushFailure(subject: string, details: PushErrorDetails & { readonly cause: unknown }): PushError {
  return failureTo(`${details.op} ${subject}`, details);
}

/** The same in words of one's own, where those of the operation would say something else. */
export function failureTo(what: string, details: PushErrorDetails & { readonly cause: unknown }): PushError {
  const { cause, descriptor } = details;
  if (cause instanceof PushError) return cause;
  const limit = machineLimitOf(cause);
  const why = cause instanceof Error ? cause.message : String(cause);
  const told = toldWithin(cause);
  // What was retried in vain is wrapped: whose fault it is has been said within.
  if (told !== undefined && told.origin !== details.origin) {
    return new PushError(told.code, why, { ...told, descriptor: told.descriptor ?? descriptor, cause });
  }
  const machines = limit !== undefined && { origin: 'machine' as const, hint: machineHint(limit) };
  return new PushError('ERR_PUSH_FAILED', `Could not ${what}: ${why}`, { ...details, ...machines });
}

function toldWithin(error: unknown): PushError | undefined {
  if (error instanceof PushError) return error;
  return error instanceof Error ? toldWithin(error.cause) : undefined;
}

/** Anything that was thrown, as an error. */
export function asPushError(error: unknown): Error {
  if (error instanceof Error) return error;
  return new PushError('ERR_PUSH_FAILED', String(error), { op: 'push manifest', origin: 'destination' });
}

/** The nearest hint along the chain of causes. */
function hintOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return 'hint' in cause && typeof cause.hint === 'string' ? cause.hint : hintOf(cause.cause);
}
