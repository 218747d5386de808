import type { Platform } from '@slipway/manifest';
import type { Diagnostic } from './answers/diagnostics.ts';

/** Everything that can go wrong between this package and a registry. */
export type RegistryErrorCode =
  /**
   * When: no answer came: name not found, connection refused or broken, TLS failed, a timeout passed. Retry: if
   * `transient`. Do: read `reason` and `hint`.
   */
  | 'ERR_REGISTRY_UNREACHABLE'
  /**
   * When: this machine has no file handle or no memory left for the request, which says nothing of the registry. Retry:
   * if `transient`. Do: what the hint says.
   */
  | 'ERR_REGISTRY_NOT_ASKED'
  /**
   * When: the registry or its client was disposed before the request, or while it was under way. Retry: no. Do: open it
   * again.
   */
  | 'ERR_REGISTRY_CLOSED'
  /**
   * When: 401, also after a fresh token, or credentials are missing. Retry: no, unless `transient`. Do:
   * `slipway login HOST`.
   */
  | 'ERR_REGISTRY_UNAUTHORIZED'
  /** When: 403, or the token's scope does not suffice. Retry: no. Do: check the account's rights on the repository. */
  | 'ERR_REGISTRY_DENIED'
  /**
   * When: 404 where something had to be. Retry: no. Do: check the repository's name; some registries want it created
   * first.
   */
  | 'ERR_REGISTRY_NOT_FOUND'
  /** When: 429. Retry: after `retryAfterMs`. Do: wait, or push less at once. */
  | 'ERR_REGISTRY_RATE_LIMITED'
  /** When: 408 or 5xx. Retry: yes, after `retryAfterMs` if given. Do: wait; see the registry's status page. */
  | 'ERR_REGISTRY_UNAVAILABLE'
  /** When: any other status that was not asked for. Retry: no. Do: read `diagnostics`. */
  | 'ERR_REGISTRY_UNEXPECTED'
  /** When: the answer breaks the distribution protocol. Retry: no. Do: check that the address is a registry's. */
  | 'ERR_REGISTRY_PROTOCOL'
  /**
   * When: the registry does not do this: `operation` says what. Retry: no. Do: see `diagnostics`; deletes are often
   * switched off in a registry's configuration.
   */
  | 'ERR_REGISTRY_UNSUPPORTED'
  /**
   * When: the registry confirmed a deletion, and still has what was to go. Retry: yes. Do: ask again later; see the
   * registry's retention rules.
   */
  | 'ERR_REGISTRY_NOT_DELETED'
  /**
   * When: what a reference names is no image, or an index without one for the platform. Retry: no. Do: choose among
   * `platforms`, or read the manifest instead.
   */
  | 'ERR_REGISTRY_NO_IMAGE'
  /**
   * When: a redirect or upload location leads from https to http, from a public to a private address, or in circles.
   * Retry: no. Do: correct the registry's external address.
   */
  | 'ERR_REGISTRY_REDIRECT_REFUSED'
  /** When: the registry no longer knows the upload session. Retry: yes, with a new session. Do: nothing. */
  | 'ERR_SESSION_LOST'
  /** When: the registry expects another offset (416). Retry: yes, from `offset`. Do: nothing. */
  | 'ERR_SESSION_OFFSET';

/** What a registry may refuse to do at all. */
export type RegistryOperation = 'delete-manifest' | 'delete-tag' | 'delete-blob' | 'list-repositories' | 'push-v1';

/** What is known of a failure when it is reported. */
export interface RegistryErrorDetails {
  readonly code: RegistryErrorCode;
  /** Status of the answer, if there was one. */
  readonly status?: number | undefined;
  readonly diagnostics?: readonly Diagnostic[] | undefined;
  readonly transient?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly hint?: string | undefined;
  readonly offset?: number | undefined;
  readonly dockerMessage?: string | undefined;
  readonly operation?: RegistryOperation | undefined;
  readonly platforms?: readonly Platform[] | undefined;
  readonly proxy?: string | undefined;
  readonly hasAnswered?: boolean | undefined;
  readonly cause?: unknown;
}

