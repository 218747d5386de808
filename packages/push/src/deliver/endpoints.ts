import type { AbortOptions } from '@slipway/digest';
import type { Repository } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import { PushError, pushFailure } from '../errors.ts';
import type { Endpoint } from '../push.ts';
import { continuesOnError, registryErrorOf } from '../upload/retry-rules.ts';

/**
 * Runs `work` with the first endpoint that serves: https, then http for an insecure host. Once https has answered,
 * plain http to the same host is never tried.
 *
 * @throws {PushError} ERR_PUSH_NO_ENDPOINT when there is none to try; otherwise the last failure
 * @see push-behaviour c.1, d.8
 */
export async function overEndpoints<T>(
  endpoints: readonly Endpoint[],
  destination: string,
  work: (repository: Repository, endpoint: Endpoint) => Promise<T>,
  { signal }: AbortOptions = {},
): Promise<T> {
  const confirmedTls = new Set<string>();
  let failure: unknown;
  for (const endpoint of endpoints) {
    const { protocol, hostname } = endpoint.url;
    if (protocol !== 'https:' && confirmedTls.has(hostname)) continue;
    let repository: Repository;
    try {
      repository = await endpoint.connect({ signal });
    } catch (error) {
      signal?.throwIfAborted();
      // An answer of any kind means that TLS worked.
      if (registryErrorOf(error)?.status !== undefined && protocol === 'https:') confirmedTls.add(hostname);
      failure = preferred(
        failure,
        pushFailure(`to ${destination}`, { op: 'connect', origin: 'destination', cause: error }),
      );
      continue;
    }
    try {
      return await work(repository, endpoint);
    } catch (error) {
      signal?.throwIfAborted();
      if (!continuesOnError(error)) throw error;
      if (protocol === 'https:') confirmedTls.add(hostname);
      failure = error;
    }
  }
  throw (
    failure ??
    new PushError('ERR_PUSH_NO_ENDPOINT', `No endpoint is left to reach ${destination}`, {
      op: 'connect',
      origin: 'request',
    })
  );
}

/** A certificate or a proxy that was in the way says more than http's silence after it. */
function preferred(earlier: unknown, later: unknown): unknown {
  const isAnswer = registryErrorOf(later)?.status !== undefined;
  const saysMore = registryErrorOf(earlier)?.reason === 'tls' || isProxyRefusal(earlier);
  return saysMore && !isAnswer ? earlier : later;
}

function isProxyRefusal(error: unknown): boolean {
  return codeOf(error) === 'ERR_PROXY_REFUSED' || (error instanceof Error && isProxyRefusal(error.cause));
}
