import type { PushResult } from '@slipway/push';
import { familiarString } from '@slipway/reference';

/** What went wrong; each says whether to try again, and what to do. */
export type ClientErrorCode =
  /**
   * When: an option is missing, is none, is not what it has to be, or does not go with another one. Retry: no. Do: what
   * the message and the hint say.
   */
  | 'ERR_CLIENT_OPTION'
  /**
   * When: a destination is no reference, or has a tag where all tags are pushed. Retry: no. Do: correct the
   * destination.
   */
  | 'ERR_CLIENT_DESTINATION'
  /**
   * When: a source or destination has a user and a password in its name. Retry: no. Do: leave them out, and give them
   * as credentials.
   */
  | 'ERR_CLIENT_PASSWORD_IN_NAME'
  /** When: the source holds several images and nothing says which. Retry: no. Do: name one, or push all tags. */
  | 'ERR_CLIENT_SEVERAL_ITEMS'
  /**
   * When: the source holds nothing that can be pushed, or no tag that is wanted. Retry: no. Do: look at what it holds.
   */
  | 'ERR_CLIENT_NO_ITEM'
  /**
   * When: the source's tags belong to other repositories than the destinations, or two images have one tag. Retry: no.
   * Do: choose tags, or push them into the destination all the same.
   */
  | 'ERR_CLIENT_TAGS'
  /**
   * When: one user name and password would be shown to more than one registry. Retry: no. Do: give credentials by
   * registry.
   */
  | 'ERR_CLIENT_ONE_REGISTRY'
  /**
   * When: the key that signs cannot be read: there is none, its password is wrong or missing, or it is of another kind
   * than P-256. Retry: no. Do: what the message and the hint say.
   */
  | 'ERR_CLIENT_SIGN_KEY'
  /** When: images are to be kept, and no folder is known to keep them in. Retry: no. Do: name one. */
  | 'ERR_CLIENT_NO_FOLDER'
  /**
   * When: a registry does not accept a user name and password. Retry: no. Do: check both; some registries want an
   * access token in place of the password.
   */
  | 'ERR_CLIENT_LOGIN_REFUSED'
  /**
   * When: at least one destination of a push failed; `results` has every destination. Retry: if the cause is transient.
   * Do: look at `results`.
   */
  | 'ERR_CLIENT_PUSH_FAILED'
  /**
   * When: the client was used after it was disposed, or was disposed while it worked. Retry: no. Do: make a new one.
   */
  | 'ERR_CLIENT_CLOSED';

/** What a {@link ClientError} carries beside its message. */
export interface ClientErrorDetails {
  /** What to do about it, if that is known. Names of options stand in backticks: `allTags`, `learn: off`. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The client cannot do what it was asked. In its texts, options are named as in TypeScript and stand in backticks, so
 * that a program can call them by its own names.
 */
export class ClientError extends Error {
  override name = 'ClientError';
  readonly code: ClientErrorCode;
  /** What to do about it, if that is known. */
  readonly hint: string | undefined;

  constructor(code: ClientErrorCode, message: string, { hint, cause }: ClientErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** At least one destination failed. The others may have been reached: `results` has them all, in the order asked. */
export class PushFailedError extends ClientError {
  override name = 'PushFailedError';
  readonly results: readonly PushResult[];
  /** Tags that no registry takes, and that were left out. */
  readonly refusedTags: readonly string[];

  constructor(results: readonly PushResult[], refusedTags: readonly string[]) {
    const failed = results.filter((result) => !result.ok);
    super('ERR_CLIENT_PUSH_FAILED', messageOf(results, failed, refusedTags), { cause: failed[0]?.error });
    this.results = results;
    this.refusedTags = refusedTags;
  }
}

function messageOf(
  results: readonly PushResult[],
  failed: readonly Extract<PushResult, { ok: false }>[],
  refusedTags: readonly string[],
): string {
  const [first] = failed;
  if (first === undefined)
    return `no registry takes the tags ${refusedTags.map((tag) => JSON.stringify(tag)).join(', ')}`;
  if (results.length === 1) return first.error.message;
  return (
    `${failed.length} of ${results.length} destinations failed, the first was ` +
    `${familiarString(first.reference)}: ${first.error.message}`
  );
}

/** An option that is missing, wrong, or does not go with another one. */
export function optionError(message: string, hint?: string): ClientError {
  return new ClientError('ERR_CLIENT_OPTION', message, { hint });
}
