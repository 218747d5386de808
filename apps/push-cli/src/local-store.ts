import { openLocalImages, parseDestinations } from '@slipway/client/program';
import type { ImageStore } from '@slipway/image-store';
import type { Reference } from '@slipway/reference';
import type { CommandContext } from './command-context.ts';
import { warningLine } from './progress/lines.ts';

/** Opens the images of this machine. @throws {ClientError} `ERR_CLIENT_NO_FOLDER` */
export async function openLocalStore(
  { dataDir }: { readonly dataDir?: string | undefined },
  { environment, stderr }: Pick<CommandContext, 'environment' | 'stderr'>,
): Promise<ImageStore> {
  return await openLocalImages({
    dataDir,
    environment,
    onWarning: (message) => stderr.write(`${warningLine(message)}\n`),
  });
}

/** Names for images, as people type them. @throws {ClientError} `ERR_CLIENT_DESTINATION` */
export function readNames(texts: readonly string[]): readonly Reference[] {
  return parseDestinations(texts);
}
