import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { acquireFileLock } from '@slipway/file-lock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { metadataStoreSuite } from '../suite.ts';
import { openFileMetadataStore } from './file-store.ts';

const diffID = `sha256:${'d'.repeat(64)}` as Digest;
const digest = `sha256:${'b'.repeat(64)}` as Digest;
const records = `v2metadata-by-diffid/sha256/${'d'.repeat(64)}`;
const v1ID = 'f0'.repeat(32);
const hmac = 'ab'.repeat(32);
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-files-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const newFolder = () => mkdtemp(join(root, 'store-'));

metadataStoreSuite('the file store', async () => openFileMetadataStore({ folder: await newFolder() }));

describe('the file store keeps the files of Docker', () => {
  test('the bytes are those Docker writes', async () => {
    const folder = await newFolder();
    const store = await openFileMetadataStore({ folder });
    await store.addLayerRecord(diffID, { digest, sourceRepository: 'docker.io/library/busybox', hmac });
    await store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' });
    await store.setV1Layer('localhost:5000', v1ID, diffID);
    await store[Symbol.asyncDispose]();
    expect(await readFile(join(folder, records), 'utf8')).toBe(
      `[{"Digest":"${digest}","SourceRepository":"docker.io/library/busybox","HMAC":"${hmac}"},{"Digest":"${digest}","SourceRepository":"","HMAC":""}]`,
    );
    expect(await readFile(join(folder, `diffid-by-digest/sha256/${'b'.repeat(64)}`), 'utf8')).toBe(diffID);
    expect(await readFile(join(folder, `v1id/localhost:5000,${v1ID}`), 'utf8')).toBe(diffID);
    expect((await readdir(folder)).sort()).toEqual(['diffid-by-digest', 'v1id', 'v2metadata-by-diffid']);
    expect(await readdir(join(folder, 'v2metadata-by-diffid/sha256'))).toEqual(['d'.repeat(64)]);
  });

  test('what Docker wrote is read', async () => {
    const folder = await newFolder();
    await put(
      folder,
      records,
      `[{"Digest":"${digest}","SourceRepository":"docker.io/library/busybox","HMAC":"${hmac}"}]`,
    );
    await using store = await openFileMetadataStore({ folder });
    expect(await store.layerRecords(diffID)).toEqual([{ digest, sourceRepository: 'docker.io/library/busybox', hmac }]);
  });

  test('the file of an emptied list goes', async () => {
    const folder = await newFolder();
    await using store = await openFileMetadataStore({ folder });
    const record = { digest, sourceRepository: '', hmac: '' };
    await store.addLayerRecord(diffID, record);
    await store.removeLayerRecord(record);
    await expect(stat(join(folder, records))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.skipIf(process.platform === 'win32')('modes are those of Docker', async () => {
    const folder = join(await newFolder(), 'made/by/us');
    await using store = await openFileMetadataStore({ folder });
    await store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' });
    const modeOf = async (path: string) => ((await stat(join(folder, path))).mode & 0o777).toString(8);
    expect([await modeOf(''), await modeOf('v2metadata-by-diffid/sha256'), await modeOf(records)]).toEqual([
      '700',
      (0o755 & ~process.umask()).toString(8),
      '644',
    ]);
  });
});

describe('a damaged record counts as unknown, and the next write repairs it', () => {
  test.each([
    ['not JSON', '{"Digest'],
    ['empty', ''],
    ['not a list', '{}'],
    ['a list of something else', '[1, null, [], {"Digest": 5}]'],
    ['a digest that is none', '[{"Digest":"sha256:zz","SourceRepository":"","HMAC":""}]'],
    ['far too large', ' '.repeat(1024 * 1024 + 1)],
  ])('%s', async (_rule, text) => {
    const folder = await newFolder();
    await put(folder, records, text);
    await put(folder, `diffid-by-digest/sha256/${'b'.repeat(64)}`, text);
    await put(folder, `slipway-blob-size/sha256/${'b'.repeat(64)}`, text);
    await using store = await openFileMetadataStore({ folder });
    expect(await store.layerRecords(diffID)).toEqual([]);
    expect(await store.diffIDOf(digest)).toBeUndefined();
    expect(await store.blobSize(digest)).toBeUndefined();
    await store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' });
    expect(await store.layerRecords(diffID)).toHaveLength(1);
    expect(await store.diffIDOf(digest)).toBe(diffID);
  });
});

describe('what lies in the place of a record, and is no file, counts as unknown, and the next write replaces it', () => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ['a folder', (path) => mkdir(path)],
    ['a folder that is not empty', (path) => mkdir(join(path, 'x'), { recursive: true })],
    ['a link to nowhere', (path) => symlink('/nowhere/at/all', path)],
    ['a link to itself', (path) => symlink(path, path)],
    ['a device', (path) => symlink('/dev/zero', path)],
    ['a FIFO', async (path) => execFileSync('mkfifo', [path])],
  ])('%s', async (_rule, place) => {
    const folder = await newFolder();
    await mkdir(join(folder, records, '..'), { recursive: true });
    await place(join(folder, records));
    await using store = await openFileMetadataStore({ folder });
    expect(await store.layerRecords(diffID)).toEqual([]);
    await store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' });
    expect(await store.layerRecords(diffID)).toHaveLength(1);
  });

  test('one damaged record leaves the others alone', async () => {
    const folder = await newFolder();
    await using store = await openFileMetadataStore({ folder });
    const other = `sha256:${'e'.repeat(64)}` as Digest;
    await store.addLayerRecord(other, { digest, sourceRepository: '', hmac: '' });
    await put(folder, records, 'damaged');
    expect(await store.layerRecords(diffID)).toEqual([]);
    expect(await store.layerRecords(other)).toHaveLength(1);
  });
});

