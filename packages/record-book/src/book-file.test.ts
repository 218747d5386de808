import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BookFile } from './book-file.ts';
import { formatBook } from './book-format.ts';
import { foldRecords } from './fold.ts';
import { formatLine, keyIn, lineName, parseLine, type RecordLine } from './record-line.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-book-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const noLimits = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

function bookOf(records: ReadonlyMap<string, Uint8Array>): Buffer {
  const newer = Array.from(records, ([name, value]): [string, RecordLine] => {
    return [name, { name, value, bytes: formatLine(name, value, 1) }];
  });
  return Buffer.concat(formatBook(foldRecords([], new Map(newer), noLimits)));
}

async function opened(bytes: Buffer): Promise<BookFile> {
  const path = join(root, 'book');
  await writeFile(path, bytes);
  const book = await BookFile.open(path);
  if (book === undefined) throw new Error('unreachable: the file is there');
  return book;
}

/** Records of two kinds, with values that make so many of them a book of several pages. */
function recordsOf(count: number, size: number, keyLength = 0): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i += 1) {
    records.set(
      lineName(i % 2 === 0 ? 'even' : 'odd', `key/${`${i * 7919}`.padEnd(keyLength, '-')}`),
      new Uint8Array(size).fill(i % 251),
    );
  }
  return records;
}

test('whatever a book holds is found, and nothing else', async () => {
  const anyName = fc.tuple(fc.constantFrom('a', 'ab', 'b'), fc.string()).map(([space, key]) => lineName(space, key));
  const anyRecords = fc.dictionary(anyName, fc.uint8Array({ maxLength: 60 }), { maxKeys: 30 });
  await fc.assert(
    fc.asyncProperty(anyRecords, fc.array(anyName), async (known, asked) => {
      const records = new Map(Object.entries(known));
      await using book = await opened(bookOf(records));
      for (const name of [...records.keys(), ...asked]) expect(await book.get(name)).toEqual(records.get(name));
      const names = [...records.keys()].filter((name) => name.startsWith('a '));
      expect([...(await book.namesFrom('a '))].sort()).toEqual(names.sort());
    }),
  );
});

describe.each([
  ['nothing', 0, 0, 0],
  ['one page', 10, 20, 0],
  ['several pages', 400, 100, 0],
  ['more than is read at first', 2_000, 100, 0],
  ['an index that is more than is read at first', 100, 17_000, 1_000],
])('of a book with %s', (_rule, count, size, keyLength) => {
  const records = recordsOf(count, size, keyLength);
  const bytes = bookOf(records);

  test('each record is found, and none beside it', async () => {
    await using book = await opened(bytes);
    for (const [name, value] of records) {
      expect(Buffer.compare(Buffer.from((await book.get(name)) ?? []), value)).toBe(0);
      expect(await book.get(`${name}x`)).toBeUndefined();
      expect(await book.get(name.slice(0, -1))).toEqual(records.get(name.slice(0, -1)));
    }
    expect(await book.get('a before')).toBeUndefined();
    expect(await book.get('z after')).toBeUndefined();
  });

  test('all keys of a kind are listed', async () => {
    await using book = await opened(bytes);
    const expected = [...records.keys()].filter((name) => name.startsWith('odd '));
    expect([...(await book.namesFrom('odd '))].map(keyIn).sort()).toEqual(expected.map(keyIn).sort());
    expect(await book.namesFrom('none ')).toEqual([]);
  });

  test('all lines come in order', async () => {
    await using book = await opened(bytes);
    const lines = [...(await book.lines())].map((line) => parseLine(line.subarray(0, -1))?.name);
    expect(lines).toEqual([...records.keys()].sort());
  });
});

describe('a damaged book', () => {
  const records = recordsOf(1_000, 100);

  test('loses what was hit, and nothing else, when it is made anew', async () => {
    const bytes = bookOf(records);
    for (const at of [20, bytes.length / 2, bytes.length - 20].map(Math.floor)) {
      const damaged = Buffer.from(bytes);
      damaged.fill(0xff, at, at + 4);
      await using hit = await opened(damaged);
      const lines = foldRecords(await hit.lines(), new Map(), noLimits);
      await using book = await opened(Buffer.concat(formatBook(lines)));
      const lost = await Promise.all(Array.from(records.keys(), async (name) => (await book.get(name)) === undefined));
      expect(lost.filter(Boolean).length).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['cut in half', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['with bytes behind it', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ['that is empty', () => Buffer.alloc(0)],
    ['of zeros', (bytes: Buffer) => Buffer.alloc(bytes.length)],
    ['of something else', () => Buffer.from('{"records": []}\n'.repeat(5_000))],
  ])('%s fails nothing', async (_rule, damage) => {
    await using book = await opened(damage(bookOf(records)));
    const [name = ''] = records.keys();
    await expect(book.get(name)).resolves.not.toThrow();
    await expect(book.namesFrom('odd ')).resolves.toBeInstanceOf(Array);
    expect(Array.from(await book.lines()).length).toBeLessThanOrEqual(records.size + 20);
  });
});
