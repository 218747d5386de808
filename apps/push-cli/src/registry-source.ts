import { createCredentialProvider } from '@slipway/docker-credentials';
import { type ImageSource, openRegistrySource, SourceError, type SourceNotice } from '@slipway/image-source';
import type { Platform } from '@slipway/manifest';
import { isRetryable } from '@slipway/push';
import { parseReference, type Reference } from '@slipway/reference';
import { RegistryError, type Repository, type RequestRecord } from '@slipway/registry-client';
import { retrying } from '@slipway/transfer';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { credentialSources, trackCredentials } from './credentials.ts';
import { causesOf } from './exit-code.ts';
import { assertNoUser } from './mask-user.ts';
import { createRegistries } from './registries.ts';
import { noteFacts } from './registry-facts.ts';

export interface RegistrySourceOptions extends ConnectionOptions {
  /** Manifests for other platforms are not read. */
  readonly platform?: Platform | undefined;
  /** Looks for what refers to the image. */
  readonly referrers?: boolean | undefined;
  /** Lists what is not whole instead of refusing it. */
  readonly incomplete?: 'refuse' | 'list' | undefined;
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  /** Looks at the first bytes of each layer. */
  readonly recognise?: boolean | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
  /** Further attempts for each question. @default 4 */
  readonly retries?: number | undefined;
  readonly warn: (message: string) => void;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

type SourceContext = Pick<CommandContext, 'signal' | 'environment'>;

/** A repository that is read from. Leaving scope ends its connections. */
export interface SourceRepository extends AsyncDisposable {
  /** Without a tag or digest. */
  readonly reference: Reference;
  readonly repository: Repository;
  /** Asks again where the registry is busy, or out of reach for a moment. */
  retry<T>(question: () => Promise<T>): Promise<T>;
  /** Opens one image of it. @throws {SourceError} */
  open(reference: Reference, signal: AbortSignal): Promise<ImageSource>;
}

/**
 * Opens an image of a registry, trying the ways to it as a push would. `--username` is for the destination: for the source,
 * kept credentials count.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such image, `ERR_SOURCE_UNREADABLE` when its registry fails
 */
export async function openRegistryImage(
  text: string,
  options: RegistrySourceOptions,
  context: SourceContext,
): Promise<ImageSource> {
  assertNoUser(text);
  const reference = parseReference(text, { defaultTag: 'latest' });
  const repository = await openSourceRepository(reference, options, context);
  try {
    const source = await repository.open(reference, context.signal);
    return { ...source, [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose]() };
  } catch (error) {
    await repository[Symbol.asyncDispose]();
    throw error;
  }
}

/** Connects to the repository of a reference. @throws {SourceError} `ERR_SOURCE_UNREADABLE` when its registry fails */
export async function openSourceRepository(
  reference: Reference,
  options: RegistrySourceOptions,
  { signal, environment }: SourceContext,
): Promise<SourceRepository> {
  const credentials = trackCredentials(createCredentialProvider(credentialSources(options, environment, options.warn)));
  const registries = createRegistries({ ...options, environment, credentials });
  const name = `docker://${reference.registry}/${reference.repository}`;
  const attempts = (options.retries ?? 4) + 1;
  const explain = async (error: unknown, subject: string): Promise<never> => {
    noteFacts(error, await credentials.factsOf(reference));
    return asSourceError(error, subject, signal);
  };
  const retry = <T>(question: () => Promise<T>, only: (error: Error) => boolean = isRetryable): Promise<T> =>
    retrying(question, { signal, attempts, host: reference.registry, isTransient: only });
  const connect = async (): Promise<Repository> => {
    let failure: unknown;
    for (const endpoint of await registries.endpointsOf(reference)) {
      try {
        return await endpoint.connect({ signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RegistryError) || error.code !== 'ERR_REGISTRY_UNREACHABLE') throw error;
        failure ??= error;
      }
    }
    throw failure ?? new SourceError('ERR_SOURCE_NOT_FOUND', `No endpoint is left to try for ${name}`);
  };
  try {
    // Who does not answer at all is not there; who answers that he is busy will have time later.
    const hasAnswered = (error: Error): boolean =>
      isRetryable(error) && error instanceof RegistryError && error.status !== undefined;
    const repository = await retry(connect, hasAnswered);
    return {
      reference,
      repository,
      retry: (question) => retry(question).catch((error: unknown) => explain(error, name)),
      async open(wanted, aborting) {
        const { platform, referrers, incomplete, unpaired, recognise, onNotice } = options;
        const opening = { signal: aborting, platform, referrers, incomplete, unpaired, recognise, onNotice, retry };
        const subject = `docker://${wanted.registry}/${wanted.repository}:${wanted.digest ?? wanted.tag ?? 'latest'}`;
        return await openRegistrySource(repository, wanted, opening).catch((error: unknown) => explain(error, subject));
      },
      [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
    };
  } catch (error) {
    await registries[Symbol.asyncDispose]();
    return await explain(error, name);
  }
}

/** Says of a registry's failure that it is the source's. */
function asSourceError(error: unknown, name: string, signal: AbortSignal): never {
  signal.throwIfAborted();
  const answer = causesOf(error).find((cause) => cause instanceof RegistryError);
  if (answer === undefined || error instanceof SourceError) throw error;
  throw new SourceError('ERR_SOURCE_UNREADABLE', `Cannot read the source ${name}: ${answer.message}`, { cause: error });
}
