import type { Content } from '@slipway/digest';
import { fileEntry, type TarEntry, tarBytes, writeStream } from '../images/tar-format.ts';

/** One image of an archive of 2015: a layer with a `json` of its own. */
export interface GraphArchiveImage {
  /** 64 hex digits. */
  readonly id: string;
  readonly json: Uint8Array;
  /** The plain tar. */
  readonly layer: Content;
}

/** Writes what `docker save` wrote before 1.10: a folder an image, and `repositories` if there are names. */
export async function writeGraphArchive(
  path: string,
  images: readonly GraphArchiveImage[],
  repositories: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<void> {
  await writeStream(path, tarBytes(entries(images, repositories)));
}

function* entries(
  images: readonly GraphArchiveImage[],
  repositories: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Generator<TarEntry> {
  for (const { id, json, layer } of images) {
    yield { name: `${id}/`, type: 'directory' };
    yield fileEntry(`${id}/VERSION`, '1.0');
    yield fileEntry(`${id}/json`, json);
    yield { name: `${id}/layer.tar`, type: 'file', content: layer };
  }
  if (Object.keys(repositories).length > 0) yield fileEntry('repositories', JSON.stringify(repositories));
}