describe('the lock of the file store', () => {
  test('is waited for, then given up, and reads go on', async () => {
    const folder = await newFolder();
    await using store = await openFileMetadataStore({ folder, lockTimeoutMs: 1 });
    await store.rememberBlobSize(digest, 1);
    {
      await using _lock = await acquireFileLock(join(folder, '.slipway-lock'));
      const writes = [
        store.rememberBlobSize(digest, 2),
        store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' }),
      ];
      for (const result of await Promise.allSettled(writes)) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: 'ERR_STORE_LOCKED', message: expect.stringContaining(`process ${process.pid}`) },
        });
      }
      expect(await store.blobSize(digest)).toBe(1);
    }
    await store.rememberBlobSize(digest, 3);
    expect(await store.blobSize(digest)).toBe(3);
    expect(await readdir(folder)).toEqual(['slipway-blob-size']);
  });
});

describe('what cannot be used is unavailable', () => {
  test('a file in the place of the folder', async () => {
    const folder = await newFolder();
    await put(folder, 'file', '');
    await expect(openFileMetadataStore({ folder: join(folder, 'file/store') })).rejects.toMatchObject({
      name: 'MetadataStoreError',
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });

  test.each([
    ['the folder', ''],
    ['the folder of a namespace', 'slipway-blob-size'],
    ['the folder of a digest algorithm', 'slipway-blob-size/sha256'],
    ['the lock', '.slipway-lock'],
  ])('a FIFO in the place of %s: writes fail, reads know nothing, and nothing hangs', async (_rule, path) => {
    const folder = join(await newFolder(), 'store');
    await mkdir(join(folder, path, '..'), { recursive: true });
    execFileSync('mkfifo', [join(folder, path)]);
    const open = openFileMetadataStore({ folder });
    if (path === '') return await expect(open).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await using store = await open;
    expect(await store.blobSize(digest)).toBeUndefined();
    await expect(store.rememberBlobSize(digest, 1)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining(`Cannot write the metadata store in ${folder}: `),
    });
  });

  test('a key that leads out of the folder is refused', async () => {
    await using store = await openFileMetadataStore({ folder: await newFolder() });
    await expect(store.setV1Layer('../../etc', v1ID, diffID)).rejects.toThrow(TypeError);
  });

  test('a closed store', async () => {
    const store = await openFileMetadataStore({ folder: await newFolder() });
    await store[Symbol.asyncDispose]();
    await expect(store.blobSize(digest)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});

async function put(folder: string, path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}
