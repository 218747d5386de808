import { type ImageSource, type OpenSourceOptions, openSource, parseSourceText } from '@slipway/image-source';
import type { CommandContext } from './command-context.ts';
import { openDaemonSource } from './daemon-source.ts';
import { usageError } from './errors.ts';
import { openRegistryImage, type RegistrySourceOptions } from './registry-source.ts';

export interface OpenCliSourceOptions extends RegistrySourceOptions {
  /** Told of a line that is worth a user's attention. */
  readonly print: (line: string) => void;
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
    referrers: options.referrers,
    spoolFolder: environment.temporaryFolder,
    onSpool: ({ name, path }) => options.print(`Writing ${name} to ${path} first`),
  };
  const parsed = parseSourceText(text);
  switch (parsed.transport) {
    case 'docker-daemon':
      return await openDaemonSource(parsed.reference, environment, opening);
    case 'docker':
      return await openRegistryImage(parsed.reference, options, { signal, environment });
    case 'store':
      throw usageError('store: sources come later', 'push an archive, a layout, docker-daemon:REF or docker://REF');
    default:
      return await openSource(text, opening);
  }
}
