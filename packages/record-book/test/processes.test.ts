import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesOf, startScript } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRecordBook } from '../src/index.ts';

let root: string;

let cache: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-processes-'));
  cache = await mkdtemp(join(root, 'translated-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('the book among processes', () => {
  test('no record is lost when two append at once, ten times', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const names = ['a', 'b'];
    const writers = names.map((name) => startProcess('appender.ts', folder, name));
    let rounds = 0;
    let answers = 0;
    const begin = (): void => {
      answers += 1;
      if (answers % writers.length !== 0) return;
      for (const { stdin } of writers) {
        if (rounds === 10) stdin?.end();
        else stdin?.write(`${rounds}\n`);
      }
      rounds += 1;
    };
    await Promise.all(writers.map((writer) => linesOf(writer, begin)));
    await using book = await openRecordBook({ folder });
    const keys = await book.list('n');
    const expected = names.flatMap((name) =>
      Array.from({ length: 200 }, (_, i) => `${name}/${Math.floor(i / 20)}/${i % 20}`),
    );
    expect(keys.toSorted()).toEqual(expected.toSorted());
    for (const key of keys) expect(new TextDecoder().decode(await book.get('n', key))).toBe(key);
  });

  test('every record is there for readers while the book is made anew', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await using reader = await openRecordBook({ folder });
    const known: string[] = [];
    const books = new Set<number>();
    const writer = startProcess('folder.ts', folder, 150);
    const writing = linesOf(writer, (_count, line) => known.push(line));
    let isOver = false;
    void writing.finally(() => {
      isOver = true;
    });
    for (let at = 0; !isOver; at += 1) {
      const key = known[at % Math.max(1, known.length)];
      if (key !== undefined) expect((await reader.get('n', key))?.length).toBe(10_000);
      books.add((await stat(join(folder, 'book')).catch(() => undefined))?.ino ?? 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(known).toHaveLength(150);
    expect(books.size).toBeGreaterThan(2);
    for (const key of known) expect((await reader.get('n', key))?.length).toBe(10_000);
  });

  test('a writer that is killed at any step of making the book anew loses nothing', { timeout: 240_000 }, async () => {
    let steps = 0;
    for (let isKilled = true; isKilled; steps += 1) {
      const folder = await mkdtemp(join(root, 'store-'));
      const filling = { value: new Uint8Array(100_000), keys: ['a', 'b'] };
      {
        await using book = await openRecordBook({ folder });
        for (const key of filling.keys) await book.set('n', key, filling.value);
      }
      const child = startProcess('killed.ts', folder, steps);
      const [exit] = await Promise.all([once(child, 'exit'), linesOf(child)]);
      isKilled = exit[1] === 'SIGKILL';
      await using book = await openRecordBook({ folder });
      for (const key of filling.keys) expect((await book.get('n', key))?.length).toBe(100_000);
      if (!isKilled) expect((await book.get('n', 'last'))?.length).toBe(1);
      for (const key of ['c', 'd', 'e']) await book.set('n', key, filling.value);
      await using other = await openRecordBook({ folder });
      for (const key of [...filling.keys, 'c', 'd', 'e']) expect((await other.get('n', key))?.length).toBe(100_000);
      await book.flush();
      expect((await readdir(folder)).sort()).toEqual(['book', 'journal']);
    }
    expect(steps).toBe(9); // before and after each draft is made, and each is renamed; and once it lives
  });
});

function startProcess(script: string, ...input: readonly (string | number)[]): ChildProcess {
  return startScript(new URL(script, import.meta.url), input, { cache });
}
