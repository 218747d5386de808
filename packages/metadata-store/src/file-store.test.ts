import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFileMetadataStore } from './file-store.ts';
import { metadataStoreSuite } from './suite.ts';

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

describe('the lock of the file store', () => {
  const lockOf = (pid: number | string, host = hostname()) => `${pid}\n${host}\nsome-token\n`;

  test('of a dead process is taken over', async () => {
    const folder = await newFolder();
    await put(folder, '.slipway-lock', lockOf(2 ** 30)); // above any pid there can be
    const store = await openFileMetadataStore({ folder, lockTimeoutMs: 0 });
    await store.rememberBlobSize(digest, 1);
    await store[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual(['slipway-blob-size']);
  });

  test.each([
    ['of another machine', lockOf(1, 'elsewhere')],
    ['that is not readable', ''],
  ])('%s is taken over once it is old', async (_rule, lock) => {
    const folder = await newFolder();
    await put(folder, '.slipway-lock', lock);
    await using store = await openFileMetadataStore({ folder, lockTimeoutMs: 0 });
    await expect(store.rememberBlobSize(digest, 1)).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' });
    await utimes(join(folder, '.slipway-lock'), 0, 0);
    await store.rememberBlobSize(digest, 1);
    expect(await store.blobSize(digest)).toBe(1);
  });

  test('of a living process is waited for, then given up, and reads go on', async () => {
    const folder = await newFolder();
    await put(folder, '.slipway-lock', lockOf(process.pid));
    await using store = await openFileMetadataStore({ folder, lockTimeoutMs: 1 });
    const writes = [
      store.rememberBlobSize(digest, 1),
      store.addLayerRecord(diffID, { digest, sourceRepository: '', hmac: '' }),
    ];
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' });
    expect(await store.blobSize(digest)).toBeUndefined();
    await rm(join(folder, '.slipway-lock'));
    await store.rememberBlobSize(digest, 2);
    expect(await store.blobSize(digest)).toBe(2);
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

  test('a folder in the place of a file', async () => {
    const folder = await newFolder();
    await put(folder, `${records}/x`, '');
    await using store = await openFileMetadataStore({ folder });
    await expect(store.layerRecords(diffID)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
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
