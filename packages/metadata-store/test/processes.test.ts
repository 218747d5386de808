import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import type { Digest } from '@slipway/digest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBookBackend } from '../src/book/book-backend.ts';
import type { MetadataStore } from '../src/metadata-store.ts';
import { openStore, type StoreKind } from './open-store.ts';

let root: string;

let cache: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-processes-'));
  cache = await mkdtemp(join(root, 'translated-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const kinds: readonly StoreKind[] = ['files', 'book'];

describe.each(kinds)('the store of %s among processes', (kind) => {
  const open = (folder: string): Promise<MetadataStore> => openStore(kind, folder);

  test('no update is lost when two write to the same keys', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const writers = ['a', 'b'].map((name) => startWriter(kind, folder, name, 100));
    const said = (await Promise.all(writers.map((writer) => linesOf(writer)))).flat();
    expect(said).toHaveLength(200);
    await expectKnown(await open(folder), said);
  });

  test('of two that take the same sessions, each session goes to one', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const count = 100;
    {
      await using store = await open(folder);
      const record = {
        repository: 'docker.io/library/busybox',
        location: 'https://r.example/1',
        offset: 0,
        updatedAt: 1,
      };
      await Promise.all(Array.from({ length: count }, (_, i) => store.saveSession({ ...record, subject: String(i) })));
    }
    const takers = [1, 2].map(() => startProcess('taker.ts', kind, folder, count));
    let ready = 0;
    const said = takers.map((taker) =>
      linesOf(taker, (lines) => {
        if (lines === 1) ready += 1;
        if (lines === 1 && ready === takers.length) for (const each of takers) each.stdin?.end('go\n');
      }),
    );
    const taken = (await Promise.all(said)).flat().filter((line) => line !== 'ready');
    expect(taken.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test('a writer that is killed loses nothing that was committed, and blocks nobody', {
    timeout: 120_000,
  }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    for (const [name, kills] of [
      ['a', 7],
      ['b', 12],
    ] as const) {
      const writer = startWriter(kind, folder, name, 10_000);
      const said = await linesOf(writer, (count) => {
        if (count === kills) writer.kill('SIGKILL');
      });
      expect(said.length).toBeGreaterThanOrEqual(kills);
      await expectKnown(await open(folder), said.slice(-20));
    }
  });
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
    await using backend = await openBookBackend({ folder });
    const keys = (await backend.list?.('n')) ?? [];
    const expected = names.flatMap((name) =>
      Array.from({ length: 200 }, (_, i) => `${name}/${Math.floor(i / 20)}/${i % 20}`),
    );
    expect(keys.toSorted()).toEqual(expected.toSorted());
    for (const key of keys) expect(new TextDecoder().decode(await backend.get('n', key))).toBe(key);
  });

  test('every record is there for readers while the book is made anew', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await using reader = await openBookBackend({ folder });
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
        await using backend = await openBookBackend({ folder });
        for (const key of filling.keys) await backend.set('n', key, filling.value);
      }
      const child = startProcess('killed.ts', folder, steps);
      const [exit] = await Promise.all([once(child, 'exit'), linesOf(child)]);
      isKilled = exit[1] === 'SIGKILL';
      await using backend = await openBookBackend({ folder });
      for (const key of filling.keys) expect((await backend.get('n', key))?.length).toBe(100_000);
      if (!isKilled) expect((await backend.get('n', 'last'))?.length).toBe(1);
      for (const key of ['c', 'd', 'e']) await backend.set('n', key, filling.value);
      await using other = await openBookBackend({ folder });
      for (const key of [...filling.keys, 'c', 'd', 'e']) expect((await other.get('n', key))?.length).toBe(100_000);
      await backend.flush?.();
      expect((await readdir(folder)).sort()).toEqual(['book', 'journal']);
    }
    expect(steps).toBe(9); // before and after each draft is made, and each is renamed; and once it lives
  });
});

function startWriter(...input: readonly (string | number)[]): ChildProcess {
  return startProcess('writer.ts', ...input);
}

function startProcess(script: string, ...input: readonly (string | number)[]): ChildProcess {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const options = [
    '--import',
    here('../../../tools/typescript-loader.mjs'),
    '--conditions=@slipway/source',
    here(script),
  ];
  return spawn(process.execPath, [...options, ...input.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SLIPWAY_TEST_CACHE: cache },
  });
}

/** What a process said, to its end. */
async function linesOf(
  child: ChildProcess,
  onLine: (count: number, line: string) => void = () => {},
): Promise<readonly string[]> {
  const exit = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) onLine(lines.push(line), line);
  await exit;
  return lines;
}

async function expectKnown(store: MetadataStore, digests: readonly string[]): Promise<void> {
  await using known = store;
  for (const digest of digests as readonly Digest[]) {
    const diffID = await known.diffIDOf(digest);
    expect(diffID).toBeDefined();
    expect((await known.layerRecords(diffID!)).map((record) => record.digest)).toContain(digest);
  }
}
