import { type Client, noteRegistryFacts } from '@slipway/client';
import { isRetryable } from '@slipway/push';
import { canonicalName, type Reference } from '@slipway/reference';
import { RegistryError, type Repository, wrapRepository } from '@slipway/registry-client';
import { retrying, tellRetries } from '@slipway/transfer';

/** Repositories whose temporary failures are retried; a lasting failure gets the facts that the advice needs. */
export interface Repositories {
  /** The repository of a reference, through the first way to it that works. */
  open(reference: Reference): Promise<Repository>;
  /** Does `work`, and retries it after a temporary failure. Adds the facts about the registry to a lasting one. */
  attempt<T>(reference: Reference, work: () => Promise<T>): Promise<T>;
}

const attempts = 5;

/** Asks through a client, which has the credentials, certificates and proxies. Each wait is told. */
export function patientRepositories(
  client: Client,
  { signal, warn }: { readonly signal: AbortSignal; readonly warn: (message: string) => void },
): Repositories {
  const patiently = <T>(reference: Reference, work: () => Promise<T>): Promise<T> =>
    retrying(work, {
      ...{ signal, attempts, host: reference.registry, isTransient: isMomentary },
      onRetry: tellRetries(canonicalName(reference), warn),
    });
  /** Adds the facts about the registry to a failure. */
  const explained = async <T>(reference: Reference, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      noteRegistryFacts(error, await client.credentials.factsOf(reference));
      throw error;
    }
  };
  return {
    attempt: (reference, work) => explained(reference, patiently(reference, work)),
    async open(reference) {
      const repository = await explained(reference, client.repository(reference, { signal }));
      return wrapRepository(repository, {
        statManifest: (name, asked) => patiently(reference, () => repository.statManifest(name, asked)),
        getManifest: (name, asked) => patiently(reference, () => repository.getManifest(name, asked)),
        referrers: (subject, asked) => patiently(reference, () => repository.referrers(subject, asked)),
      });
    },
  };
}

/**
 * Whether a retry may succeed. A registry that does not support an operation never will, whatever error it answers
 * with.
 */
function isMomentary(error: unknown): boolean {
  return isRetryable(error) && !(error instanceof RegistryError && error.code === 'ERR_REGISTRY_UNSUPPORTED');
}
