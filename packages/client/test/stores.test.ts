import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStores } from '../src/stores/stores.ts';

const digest = `sha256:${'b'.repeat(64)}` as Digest;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-stores-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function useStores(dataFolder: string): Promise<readonly string[]> {
  const warnings: string[] = [];
  const environment = { dataFolder, temporaryFolder: root };
  await using stores = await openStores({ environment, warn: (text) => warnings.push(text) });
  await stores.metadataStore.rememberBlobSize(digest, 5);
  expect(await stores.metadataStore.blobSize(digest)).toBe(5);
  await using writer = await stores.layerCache.begin(digest, 'recipe');
  await writer?.append(new Uint8Array(10)).catch(() => {});
  return warnings;
}

describe('the data folder', () => {
  test('is made, and nothing is said', async () => {
    expect(await useStores(join(root, 'a/b'))).toEqual([]);
  });

  test('that is a file costs one warning, which names it and the reason', async () => {
    const folder = join(root, 'file');
    await writeFile(folder, '');
    expect(await useStores(folder)).toEqual([
      expect.stringMatching(new RegExp(`^Cannot open the metadata store in ${folder}/metadata: ENOTDIR: .+${folder}`)),
    ]);
  });

  test('that has two faults of different kinds costs two', async () => {
    const folder = join(root, 'two');
    await mkdir(join(folder, 'metadata'), { recursive: true });
    await symlink('/nowhere/at/all', join(folder, 'metadata/.slipway-lock'));
    await writeFile(join(folder, 'layers'), '');
    expect(await useStores(folder)).toEqual([
      expect.stringContaining(`mkdir '${folder}/layers/partial'`),
      expect.stringContaining('.slipway-lock: expected a folder or nothing there'),
    ]);
  });
});
