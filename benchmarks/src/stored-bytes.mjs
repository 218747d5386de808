import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of the blobs that the registries keep: what was sent, and arrived. */
export function storedBytes(servers) {
  return servers.reduce((total, { folder }) => total + bytesIn(join(folder, 'data/docker/registry/v2/blobs')), 0);
}

function bytesIn(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return 0; // nothing was pushed yet
  }
  return entries.reduce((total, entry) => {
    const path = join(folder, entry.name);
    return total + (entry.isDirectory() ? bytesIn(path) : statSync(path).size);
  }, 0);
}
