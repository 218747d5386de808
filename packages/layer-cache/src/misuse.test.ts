import { misuseSuite } from '@slipway/arguments/suite';
import { digestBytes } from '@slipway/digest';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import * as exported from './index.ts';

misuseSuite('@slipway/layer-cache', exported);

test.each([
  ['in memory', async () => exported.createMemoryLayerCache()],
  ['in a folder', (folder: string) => exported.openLayerCache({ folder })],
  ['for a while', (folder: string) => exported.createTemporaryLayerCache({ folder })],
])('a cache %s tells of a signal that is none', async (_, open) => {
  await using folder = await temporaryFolder();
  await using cache = await open(folder.path);
  const diffID = digestBytes(new Uint8Array(1));
  for (const wrong of [new AbortController(), {}, 'now', 0]) {
    const options = { signal: wrong as never };
    await expect(cache.find(diffID, 'gzip', options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expect(cache.begin(diffID, 'gzip', options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  }
});
