import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore, type MetadataStore, type SessionRecord } from '@slipway/metadata-store';
import type { EmbeddedRegistry, RequestRecord } from '@slipway/testkit';
import { type Clock, createHostBackoff } from '@slipway/transfer';
import { describe, expect, test } from 'vitest';
import { describeEvent, type SharedTurns } from '../src/index.ts';
import { benchAt, imageOf, noiseBytes, openBench, randomImage } from './setup.ts';

const chunkSize = 65_536;
const size = 300_000;

const plain = noiseBytes(size);
const compressed = new Uint8Array(gzipSync(plain));

function storedImage(): SourceImage {
  const descriptor = {
    mediaType: mediaTypes.ociLayerGzip,
    digest: digestBytes(compressed),
    size: compressed.byteLength,
  };
  return imageOf([{ diffID: digestBytes(plain), content: contentOf(compressed), compression: 'gzip', descriptor }]);
}

describe('an upload in chunks', () => {
  test('goes on after a break, says where, and does not count the bytes twice', async () => {
    await using bench = await openBench({ chunkSize });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 2, times: 1, reset: true });
    const [result] = await bench.push(storedImage(), 'demo/app:1');
    if (result?.ok !== true) throw result?.error;
    const resumed = bench.events.find(({ type }) => type === 'blob:resumed');
    expect(resumed).toMatchObject({ offset: 2 * chunkSize, size: compressed.byteLength });
    expect(resumed && describeEvent(resumed)).toMatch(/: Resuming at 131072 of \d+ bytes/);
    const config = result.totals.bytesSent - compressed.byteLength;
    expect(config).toBeGreaterThan(0);
    expect(config).toBeLessThan(1_000 + chunkSize);
  });

  test('goes on where nothing is remembered from run to run, too', async () => {
    await using bench = await openBench({ chunkSize, metadataStore: undefined });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 3, times: 1, reset: true });
    const [result] = await bench.push(storedImage(), 'demo/app:1');
    expect(result).toMatchObject({ ok: true });
    expect(bench.events.some(({ type }) => type === 'blob:resumed')).toBe(true);
  });

  test('that was given up is taken up by the next push with the same memory', async () => {
    const metadataStore = createMemoryMetadataStore();
    await using bench = await openBench({ chunkSize, metadataStore, attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 3, times: 1, status: 503 });
    const [first] = await bench.push(storedImage(), 'demo/app:1');
    expect(first).toMatchObject({ ok: false });
    expect(bench.registry.sessions()).toMatchObject([{ offset: 3 * chunkSize }]);
    const [second] = await bench.push(storedImage(), 'demo/app:1');
    expect(second).toMatchObject({ ok: true });
    expect(bench.events.some(({ type }) => type === 'blob:resumed')).toBe(true);
    expect(bench.registry.sessions()).toEqual([]);
    await bench.registry.verify();
  });

  test('that the registry has forgotten starts again, and the push says so', async () => {
    await using bench = await openBench({ chunkSize, attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 3, times: 1, status: 503 });
    await bench.push(storedImage(), 'demo/app:1');
    await bench.registry.expireSessions();
    const [second] = await bench.push(storedImage(), 'demo/app:1');
    expect(second).toMatchObject({ ok: true });
    const warning = bench.events.find((event) => event.type === 'warning' && event.code === 'upload-lost');
    expect(warning && describeEvent(warning)).toContain(`interrupted at ${3 * chunkSize} bytes`);
  });
});

test('a run that would send a blob in one piece goes on with what an earlier one has sent in pieces', async () => {
  const metadataStore = createMemoryMetadataStore();
  await using bench = await openBench({ chunkSize, metadataStore, attempts: 1 });
  bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 3, times: 1, status: 503 });
  expect((await bench.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: false });
  const later = await benchAt(bench.registry, { metadataStore });
  bench.registry.clearRequests();
  expect((await later.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: true });
  expect(uploadsTo(bench.registry)).toEqual([`upload-patch ${compressed.byteLength - 3 * chunkSize}`, 'upload-put 0']);
  await bench.registry.verify();
});

