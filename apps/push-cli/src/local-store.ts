import { join } from 'node:path';
import { type ImageStore, openImageStore } from '@slipway/image-store';
import type { CommandContext } from './command-context.ts';
import { warningLine } from './progress/progress.ts';

/** What every command of this machine's store takes. */
export interface LocalStoreOptions {
  /** @default the environment's data folder */
  readonly dataDir?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/** Opens the images of this machine, in the data folder beside the caches of push. */
export async function openLocalStore(
  { dataDir }: Pick<LocalStoreOptions, 'dataDir'>,
  { environment, stderr }: Pick<CommandContext, 'environment' | 'stderr'>,
): Promise<ImageStore> {
  return await openImageStore({
    folder: join(dataDir ?? environment.dataFolder, 'images'),
    onWarning: (message) => stderr.write(`${warningLine(message)}\n`),
  });
}
