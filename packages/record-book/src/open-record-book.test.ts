import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireFileLock } from '@slipway/file-lock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRecordBook } from './open-record-book.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-book-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const newFolder = (): Promise<string> => mkdtemp(join(root, 'book-'));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);

describe('a record book', () => {
  test('gives back what was written, by namespace and key, whatever both are', async () => {
    const folder = await newFolder();
    const keys = ['a', 'a b', 'tab\tline\nback\\slash', ''];
    {
      await using book = await openRecordBook({ folder });
      await Promise.all(keys.map((key) => book.set('n', key, bytes(`value of ${key}\n`))));
      await book.set('m', 'a', bytes('other'));
      await book.update('m', 'a', (value) => bytes(`${text(value)} one`));
    }
    await using book = await openRecordBook({ folder });
    expect((await book.list('n')).toSorted()).toEqual(keys.toSorted());
    for (const key of keys) expect(text(await book.get('n', key))).toBe(`value of ${key}\n`);
    expect(text(await book.take('m', 'a'))).toBe('other one');
    expect(await book.get('m', 'a')).toBeUndefined();
    await book.delete('n', 'a');
    expect(await book.list('n')).toHaveLength(3);
  });

  test('that lets writes wait looks as seldom for those of others, and knows its own at once', async () => {
    const folder = await newFolder();
    await using other = await openRecordBook({ folder });
    await other.set('n', 'a', bytes('1'));
    const book = await openRecordBook({ folder, gatherMs: 600_000 });
    expect(text(await book.get('n', 'a'))).toBe('1');
    await other.set('n', 'a', bytes('2'));
    expect(text(await book.get('n', 'a'))).toBe('1');
    const own = book.set('n', 'b', bytes('own'));
    expect(text(await book.get('n', 'b'))).toBe('own');
    expect(await other.get('n', 'b')).toBeUndefined();
    const updated = book.update('n', 'a', (value) => bytes(`${text(value)} and more`));
    await book[Symbol.asyncDispose]();
    await Promise.all([own, updated]);
    expect(text(await other.get('n', 'b'))).toBe('own');
    expect(text(await other.get('n', 'a'))).toBe('2 and more'); // changed as it was on the disk
  });

  test('says what it is in its failures', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'file'), '');
    await expect(openRecordBook({ folder: join(folder, 'file'), name: 'index of tests' })).rejects.toMatchObject({
      code: 'ERR_BOOK_UNAVAILABLE',
      message: expect.stringMatching(/^Cannot open the index of tests in .+: EEXIST/),
    });
    const book = await openRecordBook({ folder, lockTimeoutMs: 1 });
    await using lock = await acquireFileLock(join(folder, '.slipway-lock'));
    await expect(book.set('n', 'a', bytes(''))).rejects.toMatchObject({
      code: 'ERR_BOOK_LOCKED',
      message: expect.stringMatching(/^Cannot write the record book in .+: Waited/),
    });
    await lock[Symbol.asyncDispose]();
    await book[Symbol.asyncDispose]();
    await expect(book.get('n', 'a')).rejects.toThrow('The record book is closed');
  });

  test('lets a failure of the caller’s own come through, which changes nothing and is no other’s', async () => {
    const folder = await newFolder();
    await using book = await openRecordBook({ folder });
    await book.set('n', 'a', bytes('before'));
    const own = new Error('my own');
    const failed = book.update('n', 'a', () => {
      throw own;
    });
    const others = [book.set('n', 'b', bytes('b')), book.update('n', 'c', () => bytes('c'))];
    await expect(failed).rejects.toBe(own);
    await Promise.all(others);
    await using fresh = await openRecordBook({ folder });
    const read = await Promise.all(['a', 'b', 'c'].map((key) => fresh.get('n', key)));
    expect(read).toEqual([bytes('before'), bytes('b'), bytes('c')]);
  });

  test.skipIf(process.platform === 'win32')('makes its folder for this user alone', async () => {
    const folder = join(await newFolder(), 'made');
    await using _ = await openRecordBook({ folder });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });
});