describe('where blobs take turns, the place of an upload', () => {
  // Nobody else is there: a turn is free at once.
  const sharedTurns: SharedTurns = { take: async () => ({ [Symbol.asyncDispose]: async () => {} }) };

  test('is noted before its first chunk, so that what a killed process has sent is gone on with', async () => {
    const metadataStore = createMemoryMetadataStore();
    // What is noted after a chunk comes too late: the process is dead by then.
    const killed = { ...bound(metadataStore), saveSession: before(metadataStore), dropSession: async () => {} };
    await using bench = await openBench({ chunkSize, metadataStore: killed, sharedTurns, attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 2, times: 1, status: 503 });
    expect((await bench.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: false });
    const next = await benchAt(bench.registry, { metadataStore, sharedTurns });
    bench.registry.clearRequests();
    expect((await next.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: true });
    expect(uploadsTo(bench.registry)).toEqual([
      `upload-patch ${compressed.byteLength - 2 * chunkSize}`,
      'upload-put 0',
    ]);
    expect(next.events.find(({ type }) => type === 'blob:resumed')).toMatchObject({ offset: 2 * chunkSize });
    expect(bench.registry.sessions()).toEqual([]);
  });

  test('that the registry has forgotten is forgotten, and told where bytes are sent again', async () => {
    const metadataStore = createMemoryMetadataStore();
    await using bench = await openBench({ chunkSize, metadataStore, sharedTurns, attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 1, times: 1, status: 503 });
    await bench.push(storedImage(), 'demo/app:1');
    await bench.registry.expireSessions();
    const next = await benchAt(bench.registry, { metadataStore, sharedTurns });
    expect((await next.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: true });
    expect(next.events.filter((event) => event.type === 'warning')).toMatchObject([{ code: 'upload-lost' }]);
    const repository = `${bench.registry.host}/demo/app`;
    expect(await metadataStore.session(repository, digestBytes(compressed))).toBeUndefined();
  });

  test('is not noted for a blob that goes in one request', async () => {
    const metadataStore = createMemoryMetadataStore();
    const saved: SessionRecord[] = [];
    const counting = { ...bound(metadataStore), saveSession: async (record: SessionRecord) => void saved.push(record) };
    await using bench = await openBench({ metadataStore: counting, sharedTurns });
    expect((await bench.push(storedImage(), 'demo/app:1'))[0]).toMatchObject({ ok: true });
    expect(saved).toEqual([]);
  });

  /** Notes the beginning of uploads only. */
  function before(store: MetadataStore): MetadataStore['saveSession'] {
    return async (record) => {
      if (record.offset === 0) await store.saveSession(record);
    };
  }

  /** A store whose methods can be replaced one by one. */
  function bound(store: MetadataStore): MetadataStore {
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).filter((name) => name !== 'constructor');
    const all = [...methods, Symbol.asyncDispose] as (keyof MetadataStore)[];
    return Object.fromEntries(all.map((name) => [name, store[name].bind(store)])) as unknown as MetadataStore;
  }
});

/** What was sent of the layer, in order. */
function uploadsTo({ requests }: Pick<EmbeddedRegistry, 'requests'>): readonly string[] {
  const isLayer = ({ kind, query }: RequestRecord): boolean =>
    kind === 'upload-patch' || (kind === 'upload-put' && query.get('digest') === digestBytes(compressed));
  return requests.filter(isLayer).map(({ kind, requestBytes }) => `${kind} ${requestBytes}`);
}

test('what anybody was asked to wait, every push to that registry waits', async () => {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    async sleep(delayMs) {
      nowMs += delayMs;
    },
  };
  const hostBackoff = createHostBackoff({ clock });
  await using bench = await openBench({ retry: { clock, hostBackoff, random: () => 0.5 } });
  hostBackoff.hold(bench.registry.host, 30_000, new Error('429'));
  expect((await bench.push(randomImage(31, [2000]), 'demo/app:1'))[0]).toMatchObject({ ok: true });
  expect(nowMs).toBe(30_500);
});
