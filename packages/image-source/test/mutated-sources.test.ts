import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { mutatedSource, writeMutatedSource } from '@slipway/testkit';
import { expect, test } from 'vitest';
import type { SourceItem } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

/** Documents are what their digests say, and an image has a layer for each diffID. */
function expectProven(item: SourceItem): void {
  if (item.manifest !== undefined) expect(digestBytes(item.manifest.bytes)).toBe(item.manifest.digest);
  if (item.kind === 'index') for (const { item: child } of item.children) expectProven(child);
  if (item.kind !== 'image') return;
  expect(digestBytes(item.config.bytes)).toBe(item.config.digest);
}

// benchmarks/fuzz-sources.mjs does more of them, and pushes them.
test.each(Array.from({ length: 8 }, (_, at) => at * 50))(
  'mutated sources from seed %i are opened or refused',
  async (first) => {
    for (let seed = first; seed < first + 50; seed += 1) {
      const path = join(folder(), String(seed));
      await writeMutatedSource(path, mutatedSource(seed));
      try {
        await using source = await openSource(path, { spoolFolder: folder() });
        for (const item of source.items) expectProven(item);
      } catch (error) {
        expect(error, `seed ${seed}`).toMatchObject({ name: 'SourceError', origin: 'source' });
        expect((error as Error).message, `seed ${seed}`).not.toMatch(
          /undefined|\[object|is not a function|unreachable:/,
        );
      }
      await rm(path, { recursive: true, force: true });
    }
  },
);
