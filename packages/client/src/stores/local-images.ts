import { join } from 'node:path';
import { type ImageStore, openImageStore } from '@slipway/image-store';
import type { CommandContext } from './command-context.ts';
import { usageError } from './errors.ts';
import { warningLine } from './progress/lines.ts';

/** What every command of this machine's store takes. */
export interface LocalStoreOptions {
  /** @default the environment's data folder */
  readonly dataDir?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/**
 * Opens the images of this machine, in the data folder beside the caches of push.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when no folder is named and this user has no home folder
 */
export async function openLocalStore(
  { dataDir }: Pick<LocalStoreOptions, 'dataDir'>,
  { environment, stderr }: Pick<CommandContext, 'environment' | 'stderr'>,
): Promise<ImageStore> {
  const folder = dataDir ?? environment.dataFolder;
  if (folder === undefined) {
    throw usageError(
      'this user has no home folder to keep images in',
      'name a folder with --data-dir or SLIPWAY_DATA_DIR',
    );
  }
  return await openImageStore({
    folder: join(folder, 'images'),
    onWarning: (message) => stderr.write(`${warningLine(message)}\n`),
  });
}
