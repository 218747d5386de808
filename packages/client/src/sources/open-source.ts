import {
  type ImageSource,
  type OpenSourceOptions,
  openSource,
  parseSourceText,
  type SourceNotice,
} from '@slipway/image-source';
import type { CommandContext } from './command-context.ts';
import { openRegistryImage, type RegistrySourceOptions } from './registry-source.ts';

export interface OpenCliSourceOptions extends RegistrySourceOptions {
  /** Told of a line that is worth a user's attention. */
  readonly print: (line: string) => void;
  /** Where this machine's store lies. @default the environment's data folder */
  readonly dataDir?: string | undefined;
  /** Of a `store:` source, every tag of the repository. @default false */
  readonly allTags?: boolean | undefined;
}

/**
 * Opens a SOURCE argument, whatever its transport; says so when it has to be written to the disk first.
 *
 * @throws {SourceError} when there is no such source, or it cannot be read
 */
export async function openCliSource(
  text: string,
  options: OpenCliSourceOptions,
  context: CommandContext,
): Promise<ImageSource> {
  const { signal, stdin, environment } = context;
  const { referrers, platform, incomplete, unpaired } = options;
  const onNotice = ({ message }: SourceNotice): void => options.warn(message);
  const opening: OpenSourceOptions = {
    signal,
    stdin,
    referrers,
    platform,
    incomplete,
    unpaired,
    onNotice,
    spoolFolder: environment.temporaryFolder,
    onSpool: ({ name, path }) => options.print(`Writing ${name} to ${path} first`),
  };
  const parsed = parseSourceText(text);
  switch (parsed.transport) {
    case 'docker-daemon':
      return await openDaemonImage(parsed.reference, opening, context);
    case 'docker':
      return await openRegistryImage(parsed.reference, { ...options, onNotice }, { signal, environment });
    case 'store':
      return await (await import('./store-image-source.ts')).openStoredImage(parsed.reference, options, context);
    default:
      return await openSource(text, opening);
  }
}

/** The daemon is the one that the docker client would talk to. */
async function openDaemonImage(
  reference: string,
  opening: OpenSourceOptions,
  { environment }: Pick<CommandContext, 'environment'>,
): Promise<ImageSource> {
  const { findDaemonEndpoint, openDaemonSource } = await import('@slipway/image-source/daemon');
  const { variables, dockerConfigFolder: configFolder } = environment;
  return await openDaemonSource(reference, { ...opening, ...(await findDaemonEndpoint({ variables, configFolder })) });
}
