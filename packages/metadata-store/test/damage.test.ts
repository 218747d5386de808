import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetadataStoreError } from '../src/errors.ts';
import { findLmdbDamage } from '../src/lmdb-check.ts';
import { openLmdbMetadataStore } from '../src/lmdb-store.ts';
import type { LayerRecord } from '../src/metadata-store.ts';
import { openResilientMetadataStore } from '../src/resilient-store.ts';

const pageSize = 4096;
let root: string;
/** A healthy data file, with long values on pages of their own, free pages, and a tree of more than one level. */
let healthy: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-damage-'));
  healthy = join(root, 'healthy.mdb');
  const folder = await mkdtemp(join(root, 'store-'));
  {
    await using store = await openLmdbMetadataStore({ folder });
    for (let group = 0; group < 4; group += 1) {
      const records = Array.from({ length: 60 }, (_, i) => record(group * 100 + i));
      await Promise.all(records.map((each) => store.addLayerRecord(digest(0xd0 + group), each)));
    }
  }
  await copyFile(join(folder, 'data.mdb'), healthy);
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function folderWith(damage: (path: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(root, 'store-'));
  const path = join(folder, 'data.mdb');
  await copyFile(healthy, path);
  await damage(path);
  return folder;
}

/** Overwrites from `offset` on. */
const overwrite = (offset: number, length: number) => async (path: string) => {
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0x5a, offset, Math.min(offset + length, bytes.byteLength)));
};

describe('a healthy data file', () => {
  test('is found healthy, and so is an empty one, and none at all', async () => {
    expect((await stat(healthy)).size).toBeGreaterThan(20 * pageSize);
    expect(await findLmdbDamage(healthy)).toBeUndefined();
    await writeFile(join(root, 'empty.mdb'), '');
    expect(await findLmdbDamage(join(root, 'empty.mdb'))).toBeUndefined();
    expect(await findLmdbDamage(join(root, 'none.mdb'))).toBeUndefined();
  });

  test('of no bytes becomes a new store', async () => {
    const folder = await folderWith((path) => truncate(path, 0));
    await using store = await openLmdbMetadataStore({ folder });
    await store.rememberBlobSize(digest(1), 5);
    expect(await store.blobSize(digest(1))).toBe(5);
  });

  test.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const folder = join(await mkdtemp(join(root, 'store-')), 'made');
    await using store = await openLmdbMetadataStore({ folder });
    await store.rememberBlobSize(digest(1), 5);
    const modes = await Promise.all(
      ['', 'data.mdb', 'lock.mdb'].map(async (name) => ((await stat(join(folder, name))).mode & 0o777).toString(8)),
    );
    expect(modes).toEqual(['700', '600', '600']);
  });
});

describe('a damaged data file is found out before it is opened, set aside, and replaced', () => {
  test.each<[string, (path: string) => Promise<void>]>([
    ['garbage', (path) => writeFile(path, Buffer.alloc(100_000, 0x5a))],
    ['zeros', (path) => writeFile(path, Buffer.alloc(100_000))],
    ['ten bytes', (path) => truncate(path, 10)],
    ['one page', (path) => truncate(path, pageSize)],
    ['meta pages without the rest', (path) => truncate(path, 2 * pageSize)],
    ['the last page is missing', async (path) => truncate(path, (await stat(path)).size - pageSize)],
    ['the first meta page', overwrite(0, pageSize)],
    ['the second meta page', overwrite(pageSize, pageSize)],
    ['everything after the meta pages', overwrite(2 * pageSize, Number.POSITIVE_INFINITY)],
    [
      'another format version',
      async (path) => {
        const bytes = await readFile(path);
        bytes.writeUInt32LE(1, 28);
        await writeFile(path, bytes);
      },
    ],
  ])('%s', async (_rule, damage) => {
    const folder = await folderWith(damage);
    const error: MetadataStoreError = await openLmdbMetadataStore({ folder }).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'MetadataStoreError', code: 'ERR_STORE_CORRUPT' });

    const warnings: string[] = [];
    const open = () => openLmdbMetadataStore({ folder });
    await using store = await openResilientMetadataStore({ open, onWarning: (warning) => warnings.push(warning.code) });
    await store.rememberBlobSize(digest(1), 5);
    expect(await store.blobSize(digest(1))).toBe(5);
    expect(warnings).toEqual(['ERR_STORE_CORRUPT']);
    expect((await readdir(folder)).filter((name) => name.startsWith('data.mdb.corrupt-'))).toHaveLength(1);
    expect(await findLmdbDamage(join(folder, 'data.mdb'))).toBeUndefined();

    // Whoever found the same damage, and comes second, leaves the new store alone.
    expect(await error.setAside?.()).toBeUndefined();
    expect(await store.blobSize(digest(1))).toBe(5);
  });

  test('of every page that is in use, in turn', async () => {
    const pages = (await stat(healthy)).size / pageSize;
    const found = new Set<string | undefined>();
    for (let page = 2; page < pages; page += 1) {
      const folder = await folderWith(overwrite(page * pageSize, 64));
      found.add(await findLmdbDamage(join(folder, 'data.mdb')));
    }
    found.delete(undefined); // free pages, and the inside of long values
    expect(found.size).toBeGreaterThan(5);
  });
});

describe('what cannot be used is unavailable', () => {
  test('a file in the place of the folder', async () => {
    await expect(openLmdbMetadataStore({ folder: healthy })).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await expect(openLmdbMetadataStore({ folder: join(healthy, 'x') })).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });

  test('a folder in the place of the data file', async () => {
    const folder = await folderWith((path) => rm(path));
    await mkdir(join(folder, 'data.mdb'));
    await expect(openLmdbMetadataStore({ folder })).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });

  test('a folder of somebody else', async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await chmod(folder, 0o500);
    // Root may read and write everything.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      await expect(openLmdbMetadataStore({ folder })).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('a closed store', async () => {
    const store = await openLmdbMetadataStore({ folder: await mkdtemp(join(root, 'store-')) });
    await store[Symbol.asyncDispose]();
    await expect(store.blobSize(digest(1))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await expect(store.rememberBlobSize(digest(1), 1)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});

test('one process may open the same folder twice; closing one leaves the other open', async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  const first = await openLmdbMetadataStore({ folder });
  await using second = await openLmdbMetadataStore({ folder });
  await first.rememberBlobSize(digest(1), 5);
  expect(await second.blobSize(digest(1))).toBe(5);
  await first[Symbol.asyncDispose]();
  await second.rememberBlobSize(digest(2), 6);
  expect(await second.blobSize(digest(2))).toBe(6);
});

test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a store that another process writes to for too long is locked',
  async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await (await openLmdbMetadataStore({ folder }))[Symbol.asyncDispose]();
    const lock = await readFile(join(folder, 'lock.mdb'));
    lock.writeUInt32LE(process.pid, 64); // as while a thread holds the mutex of the writers
    await writeFile(join(folder, 'lock.mdb'), lock);
    await expect(openLmdbMetadataStore({ folder, lockTimeoutMs: 0 })).rejects.toMatchObject({
      code: 'ERR_STORE_LOCKED',
    });
  },
);

function digest(n: number): Digest {
  return `sha256:${n.toString(16).padStart(64, '0')}` as Digest;
}

function record(n: number): LayerRecord {
  return { digest: digest(n), sourceRepository: 'docker.io/library/busybox', hmac: 'ab'.repeat(32) };
}
