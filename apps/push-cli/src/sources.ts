import {
  type ImageSource,
  type OpenSourceOptions,
  openSource,
  parseSourceText,
  SourceError,
} from '@slipway/image-source';
import { parseReference } from '@slipway/reference';
import { createCredentialProvider, RegistryError, type RequestRecord } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { credentialSources } from './credentials.ts';
import { openDaemonSource } from './daemon-source.ts';
import { usageError } from './errors.ts';
import { createRegistries } from './registries.ts';
import { readRegistrySource } from './registry-source.ts';

export interface OpenCliSourceOptions extends ConnectionOptions {
  /** Told of a line that is worth a user's attention. */
  readonly print: (line: string) => void;
  readonly warn: (message: string) => void;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/**
 * Opens a SOURCE argument, whatever its transport; says so when it has to be written to the disk first.
 *
 * @throws {SourceError} when there is no such source, or it cannot be read
 */
export async function openCliSource(
  text: string,
  options: OpenCliSourceOptions,
  { signal, stdin, environment }: CommandContext,
): Promise<ImageSource> {
  const opening: OpenSourceOptions = {
    signal,
    stdin,
    spoolFolder: environment.temporaryFolder,
    onSpool: ({ name, path }) => options.print(`Writing ${name} to ${path} first`),
  };
  const parsed = parseSourceText(text);
  switch (parsed.transport) {
    case 'docker-daemon':
      return await openDaemonSource(parsed.reference, environment, opening);
    case 'docker':
      return await openRegistrySource(parsed.reference, options, { signal, environment });
    case 'store':
      throw usageError('store: sources come later', 'push an archive, a layout, docker-daemon:REF or docker://REF');
    default:
      return await openSource(text, opening);
  }
}

/** Tries the ways to the registry as a push would. `--username` is for the destination: the source has kept credentials. */
async function openRegistrySource(
  text: string,
  options: OpenCliSourceOptions,
  { signal, environment }: Pick<CommandContext, 'signal' | 'environment'>,
): Promise<ImageSource> {
  const reference = parseReference(text, { defaultTag: 'latest' });
  const credentials = createCredentialProvider(credentialSources(options, environment, options.warn));
  const registries = createRegistries({ ...options, environment, credentials });
  const dispose = async (): Promise<void> => await registries[Symbol.asyncDispose]();
  try {
    let failure: unknown;
    for (const endpoint of registries.endpointsOf(reference)) {
      try {
        const repository = await endpoint.connect({ signal });
        const source = await readRegistrySource(repository, reference, { signal });
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
    throw error;
  }
}
