import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, bench, describe } from 'vitest';
import { openFileReader } from '../src/files/file-reader.ts';

// What one pass over a layer costs by the size of its reads; the file is in the page cache.
// Run: npx vitest bench --run

const size = 256 * 1024 * 1024;
const path = join(tmpdir(), `slipway-bench-${process.pid}`);

beforeAll(async () => {
  const file = await open(path, 'w');
  for (let written = 0; written < size; written += 1024 * 1024)
    await file.write(Buffer.alloc(1024 * 1024, written % 251));
  await file.close();
});

afterAll(async () => {
  await rm(path, { force: true });
});

describe('256 MiB', () => {
  for (const kibibytes of [64, 256, 512, 1024]) {
    bench(`reads of ${kibibytes} KiB, one ahead`, async () => {
      const handle = await open(path);
      const length = kibibytes * 1024;
      const read = (position: number): Promise<unknown> =>
        handle.read(Buffer.allocUnsafeSlow(length), 0, length, position);
      let ahead = read(0);
      for (let position = 0; position < size; position += length) {
        await ahead;
        ahead = read(position + length);
      }
      await ahead;
      await handle.close();
    });
  }

  bench('content', async () => {
    const reader = await openFileReader(path);
    for await (const _ of reader.slice(0, size, 'it').open());
    await reader[Symbol.asyncDispose]();
  });
});
