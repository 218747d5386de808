import { type Client, noteRegistryFacts } from '@slipway/client';
import { isRetryable } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { RegistryError, type Repository, wrapRepository } from '@slipway/registry-client';
import { retrying } from '@slipway/transfer';

/** Repositories as a command asks them: again where a question fails for a moment, and with what is known when it fails for good. */
export interface Repositories {
  /** The repository of a reference, through the first way to it that works. */
  open(reference: Reference): Promise<Repository>;
  /** Does `work`, again where it fails for a moment; what fails for good is noted with what is known of the registry. */
  attempt<T>(reference: Reference, work: () => Promise<T>): Promise<T>;
}

const attempts = 5;

/** Asks through a client, which has the credentials, certificates and proxies. */
export function patientRepositories(client: Client, signal: AbortSignal): Repositories {
  const patiently = <T>({ registry }: Reference, work: () => Promise<T>): Promise<T> =>
    retrying(work, { signal, attempts, host: registry, isTransient: isMomentary });
  /** Notes with a failure what is known of the registry. */
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

/** Whether the same may succeed in a moment. What a registry does not do at all it will not do then either, whatever its words. */
function isMomentary(error: unknown): boolean {
  return isRetryable(error) && !(error instanceof RegistryError && error.code === 'ERR_REGISTRY_UNSUPPORTED');
}