/** Codes of failures before any answer: with each other one, the registry has said something. */
const unanswered: ReadonlySet<RegistryErrorCode> = new Set([
  'ERR_REGISTRY_UNREACHABLE',
  'ERR_REGISTRY_NOT_ASKED',
  'ERR_REGISTRY_CLOSED',
]);

/**
 * A registry could not be reached, or its answer is not one the caller asked for. Messages hold no query, no user and
 * no token.
 */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  override name = 'RegistryError';
  /** Status of the answer; undefined when none came. */
  readonly status: number | undefined;
  /**
   * The entries of the answer's error body.
   * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
   */
  readonly diagnostics: readonly Diagnostic[];
  /** Whether the same operation may succeed later. Retry policy asks this and nothing else. */
  readonly transient: boolean;
  /** What the registry asked to wait, from `Retry-After` in either form. */
  readonly retryAfterMs: number | undefined;
  /**
   * Why no answer came: `tls`, `timeout`, or the system's own code (`ECONNREFUSED`, `ENOTFOUND`, `ECONNRESET`, …); or
   * `https-expected`, when what answered http speaks https; `answered-early`, when content was said to be taken before
   * it was sent; `unknown-scheme`, when credentials are wanted in a way that is not known here; `storage`, when what
   * the registry keeps its content in refused or lacked it, and not the registry; `web-page`, when a page came in place
   * of the registry's content; or the code of a `ProxyError`.
   */
  readonly reason: string | undefined;
  /** What to do, where the fix is known. */
  readonly hint: string | undefined;
  /** `ERR_SESSION_OFFSET`: bytes the registry has, if it said so. */
  readonly offset: number | undefined;
  /** The text docker shows for the same failure, where it has one. */
  readonly dockerMessage: string | undefined;
  /** `ERR_REGISTRY_UNSUPPORTED`, `ERR_REGISTRY_NOT_DELETED`: what was asked of the registry. */
  readonly operation: RegistryOperation | undefined;
  /** `ERR_REGISTRY_NO_IMAGE`: what there are images for. */
  readonly platforms: readonly Platform[] | undefined;
  /**
   * The proxy that the request went through, without its user and password: `http://proxy.corp:3128`. The message names
   * it too.
   */
  readonly proxy: string | undefined;
  /**
   * Whether the registry itself has answered: what failed is in its answer, or is where that led to, such as a token
   * server or a storage.
   */
  readonly hasAnswered: boolean;

  constructor(message: string, details: RegistryErrorDetails) {
    super(namingProxy(message, details.proxy), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.diagnostics = details.diagnostics ?? [];
    this.transient = details.transient ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.reason = details.reason;
    this.hint = details.hint;
    this.offset = details.offset;
    this.dockerMessage = details.dockerMessage;
    this.operation = details.operation;
    this.platforms = details.platforms;
    this.proxy = details.proxy;
    this.hasAnswered = details.hasAnswered ?? (details.status !== undefined || !unanswered.has(details.code));
  }
}

/** The first of a registry along the chain of causes; undefined where there is none. */
export function registryErrorOf(error: unknown): RegistryError | undefined {
  if (error instanceof RegistryError) return error;
  return error instanceof Error ? registryErrorOf(error.cause) : undefined;
}

/** The same failure in other words, and with some of its details changed. */
export function reworded(
  error: RegistryError,
  message: string,
  changes: Partial<RegistryErrorDetails> = {},
): RegistryError {
  return new RegistryError(message, { ...error, cause: error.cause, ...changes });
}

/** Whatever failed may be the proxy's doing, and many do not know that they have one. */
function namingProxy(message: string, proxy: string | undefined): string {
  return proxy === undefined || message.includes(proxy) ? message : `${message} (by way of the proxy ${proxy})`;
}
