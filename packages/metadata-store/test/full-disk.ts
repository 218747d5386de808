// A process of its own whose store lies on a disk of 256 KiB: `full-disk.ts FOLDER full|read-only|full-at-start`. Says
// as JSON what it was warned of, and what it still knew.
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { openMetadataStore } from '../src/book/book-store.ts';

const [folder = '', fault] = process.argv.slice(2);
const disk = dirname(folder);
const warnings: string[] = [];
const open = () => openMetadataStore({ folder, onWarning: ({ message }) => warnings.push(message) });

if (fault !== 'full-at-start') {
  await using store = await open();
  await store.tagAndAdd(digest(1), undefined, { digest: digest(11), sourceRepository: 'docker.io/library/busybox' });
}
// Once the store is closed: a write is told before its lock is gone, whose page would be free again on the full disk.
if (fault === 'read-only') execFileSync('mount', ['-o', 'remount,ro', disk]);
else fill();
{
  await using store = await open();
  const before = await store.layerRecords(digest(1));
  await store.tagAndAdd(digest(1), undefined, { digest: digest(12), sourceRepository: 'docker.io/library/busybox' });
  await store.rememberBlobSize(digest(12), 5);
  const after = await store.layerRecords(digest(1));
  const size = await store.blobSize(digest(12));
  writeSync(1, JSON.stringify({ warnings: [...warnings], before: before.length, after: after.length, size }));
}
if (fault !== 'read-only') {
  rmSync(join(disk, 'filler')); // with room again, it is kept again
  await using store = await open();
  await store.rememberBlobSize(digest(13), 6);
  await using other = await open();
  writeSync(1, `\n${await other.blobSize(digest(13))}`);
}

function fill(): void {
  const { bsize, bavail } = statfsSync(disk);
  try {
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bsize * (bavail + 8)));
  } catch {
    // as it was meant
  }
}

function digest(n: number): Digest {
  return `sha256:${n.toString(16).padStart(64, '0')}` as Digest;
}
