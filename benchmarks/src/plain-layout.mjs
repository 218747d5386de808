import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyRange } from './copy-range.mjs';
import { readDockerArchive } from './docker-archive.mjs';
import { Layout, plainLayerType } from './layout.mjs';

/**
 * Makes an OCI layout of plain layers beside an image's docker-archive, out of it, unless it is there. Few cases need
 * it, and it is as large as the archive.
 */
export function makePlainLayout({ name, archive }) {
  const folder = join(dirname(archive), 'oci-plain');
  if (existsSync(folder)) return folder;
  process.stderr.write(`making ${name} as an OCI layout of plain layers\n`);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const layout = new Layout(partial);
  const { config, layers } = readDockerArchive(archive);
  const input = openSync(archive, 'r');
  const descriptors = layers.map(({ diffID, offset, size }) => {
    const output = openSync(join(layout.blobs, diffID.slice('sha256:'.length)), 'w');
    copyRange(input, { offset, size }, output);
    closeSync(output);
    return { mediaType: plainLayerType, digest: diffID, size };
  });
  closeSync(input);
  layout.end([layout.addImage(config, descriptors)]);
  renameSync(partial, folder);
  return folder;
}
