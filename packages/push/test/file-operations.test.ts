import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLayerCache } from '@slipway/layer-cache';
import { openMetadataStore } from '@slipway/metadata-store';
import { type EmbeddedRegistry, startRegistry } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { benchAt, countOf, outcomes, randomImage } from './setup.ts';

const watched = vi.hoisted(() => ({ folder: '', operations: [] as string[] }));

/** What kind of file it is: without what no two have in common. */
const nameOf = vi.hoisted(
  () =>
    (path: string): string =>
      path
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}/, '*')
        .replace(/\.draft-.*/, '.draft')
        .replace(/(\.slipway-lock)\b.*/, '$1'),
);

/** Notes what is done to the files in the folder that is watched. */
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const noted = Object.entries(actual).map(([name, work]) => {
    if (typeof work !== 'function') return [name, work];
    const noting = (...args: readonly unknown[]): unknown => {
      const place = String(args[name === 'rename' ? 1 : 0]);
      const file = watched.folder === '' ? undefined : place.split(`${watched.folder}/`)[1];
      if (file !== undefined) watched.operations.push(`${name} ${nameOf(file)}`);
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

/** Pushes as a process of its own does. @returns what was done to the files of the data folder */
async function push(
  reference: string,
  to = registry,
): Promise<{ metadata: Record<string, number>; layers: Record<string, number>; outcome: object }> {
  watched.operations = [];
  const metadataStore = await openMetadataStore({ folder: join(watched.folder, 'metadata'), gatherMs: 600_000 });
  const layerCache = await openLayerCache({ folder: join(watched.folder, 'layers'), gatherMs: 600_000 });
  const shared = { ...to, [Symbol.asyncDispose]: async () => {} };
  await using bench = await benchAt(shared, { metadataStore, layerCache });
  const [result] = await bench.push(image, reference);
  if (result?.ok !== true) throw result?.error;
  await layerCache[Symbol.asyncDispose]();
  const below = (folder: string): Record<string, number> =>
    countOf(
      watched.operations.filter((each) => each.includes(`${folder}/`)).map((each) => each.replace(`${folder}/`, '')),
    );
  return { metadata: below('metadata'), layers: below('layers'), outcome: outcomes(bench.events) };
}

/** What taking the lock once and giving it back costs. */
function oneLock(folder = ''): Record<string, number> {
  const lock = ['readdir', 'mkdir', 'writeFile', 'rename', 'unlink', 'rmdir'];
  return Object.fromEntries(lock.map((name) => [`${name} ${folder}.slipway-lock`, 1]));
}

/** There is no book, which is seen once; the journal is made, and not read again. */
function newBook(folder = ''): Record<string, number> {
  const draft = { [`open ${folder}journal.draft`]: 1, [`rename ${folder}journal`]: 1 };
  const made = { [`open ${folder}book`]: 1, [`lstat ${folder}journal`]: 2 };
  return { ...oneLock(folder), [`stat ${folder}.slipway-lock`]: 1, ...draft, ...made };
}

describe('a push of 60 layers reads and writes what is remembered', () => {
  test('in one file for each of both when it is the first', async () => {
    const { metadata, layers, outcome } = await push('demo/one:1');
    expect(outcome).toEqual({ 'blob:pushed': 61 });
    expect(metadata).toEqual(newBook());
    // Each folder above one that is to be made is tried after that.
    const folders = {
      'mkdir partial': 2,
      'mkdir index': 1,
      'stat index': 1,
      'mkdir blobs': 1,
      'mkdir blobs/sha256': 2,
    };
    const looks = { 'readdir partial': 1, 'readdir blobs': 1, 'readdir blobs/sha256': 1 };
    // Layers that come at once find no folder; the first of them looks what else is there; some are made before they
    // are sent (decision 0293).
    const varying = ['rename blobs/sha256/*', 'stat blobs/sha256/*', 'open blobs/sha256/*'];
    const others = Object.fromEntries(Object.entries(layers).filter(([name]) => !varying.includes(name)));
    expect(others).toEqual({ ...newBook('index/'), ...folders, ...looks, 'open partial/*': 60 });
    const [renamed = 0, looked = 0, opened = 0] = varying.map((name) => layers[name] ?? 0);
    expect(renamed).toBeGreaterThanOrEqual(60);
    expect(Math.max(renamed - 60, looked, opened)).toBeLessThanOrEqual(60);
  });

  test('not more than once when there is nothing to do', async () => {
    const { metadata, layers, outcome } = await push('demo/one:1');
    expect(outcome).toEqual({});
    expect(metadata).toEqual({ 'open book': 1, 'open journal': 1, 'lstat journal': 1 });
    expect(layers).toEqual({ 'readdir partial': 1 });
  });

  test('in one write when it goes to a second repository', async () => {
    const { metadata, layers, outcome } = await push('demo/two:1');
    expect(outcome).toEqual({ 'blob:mounted': 61 });
    expect(metadata).toEqual({ ...oneLock(), 'open book': 1, 'open journal': 2, 'lstat journal': 2 });
    expect(layers).toEqual({ 'readdir partial': 1 });
  });

  test('of layers once, and without a write, when the registry has lost them all', async () => {
    await using another = await startRegistry();
    const { layers, outcome } = await push('demo/one:1', another);
    expect(outcome).toEqual({ 'blob:pushed': 61 });
    const opened = { 'mkdir index': 1, 'stat index': 1, 'open index/book': 1, 'open index/journal': 1 };
    const read = { 'stat blobs/sha256/*': 60, 'open blobs/sha256/*': 60 };
    expect(layers).toEqual({ 'readdir partial': 1, ...opened, 'lstat index/journal': 1, ...read });
  });
});
