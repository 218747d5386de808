import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { acquireFileLock } from '@slipway/file-lock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetadataStoreError } from '../errors.ts';
import { openFileMetadataStore } from '../files/file-store.ts';
import type { KeyValueBackend } from '../keyed/key-value-backend.ts';
import { createMetadataStore } from '../keyed/key-value-store.ts';
import { metadataStoreSuite } from '../suite.ts';
import { openBookBackend } from './book-backend.ts';
import { openMetadataStore } from './book-store.ts';

const diffID = `sha256:${'d'.repeat(64)}` as Digest;
const digest = `sha256:${'b'.repeat(64)}` as Digest;
const record = { digest, sourceRepository: '', hmac: '' };

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-store-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const newFolder = (): Promise<string> => mkdtemp(join(root, 'store-'));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);

metadataStoreSuite('the store of a push', async () => openMetadataStore({ folder: await newFolder() }));

metadataStoreSuite('the store of a push whose facts wait for others', async () =>
  createMetadataStore(await openBookBackend({ folder: await newFolder(), gatherMs: 1 })),
);

describe('a book and its journal', () => {
  test('are all that there is, for this user alone', async () => {
    const folder = join(await newFolder(), 'made');
    await using store = await openMetadataStore({ folder });
    await store.addLayerRecord(diffID, record);
    await store.flush();
    expect(await readdir(folder)).toEqual(['journal']);
    for (let i = 0; i < 4; i += 1) await fillJournal(folder);
    expect((await readdir(folder)).sort()).toEqual(['book', 'journal']);
    expect(await store.layerRecords(diffID)).toEqual([record]);
    if (process.platform === 'win32') return;
    const modes = ['', 'book', 'journal'].map(async (name) =>
      ((await stat(join(folder, name))).mode & 0o777).toString(8),
    );
    expect(await Promise.all(modes)).toEqual(['700', '600', '600']);
  });

  test('leave the small files of another store as they are', async () => {
    const folder = await newFolder();
    {
      await using old = await openFileMetadataStore({ folder });
      await old.addLayerRecord(diffID, record);
    }
    const before = (await readdir(folder, { recursive: true })).sort();
    await using store = await openMetadataStore({
      folder,
      onWarning: (warning) => expect.unreachable(warning.message),
    });
    expect(await store.layerRecords(diffID)).toEqual([]);
    await store.rememberBlobSize(digest, 5);
    expect(await store.blobSize(digest)).toBe(5);
    await store.flush();
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([...before, 'journal'].sort());
  });

  test('that another process writes to are read again', async () => {
    const folder = await newFolder();
    await using one = await openMetadataStore({ folder });
    await using two = await openMetadataStore({ folder });
    for (let size = 1; size <= 3; size += 1) {
      await one.rememberBlobSize(digest, size);
      expect(await two.blobSize(digest)).toBe(size);
      await fillJournal(folder);
      await two.addLayerRecord(diffID, { ...record, sourceRepository: `r.example/${size}` });
      expect(await one.layerRecords(diffID)).toHaveLength(size);
    }
  });

  test('keep about as many records of a kind as they may, and what was written last', { timeout: 60_000 }, async () => {
    const folder = await newFolder();
    await using backend = await openBookBackend({ folder, maxEntries: 50 });
    for (let i = 0; i < 200; i += 1) await backend.set('kind', String(i), new Uint8Array(4_000).fill(i));
    await using other = await openBookBackend({ folder });
    const kept = (await other.list?.('kind'))?.map(Number).sort((a, b) => a - b) ?? [];
    expect(kept.length).toBeLessThan(50 + 40);
    expect(kept.slice(-50)).toEqual(Array.from({ length: 50 }, (_, i) => 150 + i));
  });
});

