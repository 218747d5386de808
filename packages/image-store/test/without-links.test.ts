import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestStream } from '@slipway/digest';
import { openSource } from '@slipway/image-source';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { expect, test, vi } from 'vitest';
import { openImageStore, openStoreSource } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  link: async () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' });
  },
}));

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);

test('a file system without hard links keeps images too, and keeps what is read', async () => {
  const image = await randomImage({ seed: 'links' });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
  await using store = await openImageStore({ folder: at('store') });
  for (let time = 0; time < 2; time += 1) {
    await using archive = await openSource(at('image.tar'));
    expect(await store.load(archive)).toMatchObject([{ id: image.imageID }]);
  }
  {
    await using source = await openStoreSource(store, 'demo/app:v1');
    await store.delete('demo/app:v1');
    const [item] = source.items;
    for (const { content, diffID } of item?.kind === 'image' ? item.layers : []) {
      expect((await digestStream(content!.open())).digest).toBe(diffID);
    }
  }
  expect(await readdir(at('store/blobs/sha256'))).toEqual([]);
  expect(await readdir(at('store/.slipway/work'))).toEqual([]);
});
