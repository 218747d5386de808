import { join } from 'node:path';
import { aFunction, anObject, assertOptions, aText } from '@slipway/arguments';
import type { ImageStore } from '@slipway/image-store';
import type { ClientEnvironment } from '../environment.ts';
import { ClientError } from '../errors.ts';

/** Where this machine's images lie. */
export interface LocalImagesOptions {
  /** @default the environment's data folder */
  readonly dataDir?: string | undefined;
  readonly environment: Pick<ClientEnvironment, 'dataFolder'>;
  /** Told what a user should know. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Opens the images of this machine, in the data folder beside the caches of push.
 *
 * @throws {ClientError} `ERR_CLIENT_NO_FOLDER` when no folder is named and this user has no home folder
 */
export async function openLocalImages(options: LocalImagesOptions): Promise<ImageStore> {
  assertOptions('options', options, {
    required: { environment: anObject },
    optional: { dataDir: aText, onWarning: aFunction },
  });
  const { dataDir, environment, onWarning } = options;
  const folder = dataDir ?? environment.dataFolder;
  if (folder === undefined) {
    throw new ClientError('ERR_CLIENT_NO_FOLDER', 'this user has no home folder to keep images in', {
      hint: 'name a folder with `dataDir` or SLIPWAY_DATA_DIR',
    });
  }
  const { openImageStore } = await import('@slipway/image-store');
  return await openImageStore({ folder: join(folder, 'images'), onWarning });
}
