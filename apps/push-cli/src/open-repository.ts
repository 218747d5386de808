import { isRetryable } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { RegistryError, type Repository, type RequestRecord, wrapRepository } from '@slipway/registry-client';
import { retrying } from '@slipway/transfer';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { openCredentials } from './credentials.ts';
import { preferredFailure } from './preferred-failure.ts';
import { createRegistries } from './registries.ts';
import { noteFacts } from './registry-facts.ts';

export interface RepositoriesOptions extends ConnectionOptions {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  readonly warn: (message: string) => void;
}

/** The repositories of one run. Leaving scope ends their connections. */
export interface Repositories extends AsyncDisposable {
  /** The repository of a reference, through the first way to it that works. Questions that fail for a moment are asked again. */
  open(reference: Reference): Promise<Repository>;
  /** Does `work`, again where it fails for a moment; what fails for good is noted with what is known of the registry. */
  attempt<T>(reference: Reference, work: () => Promise<T>): Promise<T>;
}

const attempts = 5;

/** Whether the same may succeed in a moment. What a registry does not do at all it will not do then either, whatever its words. */
function isMomentary(error: unknown): boolean {
  return isRetryable(error) && !(error instanceof RegistryError && error.code === 'ERR_REGISTRY_UNSUPPORTED');
}

/** Opens repositories with the credentials, certificates and proxies of this user. */
export async function openRepositories(
  references: readonly Reference[],
  options: RepositoriesOptions,
  context: CommandContext,
): Promise<Repositories> {
  const { signal, environment } = context;
  const credentials = await openCredentials(options, references, context, options.warn);
  const registries = createRegistries({ ...options, environment, credentials });
  const patiently = <T>({ registry }: Reference, work: () => Promise<T>, only = isMomentary): Promise<T> =>
    retrying(work, { signal, attempts, host: registry, isTransient: only });
  const connect = async (reference: Reference): Promise<Repository> => {
    let failure: unknown;
    for (const endpoint of await registries.endpointsOf(reference)) {
      try {
        return await endpoint.connect({ signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RegistryError) || error.code !== 'ERR_REGISTRY_UNREACHABLE') throw error;
        failure = preferredFailure(failure, error);
      }
    }
    throw failure ?? new Error(`unreachable: no way to ${reference.registry}`);
  };
  /** Notes with a failure what is known of the registry. */
  const explained = async <T>(reference: Reference, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      noteFacts(error, await credentials.factsOf(reference));
      throw error;
    }
  };
  return {
    attempt: (reference, work) => explained(reference, patiently(reference, work)),
    async open(reference) {
      // Who does not answer at all is not there; who answers that he is busy will have time later.
      const hasAnswered = (error: unknown): boolean =>
        isMomentary(error) && error instanceof RegistryError && error.status !== undefined;
      const connecting = patiently(reference, () => connect(reference), hasAnswered);
      const repository = await explained(reference, connecting);
      return wrapRepository(repository, {
        statManifest: (name, asked) => patiently(reference, () => repository.statManifest(name, asked)),
        getManifest: (name, asked) => patiently(reference, () => repository.getManifest(name, asked)),
        referrers: (subject, asked) => patiently(reference, () => repository.referrers(subject, asked)),
      });
    },
    [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
  };
}