describe('a fact that waits for others', () => {
  test('is known here at once, and elsewhere when it is written', async () => {
    const folder = await newFolder();
    const store = await openMetadataStore({ folder, gatherMs: 600_000 });
    await using other = await openMetadataStore({ folder });
    const writing = [store.addLayerRecord(diffID, record), store.rememberBlobSize(digest, 5)];
    expect(await store.layerRecords(diffID)).toEqual([record]);
    expect([await store.blobSize(digest), await other.blobSize(digest)]).toEqual([5, undefined]);
    expect(await readdir(folder)).toEqual([]);
    await store.flush();
    await Promise.all(writing);
    expect(await other.blobSize(digest)).toBe(5);
    const later = store.rememberBlobSize(digest, 6);
    await store[Symbol.asyncDispose]();
    await later;
    expect(await other.blobSize(digest)).toBe(6);
  });

  test('waits no longer than it may', async () => {
    await using store = await openMetadataStore({ folder: await newFolder(), gatherMs: 10 });
    await store.rememberBlobSize(digest, 5);
    expect(await store.blobSize(digest)).toBe(5);
  });

  test.each<[string, (store: Awaited<ReturnType<typeof openMetadataStore>>) => Promise<unknown>]>([
    ['an upload that was begun', (store) => store.saveSession({ ...session, subject: 'b' })],
    ['an upload that is over', (store) => store.dropSession(session.repository, 'a')],
    ['an upload that is taken up', (store) => store.takeSession(session.repository, 'a')],
    ['what is forgotten', (store) => store.removeLayerRecord(record)],
    ['a claim that is forgotten', (store) => store.removeClaim('r.example/a', diffID, digest)],
  ])('goes along with %s, which does not wait', async (_rule, write) => {
    const folder = await newFolder();
    await using store = await openMetadataStore({ folder, gatherMs: 600_000 });
    const writing = store.addLayerRecord(diffID, { ...record, sourceRepository: 'r.example/other' });
    const facts = [
      writing,
      store.addLayerRecord(diffID, record),
      store.addClaim('r.example/a', diffID, { digest, size: 1 }),
    ];
    await store.saveSession(session);
    await Promise.all(facts);
    const later = store.rememberBlobSize(digest, 7);
    await write(store);
    await later;
    await using other = await openMetadataStore({ folder });
    expect(await other.blobSize(digest)).toBe(7);
  });

  const session = { repository: 'r.example/a', subject: 'a', location: 'http://r.example/1', offset: 0, updatedAt: 1 };
});

describe('what a journal ends with', () => {
  /** A journal with three records, the last of which is cut off. */
  async function journalWith(cut: number): Promise<{ readonly folder: string; readonly lastLength: number }> {
    const folder = await newFolder();
    await using backend = await openBookBackend({ folder });
    for (const key of ['a', 'b']) await backend.set('n', key, bytes(`old ${key}`));
    const path = join(folder, 'journal');
    const { size } = await stat(path);
    await backend.set('n', 'b', bytes('new b'));
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, size + cut));
    return { folder, lastLength: whole.length - size };
  }

  test('is no record until it is whole, at whatever byte its writer was killed, and spoils no other', async () => {
    const { lastLength } = await journalWith(0);
    for (let cut = 0; cut <= lastLength; cut += 1) {
      const { folder } = await journalWith(cut);
      await using backend = await openBookBackend({ folder });
      expect(text(await backend.get('n', 'a'))).toBe('old a');
      expect(text(await backend.get('n', 'b'))).toBe(cut === lastLength ? 'new b' : 'old b');
      await backend.set('n', 'c', bytes('c'));
      await using other = await openBookBackend({ folder });
      for (const each of [backend, other]) {
        expect(text(await each.get('n', 'a'))).toBe('old a');
        expect(text(await each.get('n', 'b'))).toMatch(cut >= lastLength - 1 ? 'new b' : 'old b');
        expect(text(await each.get('n', 'c'))).toBe('c');
      }
    }
  });

  test('is read when its writer goes on after all', async () => {
    const { folder, lastLength } = await journalWith(Number.POSITIVE_INFINITY);
    const path = join(folder, 'journal');
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.length - lastLength + 20));
    await using backend = await openBookBackend({ folder });
    expect(text(await backend.get('n', 'b'))).toBe('old b');
    await writeFile(path, whole.subarray(whole.length - lastLength + 20), { flag: 'a' });
    expect(text(await backend.get('n', 'b'))).toBe('new b');
  });
});

describe('what lies in the place of a file, and is none of ours, counts as empty, and the next write replaces it', () => {
  describe.each(['book', 'journal'])('%s', (name) => {
    test.each<[string, (path: string) => Promise<unknown>]>([
      ['text', (path) => writeFile(path, 'something else\n'.repeat(10_000))],
      ['an empty file', (path) => writeFile(path, '')],
      ['zeros', (path) => writeFile(path, Buffer.alloc(10_000))],
      ['a folder', (path) => mkdir(path)],
      ['a folder that is not empty', (path) => mkdir(join(path, 'x'), { recursive: true })],
      ['a link to nowhere', (path) => symlink('/nowhere/at/all', path)],
      ['a link to itself', (path) => symlink(path, path)],
      ['a link to a file', (path) => symlink(process.execPath, path)],
      ['a device', (path) => symlink('/dev/zero', path)],
      ['a FIFO', async (path) => execFileSync('mkfifo', [path])],
    ])('%s', async (_rule, place) => {
      const folder = await newFolder();
      await place(join(folder, name));
      const onWarning = (warning: MetadataStoreError): never => expect.unreachable(warning.message);
      await using store = await openMetadataStore({ folder, onWarning });
      expect(await store.layerRecords(diffID)).toEqual([]);
      await store.addLayerRecord(diffID, record);
      for (let i = 0; i < 2; i += 1) await fillJournal(folder);
      await using other = await openMetadataStore({ folder, onWarning });
      for (const each of [store, other]) expect(await each.layerRecords(diffID)).toEqual([record]);
      expect((await stat(join(folder, name))).isFile()).toBe(true);
    });
  });

  test('a journal that is gone takes what it held with it, and no more', async () => {
    const folder = await newFolder();
    await using store = await openMetadataStore({ folder });
    await store.addLayerRecord(diffID, record);
    for (let i = 0; i < 2; i += 1) await fillJournal(folder);
    await store.rememberBlobSize(digest, 5);
    await rm(join(folder, 'journal'));
    expect(await store.layerRecords(diffID)).toEqual([record]);
    expect(await store.blobSize(digest)).toBeUndefined();
    await store.rememberBlobSize(digest, 6);
    expect(await store.blobSize(digest)).toBe(6);
  });
});

