import { type AbortOptions, machineLimitOf } from '@slipway/digest';
import { canonicalName, type Reference } from '@slipway/reference';
import { furtherFailure, type Repository } from '@slipway/registry-client';
import { onceAnAttempt, retrying } from '@slipway/transfer';
import { codeOf } from '../error-code.ts';
import { PushError, pushFailure } from '../errors.ts';
import type { ConnectOptions, Endpoint } from '../push.ts';
import { continuesOnError, destinationErrorOf, isTransient } from '../upload/retry-rules.ts';
import type { DeliveryRetry } from './delivery.ts';

/** Waits between attempts to reach a registry that is not up yet: 1, 2, 4, 8, … seconds, 15 at most. */
const firstWaitMs = 1_000;
const longestWaitMs = 15_000;

export interface EndpointOptions extends AbortOptions {
  readonly retry: DeliveryRetry;
  /** What is asked first through an endpoint. */
  readonly first?: ((endpoint: Endpoint) => ReturnType<NonNullable<ConnectOptions['first']>>) | undefined;
  /** Told of each wait for a registry that cannot be reached. */
  readonly onRetry?: ((message: string) => void) | undefined;
}

/**
 * Runs `work` with the first endpoint that serves: https, then http for an insecure host. Once https has answered,
 * plain http to the same host is never tried. When none can be reached for now, all are tried again. Messages have the
 * name in full: `alpine` alone would read as a host.
 *
 * @throws {PushError} ERR_PUSH_NO_ENDPOINT when there is none to try, ERR_PUSH_WRONG_REPOSITORY when an endpoint's
 * client is of another repository; otherwise the failure of the way that led further
 * @see push-behaviour c.1, d.8
 */
export async function overEndpoints<T>(
  endpoints: readonly Endpoint[],
  reference: Reference,
  work: (repository: Repository, endpoint: Endpoint) => Promise<T>,
  { retry, signal, first, onRetry }: EndpointOptions,
): Promise<T> {
  const confirmedTls = new Set<string>();
  const tried = new Set<Endpoint>();
  return await retrying(
    async () => {
      const failures: Error[] = [];
      for (const endpoint of endpoints) {
        if (tried.has(endpoint)) continue;
        const { protocol, hostname } = endpoint.url;
        if (protocol !== 'https:' && confirmedTls.has(hostname)) continue;
        let repository: Repository;
        try {
          repository = await endpoint.connect({ signal, first: first && (() => first(endpoint)) });
        } catch (cause) {
          signal?.throwIfAborted();
          // This machine could not ask: that is no reason to go on without TLS.
          if (machineLimitOf(cause) !== undefined) throw cause;
          // An answer of any kind means that TLS worked.
          if (destinationErrorOf(cause)?.hasAnswered && protocol === 'https:') confirmedTls.add(hostname);
          failures.push(cause instanceof Error ? cause : new Final(cause));
          continue;
        }
        assertSameRepository(repository, reference);
        try {
          return await work(repository, endpoint);
        } catch (error) {
          signal?.throwIfAborted();
          if (!continuesOnError(error)) throw new Final(error);
          tried.add(endpoint); // what it could do has been done, with retries of its own
          if (protocol === 'https:') confirmedTls.add(hostname);
          failures.push(new Final(error));
        }
      }
      const telling = tellingFailure(failures, canonicalName(reference));
      throw failures.some((failure) => failure instanceof Final) ? new Final(causeOf(telling)) : telling;
    },
    {
      ...retry,
      backoff: retry.backoff ?? (({ attempt }) => Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1))),
      signal,
      host: reference.registry,
      isTransient: (error) =>
        !(error instanceof Final) && codeOf(error) !== 'ERR_PUSH_NO_ENDPOINT' && isTransient(error),
      onRetry: onceAnAttempt(({ attempt, seconds, cause }) =>
        onRetry?.(`retry ${attempt} in ${seconds} s: ${cause.message}`),
      ),
    },
  ).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw pushFailure(`to ${canonicalName(reference)}`, {
      op: 'connect',
      origin: 'destination',
      cause: causeOf(error),
    });
  });
}

/** A failure that no further round over the endpoints changes. */
class Final extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Final ? causeOf(error.cause) : error;
}

/** A push reports the repository that the reference names: it must be the one that is written to. */
function assertSameRepository({ path }: Repository, reference: Reference): void {
  const { repository } = reference;
  if (path === repository) return;
  throw new Final(
    new PushError(
      'ERR_PUSH_WRONG_REPOSITORY',
      `Could not connect to ${canonicalName(reference)}: expected a client of repository ${repository}, ` +
        `got one of ${path}`,
      { op: 'connect', origin: 'request' },
    ),
  );
}

/** Of the failures of https and http, that of the way that led further. */
function tellingFailure(failures: readonly Error[], destination: string): Error {
  const none = new PushError('ERR_PUSH_NO_ENDPOINT', `No endpoint is left to reach ${destination}`, {
    op: 'connect',
    origin: 'request',
  });
  return failures.reduce<Error | undefined>(furtherFailure, undefined) ?? none;
}
