import type { AbortOptions } from '@slipway/digest';
import { type ImageSource, openRegistrySource, type RegistryReader, SourceError } from '@slipway/image-source';
import type { Platform } from '@slipway/manifest';
import { isRetryable } from '@slipway/push';
import { parseReference } from '@slipway/reference';
import {
  createCredentialProvider,
  listReferrers,
  RegistryError,
  type Repository,
  type RequestRecord,
} from '@slipway/registry-client';
import { retrying } from '@slipway/transfer';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { credentialSources, trackCredentials } from './credentials.ts';
import { assertNoUser } from './mask-user.ts';
import { createRegistries } from './registries.ts';
import { noteFacts } from './registry-facts.ts';

export interface RegistrySourceOptions extends ConnectionOptions {
  /** Manifests for other platforms are not read. */
  readonly platform?: Platform | undefined;
  /** Looks for what refers to the image. */
  readonly referrers?: boolean | undefined;
  readonly warn: (message: string) => void;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/**
 * Opens an image of a registry, trying the ways to it as a push would. `--username` is for the destination: for the source,
 * kept credentials count.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such image
 */
export async function openRegistryImage(
  text: string,
  options: RegistrySourceOptions,
  { signal, environment }: Pick<CommandContext, 'signal' | 'environment'>,
): Promise<ImageSource> {
  assertNoUser(text);
  const reference = parseReference(text, { defaultTag: 'latest' });
  const credentials = trackCredentials(createCredentialProvider(credentialSources(options, environment, options.warn)));
  const registries = createRegistries({ ...options, environment, credentials });
  const dispose = async (): Promise<void> => await registries[Symbol.asyncDispose]();
  const { platform, referrers } = options;
  try {
    let failure: unknown;
    for (const endpoint of await registries.endpointsOf(reference)) {
      try {
        const repository = await endpoint.connect({ signal });
        const source = await openRegistrySource(readerOf(repository), reference, { signal, platform, referrers });
        return { ...source, [Symbol.asyncDispose]: dispose };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RegistryError) || error.code !== 'ERR_REGISTRY_UNREACHABLE') throw error;
        failure ??= error;
      }
    }
    throw failure ?? new SourceError('ERR_SOURCE_NOT_FOUND', `There is no way to ${text}`);
  } catch (error) {
    await dispose();
    noteFacts(error, await credentials.factsOf(reference));
    throw error;
  }
}

/** Manifests are asked for again when the registry is busy; a blob that breaks off is the engine's to open again. */
function readerOf(repository: Repository): RegistryReader {
  const ask = <T>({ signal }: AbortOptions = {}, question: () => Promise<T>): Promise<T> =>
    retrying(question, { signal, host: repository.registry, isTransient: isRetryable });
  return {
    registry: repository.registry,
    path: repository.path,
    getManifest: (tagOrDigest, options) => ask(options, () => repository.getManifest(tagOrDigest, options)),
    openBlob: (digest, options) => repository.openBlob(digest, options),
    listReferrers: (digest, options) => ask(options, () => listReferrers(repository, digest, options)),
  };
}
