import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fits } from './tar.mjs';

const roots = ['/usr/bin', '/usr/lib', '/usr/share', '/usr/include', '/usr/sbin', '/usr/local'];
const largest = 64 * 1024 * 1024;

/**
 * Regular files of this machine that everybody may read, in an order that the seed decides. Images made of them have
 * the mixture of programs, libraries, text and pictures that images have.
 */
export function machineFiles(seed) {
  const files = [];
  for (const root of roots) collect(root, files);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const random = randomNumbers(seed);
  // Whole folders stay together, as they do in a layer: what a package installs resembles itself.
  const order = new Map();
  for (const { folder } of files) if (!order.has(folder)) order.set(folder, random());
  return files.sort((a, b) => order.get(a.folder) - order.get(b.folder));
}

function collect(folder, files) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return; // not there, or not for us
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, files);
    else if (entry.isFile() && fits(path.slice(1))) {
      const { size, mode } = statSync(path);
      if (size > 0 && size <= largest && (mode & 0o004) !== 0) files.push({ path, folder, size });
    }
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