test('another journal that is as long, under the same number, is read', async () => {
  const [folder, path] = await newFolder().then((made) => [made, join(made, 'journal')] as const);
  await using reader = await openBookBackend({ folder });
  const contents: Buffer[] = [];
  for (const value of ['one', 'two']) {
    await rm(path, { force: true });
    await using writer = await openBookBackend({ folder });
    await writer.set('n', 'k', bytes(value));
    contents.push(await readFile(path));
  }
  for (const [at, value] of ['one', 'two'].entries()) {
    await writeFile(path, contents[at] ?? '');
    await utimes(path, at, at);
    expect(text(await reader.get('n', 'k'))).toBe(value);
  }
});

describe('the lock of the book', () => {
  test('is waited for, then given up, and reads go on', async () => {
    const folder = await newFolder();
    await using backend = await openBookBackend({ folder, lockTimeoutMs: 1 });
    await backend.set('n', 'k', bytes('1'));
    {
      await using _lock = await acquireFileLock(join(folder, '.slipway-lock'));
      for (const result of await Promise.allSettled([backend.set('n', 'k', bytes('2')), backend.delete('n', 'k')])) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: 'ERR_STORE_LOCKED', message: expect.stringContaining(`process ${process.pid}`) },
        });
      }
      expect(text(await backend.get('n', 'k'))).toBe('1');
    }
    await backend.set('n', 'k', bytes('3'));
    expect(text(await backend.get('n', 'k'))).toBe('3');
    await backend.flush?.();
    expect(await readdir(folder)).toEqual(['journal']);
  });

  test('that another has taken meanwhile leaves the book as that one made it', async () => {
    const folder = await newFolder();
    await fillJournal(folder);
    await using backend = await openBookBackend({ folder });
    // Takes the lock away while the book is made anew.
    const thief = backend.update('n', 'k', () => {
      execFileSync('sh', ['-c', 'rm -r "$0"/.slipway-lock', folder]);
      return bytes('v');
    });
    await expect(thief).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect(await readdir(folder)).toEqual(['journal']);
  });
});

describe('a closed store', () => {
  test('says that it is closed', async () => {
    const backend = await openBookBackend({ folder: await newFolder() });
    await backend[Symbol.asyncDispose]();
    await expect(backend.get('n', 'k')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await expect(backend.set('n', 'k', bytes('v'))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});

describe('the store of a push goes on without its folder, says so once, and names it', () => {
  test.each<[string, (folder: string) => Promise<unknown>]>([
    ['a file in its place', (folder) => writeFile(folder, '')],
    ['a file above it', (folder) => writeFile(dirname(folder), '')],
    ['a FIFO in its place', async (folder) => execFileSync('mkfifo', [folder])],
    [
      'a FIFO in the place of its lock',
      async (folder) => {
        await mkdir(folder);
        execFileSync('mkfifo', [join(folder, '.slipway-lock')]);
      },
    ],
  ])('%s', async (rule, place) => {
    const parent = join(await newFolder(), 'above');
    const folder = join(parent, 'store');
    if (!rule.includes('above')) await mkdir(parent);
    await place(folder);
    const warnings: MetadataStoreError[] = [];
    await using store = await openMetadataStore({ folder, onWarning: (warning) => warnings.push(warning) });
    await store.addLayerRecord(diffID, record);
    await store.addLayerRecord(diffID, { ...record, sourceRepository: 'docker.io/library/busybox' });
    expect(await store.layerRecords(diffID)).toHaveLength(2);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        new RegExp(`^Cannot (open|write) the metadata store in ${folder}: .+; what cannot be kept`),
      ),
    ]);
  });
});

/** Writes as another process would, so much that the next write makes a new book. */
async function fillJournal(folder: string): Promise<void> {
  await using other: KeyValueBackend = await openBookBackend({ folder });
  await other.set('filling', 'key', new Uint8Array(200_000));
}
