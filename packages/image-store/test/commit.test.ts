import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { digestBytes } from '@slipway/digest';
import { acquireFileLock } from '@slipway/file-lock';
import { openSource } from '@slipway/image-source';
import { findUnshare, flipByte, randomImage, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ImageStore, type LoadedImage, openImageStore } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);
const image = await randomImage({ seed: 'commit', layers: [{ size: 200_000 }, { size: 100_000, kind: 'random' }] });

beforeEach(async () => {
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
});

async function load(store: ImageStore, onProgress?: () => void): Promise<readonly LoadedImage[]> {
  await using source = await openSource(at('image.tar'));
  return await store.load(source, { onProgress });
}

async function blobs(): Promise<readonly string[]> {
  return await readdir(at('store/blobs/sha256'));
}

/** Every image that is listed is there, every blob is what it is called. */
async function expectSound(store: ImageStore, tags: readonly string[]): Promise<void> {
  expect((await store.list()).flatMap((each) => each.tags)).toEqual(tags);
  for (const name of await blobs()) {
    expect(digestBytes(await readFile(at(`store/blobs/sha256/${name}`)))).toBe(`sha256:${name}`);
  }
}

describe('a load whose blobs somebody takes away', () => {
  // What is being written meanwhile may come into a folder that was just emptied.
  const takeAway = (): Promise<void> => rm(at('store/.slipway/work'), { recursive: true, maxRetries: 20 });

  test('while it waits for the store fails, and lists nothing', async () => {
    await using store = await openImageStore({ folder: at('store') });
    const lock = await acquireFileLock(at('store/.slipway/lock'));
    const loading = load(store);
    loading.catch(() => {});
    // All is gathered once nothing more is being written: the config comes last but one, the manifest last.
    await expect.poll(gathered, { timeout: 25_000 }).toBe(4);
    await takeAway();
    await lock[Symbol.asyncDispose]();
    await expect(loading).rejects.toMatchObject({
      name: 'ImageStoreError',
      code: 'ERR_IMAGE_STORE_CORRUPT',
      hint: 'Load the image again',
    });
    await expectSound(store, []);
    expect(await blobs()).toEqual([]);
  });

  test('while they are being gathered fails, and lists nothing', async () => {
    await using store = await openImageStore({ folder: at('store') });
    let taken: Promise<void> | undefined;
    const loading = load(store, () => {
      taken ??= takeAway();
    });
    await expect(loading).rejects.toMatchObject({ name: 'ImageStoreError' });
    await taken;
    await expectSound(store, []);
  });

  async function gathered(): Promise<number> {
    const [workspace] = (await readdir(at('store/.slipway/work'))).filter((name) => !name.endsWith('.lock'));
    if (workspace === undefined) return 0;
    return (await readdir(at(`store/.slipway/work/${workspace}/blobs/sha256`)).catch(() => [])).length;
  }
});

test('a change is not made by who has lost the lock in the meantime', async () => {
  let isLosing = false;
  // The warning comes while the store is locked.
  const onWarning = (): void => (isLosing ? rmSync(at('store/.slipway/lock'), { recursive: true }) : undefined);
  await using store = await openImageStore({ folder: at('store'), onWarning });
  await load(store);
  const index = await readFile(at('store/index.json'), 'utf8');
  await writeFile(at('store/repositories.json'), 'damaged');
  isLosing = true;
  await expect(store.delete('demo/app:v1')).rejects.toMatchObject({
    code: 'ERR_IMAGE_STORE_LOCKED',
    message: expect.stringContaining('another process has taken it'),
  });
  isLosing = false;
  expect(await readFile(at('store/index.json'), 'utf8')).toBe(index);
  await expectSound(store, ['demo/app:v1']);
});

describe('loading again heals', () => {
  test.each([
    ['a layer', 0],
    ['another layer', 1],
    ['the config', 2],
    ['the manifest', 3],
  ])('%s that is damaged, though as large as before', async (_, which) => {
    await using store = await openImageStore({ folder: at('store') });
    const [loaded] = await load(store);
    const layers = image.layers.map(({ diffID }) => String(diffID).slice('sha256:'.length));
    const config = String(loaded?.id).slice('sha256:'.length);
    const manifest = (await blobs()).find((name) => ![...layers, config].includes(name));
    const name = [...layers, config, manifest][which];
    await flipByte(at(`store/blobs/sha256/${name}`), -1);
    expect(digestBytes(await readFile(at(`store/blobs/sha256/${name}`)))).not.toBe(`sha256:${name}`);
    await using other = await openImageStore({ folder: at('store') });
    await load(other);
    await expectSound(other, ['demo/app:v1']);
  });

  test('a compressed layer', async () => {
    await writeOciArchive(at('image.tar'), [{ content: image, refName: 'demo/app:v1' }]);
    await using store = await openImageStore({ folder: at('store') });
    await load(store);
    for (const name of await blobs()) await flipByte(at(`store/blobs/sha256/${name}`), -1);
    await using other = await openImageStore({ folder: at('store') });
    await load(other);
    await expectSound(other, ['demo/app:v1']);
  });

  test('a layer that is gone', async () => {
    await using store = await openImageStore({ folder: at('store') });
    await load(store);
    await rm(at(`store/blobs/sha256/${String(image.layers[0]?.diffID).slice('sha256:'.length)}`));
    await load(store);
    await expectSound(store, ['demo/app:v1']);
    expect(await blobs()).toHaveLength(4);
  });
});

const { prefix, unless } = findUnshare('pid');

test.skipIf(unless)(
  `a load in a container is left alone by who opens the store beside it (${unless ?? 'unshare'})`,
  {
    timeout: 120_000,
  },
  async () => {
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const [program = '', ...flags] = prefix;
    const loader = ['--import', here('../../../tools/typescript-loader.mjs'), '--conditions=@slipway/source'];
    const child = spawn(program, [...flags, process.execPath, ...loader, here('slow-load.ts'), at('store')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => lines.push(line));
    const closed = once(child, 'close');
    await once(reader, 'line');
    expect(lines).toEqual(['loading']);
    {
      await using beside = await openImageStore({ folder: at('store') });
      await beside.collectGarbage({ graceMs: 0 });
      expect(await beside.list()).toEqual([]);
    }
    child.stdin.end();
    await closed;
    expect(lines[1]).toMatch(/^sha256:/);
    await using store = await openImageStore({ folder: at('store') });
    await expectSound(store, ['demo/slow:1']);
    expect(await blobs()).toHaveLength(4);
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
  },
);
