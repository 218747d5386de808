import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMetadataStore } from '@slipway/metadata-store';
import { type EmbeddedRegistry, startRegistry } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { benchAt, countOf, outcomes, randomImage } from './setup.ts';

const watched = vi.hoisted(() => ({ folder: '', operations: [] as string[] }));

/** Notes what is done to the files in the folder that is watched. */
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const noted = Object.entries(actual).map(([name, work]) => {
    if (typeof work !== 'function') return [name, work];
    const noting = (...args: readonly unknown[]): unknown => {
      const place = String(args[name === 'rename' ? 1 : 0]);
      const file = watched.folder === '' ? undefined : place.split(`${watched.folder}/metadata/`)[1];
      if (file !== undefined) watched.operations.push(`${name} ${file.split(/[./]/).filter(Boolean)[0] ?? ''}`);
      return (work as (...all: readonly unknown[]) => unknown)(...args);
    };
    return [name, noting];
  });
  return { ...Object.fromEntries(noted), default: actual };
});

let registry: EmbeddedRegistry;
beforeAll(async () => {
  watched.folder = await mkdtemp(join(tmpdir(), 'slipway-operations-'));
  registry = await startRegistry();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(watched.folder, { recursive: true, force: true });
});

const image = randomImage(
  1,
  Array.from({ length: 60 }, (_, at) => 1_000 + at),
);

/** Pushes as a process of its own does. @returns what was done to the files of what is remembered */
async function push(
  reference: string,
): Promise<{ operations: Record<string, number>; outcome: object; asked: number }> {
  watched.operations = [];
  const metadataStore = await openMetadataStore({ folder: join(watched.folder, 'metadata'), gatherMs: 600_000 });
  const shared = { ...registry, [Symbol.asyncDispose]: async () => {} };
  await using bench = await benchAt(shared, { metadataStore });
  const [result] = await bench.push(image, reference);
  if (result?.ok !== true) throw result?.error;
  const { 'lstat journal': asked = 0, ...operations } = countOf(watched.operations);
  return { operations, asked, outcome: outcomes(bench.events) };
}

/** What taking the lock once and giving it back costs. */
const oneLock = {
  'readdir slipway-lock': 1,
  'mkdir slipway-lock': 1,
  'writeFile slipway-lock': 1,
  'rename slipway-lock': 1,
  'unlink slipway-lock': 1,
  'rmdir slipway-lock': 1,
};

describe('a push of 60 layers reads and writes what is remembered', () => {
  test('in one file when it is the first', async () => {
    const { operations, asked, outcome } = await push('demo/one:1');
    expect(outcome).toEqual({ 'blob:pushed': 61 });
    // There is no book, which is seen twice; the journal is made, and read.
    const made = { 'open journal': 2, 'stat slipway-lock': 1, 'rename journal': 1 };
    expect(operations).toEqual({ ...oneLock, 'open book': 2, ...made });
    expect(asked).toBeLessThan(2 * 61);
  });

  test('not more than once when there is nothing to do', async () => {
    const { operations, asked, outcome } = await push('demo/one:1');
    expect(outcome).toEqual({});
    expect(operations).toEqual({ 'open book': 1, 'open journal': 1 });
    expect(asked).toBe(1);
  });

  test('in one write when it goes to a second repository', async () => {
    const { operations, asked, outcome } = await push('demo/two:1');
    expect(outcome).toEqual({ 'blob:mounted': 61 });
    expect(operations).toEqual({ ...oneLock, 'open book': 1, 'open journal': 3 });
    expect(asked).toBeLessThan(2 * 61);
  });
});
