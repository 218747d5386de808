import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mediaTypes } from '@slipway/manifest';
import { randomImage, writeOciLayout } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { openLayoutItem } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const image = await randomImage({ seed: 'item' });

test('a manifest is opened by its descriptor, without an index.json', async () => {
  const { entries } = await writeOciLayout(folder(), [{ content: image }]);
  await rm(join(folder(), 'index.json'));
  const item = await openLayoutItem(folder(), entries[0]!);
  expect(item).toMatchObject({ kind: 'image', names: [], config: { digest: image.imageID } });
});

test('a manifest that is not there is named', async () => {
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: image.imageID, size: 3 };
  await expect(openLayoutItem(folder(), descriptor, { name: 'mine' })).rejects.toMatchObject({
    code: 'ERR_SOURCE_NOT_FOUND',
    message: `Blobs missing in "mine": ${image.imageID}`,
  });
});
