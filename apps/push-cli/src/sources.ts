import { type ImageSource, openSource } from '@slipway/image-source';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';

/** Opens a SOURCE argument; says so when it has to be written to the disk first. */
export async function openCliSource(
  text: string,
  _options: ConnectionOptions,
  { signal, stdin, environment }: CommandContext,
  say: (line: string) => void,
): Promise<ImageSource> {
  return await openSource(text, {
    signal,
    stdin,
    spoolFolder: environment.temporaryFolder,
    onSpool: ({ name, path }) => say(`slipway: writing ${name} to ${path} first`),
  });
}
