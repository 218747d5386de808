import type { AbortOptions } from '@slipway/digest';
import {
  type ImageSource,
  type OpenRegistrySourceOptions,
  openRegistrySource,
  SourceError,
} from '@slipway/image-source';
import { isRetryable } from '@slipway/push';
import { canonicalName, defaultTag, parseReference, type Reference } from '@slipway/reference';
import { furtherFailure, RegistryError, type Repository, registryErrorOf } from '@slipway/registry-client';
import { retrying, tellRetries } from '@slipway/transfer';
import type { Registries } from '../connection/registries.ts';
import { noteRegistryFacts } from '../credentials/registry-facts.ts';
import type { TrackedCredentials } from '../credentials/tracked-credentials.ts';

/** How one image of a registry is read. */
export type OpenRegistryImageOptions = Omit<OpenRegistrySourceOptions, 'retry'>;

/** A repository that is read from. */
export interface SourceRepository {
  /** Without a tag or digest. */
  readonly reference: Reference;
  readonly repository: Repository;
  /** Asks again where the registry is busy, or out of reach for a moment. */
  retry<T>(question: () => Promise<T>): Promise<T>;
  /** Opens one image of it. @throws {SourceError} */
  open(reference: Reference, options: OpenRegistryImageOptions): Promise<ImageSource>;
}

/** Registries that images are read from. */
export interface SourceRegistries {
  /**
   * Opens an image, trying the ways to its registry as a push would.
   *
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such image, `ERR_SOURCE_UNREADABLE` when its registry
   * fails
   */
  openImage(reference: string, options: OpenRegistryImageOptions): Promise<ImageSource>;
  /**
   * Connects to the repository of a reference.
   * @throws {SourceError} `ERR_SOURCE_UNREADABLE` when its registry fails
   */
  openRepository(reference: Reference, options: AbortOptions): Promise<SourceRepository>;
}

export interface SourceRegistriesOptions {
  readonly registries: Registries;
  readonly credentials: TrackedCredentials;
  /** For each question, the first included. */
  readonly attempts: number;
  /** Told of each wait for a registry. */
  readonly warn: (message: string) => void;
}

/** Reads from registries, with patience. */
export function createSourceRegistries({
  registries,
  credentials,
  attempts,
  warn,
}: SourceRegistriesOptions): SourceRegistries {
  const explain = async (error: unknown, reference: Reference, subject: string, signal: Signal): Promise<never> => {
    noteRegistryFacts(error, await credentials.factsOf(reference, { signal }));
    return asSourceError(error, subject, signal);
  };
  const openRepository: SourceRegistries['openRepository'] = async (reference, { signal }) => {
    const name = `docker://${reference.registry}/${reference.repository}`;
    const retry = <T>(question: () => Promise<T>): Promise<T> =>
      retrying(question, {
        ...{ signal, attempts, host: reference.registry, isTransient: isRetryable },
        onRetry: tellRetries(canonicalName(reference), warn),
      });
    const repository = await connectTo(reference, registries, { signal, attempts, warn }).catch((error: unknown) =>
      explain(error, reference, name, signal),
    );
    return {
      reference,
      repository,
      retry: (question) => retry(question).catch((error: unknown) => explain(error, reference, name, signal)),
      async open(wanted, options) {
        const subject = `docker://${wanted.registry}/${wanted.repository}:${wanted.digest ?? wanted.tag ?? defaultTag}`;
        return await openRegistrySource(repository, wanted, { ...options, retry }).catch((error: unknown) =>
          explain(error, reference, subject, options.signal),
        );
      },
    };
  };
  return {
    openRepository,
    async openImage(text, options) {
      const reference = parseReference(text, { defaultTag: 'latest' });
      const repository = await openRepository(reference, options);
      return await repository.open(reference, options);
    },
  };
}

type Signal = AbortSignal | undefined;

/**
 * The client of a reference's repository, through the first way that its registry can be reached by. A registry that is
 * busy is asked again.
 *
 * @throws {RegistryError} that says why there is no way
 */
export async function connectTo(
  reference: Reference,
  registries: Pick<Registries, 'endpointsOf'>,
  { signal, attempts, warn }: AbortOptions & Pick<SourceRegistriesOptions, 'attempts' | 'warn'>,
): Promise<Repository> {
  const connect = async (): Promise<Repository> => {
    let failure: Error | undefined;
    for (const endpoint of await registries.endpointsOf(reference)) {
      try {
        return await endpoint.connect({ signal });
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof RegistryError)) throw error;
        failure = furtherFailure(failure, error);
        if (error.hasAnswered || error.code !== 'ERR_REGISTRY_UNREACHABLE') throw failure;
      }
    }
    throw failure;
  };
  // Who does not answer at all is not there; who answers that he is busy will have time later.
  const hasAnswered = (error: Error): boolean =>
    isRetryable(error) && error instanceof RegistryError && error.status !== undefined;
  return await retrying(connect, {
    ...{ signal, attempts, host: reference.registry, isTransient: hasAnswered },
    onRetry: tellRetries(canonicalName(reference), warn),
  });
}

/** Says of a registry's failure that it is the source's. */
function asSourceError(error: unknown, name: string, signal: Signal): never {
  signal?.throwIfAborted();
  const answer = registryErrorOf(error);
  if (answer === undefined || error instanceof SourceError) throw error;
  throw new SourceError('ERR_SOURCE_UNREADABLE', `Cannot read the source ${name}: ${answer.message}`, { cause: error });
}
