import type { LayerCache } from '@slipway/layer-cache';
import { createMemoryLayerCache, LayerCacheError } from '@slipway/layer-cache';
import { createMemoryMetadataStore, type SessionRecord } from '@slipway/metadata-store';
import type { EmbeddedRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { describeEvent, type PushEvent } from '../src/index.ts';
import { type Bench, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

const MiB = 1024 * 1024;
const chunkSize = MiB;

/** Large enough to be sent while it is made. */
const image = imageOf([plainLayer(textBytes(7, 24 * MiB))]);
const patch = { kind: 'upload-patch' } as const;

/** Chunks of 1 MiB, a single one of which the layer is not, and a look at what is read of the cache. */
async function openStreams(
  given: Parameters<typeof openBench>[0] = {},
): Promise<Bench & { readonly read: () => number }> {
  const { layerCache = createMemoryLayerCache({ maxBytes: 64 * MiB }) } = given;
  const watched = watchedCache(layerCache);
  return { ...(await openBench({ chunkSize, ...given, layerCache: watched.cache })), read: watched.read };
}

/** Counts what is read of layers that are being made, and fails when more is written than it has room for. */
function watchedCache(
  cache: LayerCache,
  room = Number.POSITIVE_INFINITY,
): { readonly cache: LayerCache; readonly read: () => number } {
  let read = 0;
  const begin: LayerCache['begin'] = async (...layer) => {
    const writer = await cache.begin(...layer);
    if (writer === undefined) return undefined;
    let size = 0;
    return {
      async append(chunk) {
        size += chunk.byteLength;
        if (size > room) throw new LayerCacheError('ERR_CACHE_WRITE', 'no space left');
        await writer.append(chunk);
      },
      commit: (result) => writer.commit(result),
      [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
      async open(options) {
        const copy = await writer.open(options);
        return {
          [Symbol.asyncDispose]: () => copy[Symbol.asyncDispose](),
          async *read(reading) {
            for await (const chunk of copy.read(reading)) {
              read += chunk.byteLength;
              yield chunk;
            }
          },
        };
      },
    };
  };
  const counting = { begin, find: cache.find.bind(cache), remove: cache.remove.bind(cache) };
  return { cache: counting, read: () => read };
}

/** The bodies of the layer's PATCHes, as far as the registry took them; `?` where no length was said before. */
function patches({ requests }: EmbeddedRegistry): readonly string[] {
  return requests
    .filter(({ kind }) => kind === 'upload-patch')
    .map(({ headers, requestBytes }) => `${headers['content-length'] === undefined ? '?' : ''}${requestBytes}`);
}

function received({ requests }: EmbeddedRegistry): number {
  return requests
    .filter(({ kind }) => kind === 'upload-patch')
    .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}

function sizeOf(events: readonly PushEvent[]): number {
  return Math.max(...events.map((event) => (event.type === 'blob:pushed' ? event.size : 0)));
}

describe('a large layer that is being compressed', () => {
  test('goes in one request, and is read back only as far as its upload falls behind', async () => {
    await using bench = await openStreams();
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    const size = sizeOf(bench.events);
    expect(size).toBeGreaterThan(4 * chunkSize);
    expect(patches(bench.registry)).toEqual([`?${size}`]);
    expect(bench.read()).toBeLessThanOrEqual(size + MiB);
    expect(bench.gzip.runs()).toBe(1);
    await bench.registry.verify();
  });

  test.each([400, 405, 411, 415, 501])(
    'goes in chunks where a registry answers %i, which holds for the next one',
    async (status) => {
      await using bench = await openStreams();
      bench.registry.misbehave({ match: patch, times: 1, status, body: '' });
      expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
      const [refused, ...others] = patches(bench.registry);
      expect(refused).toContain('?');
      expect(others.length).toBeGreaterThan(4);
      expect(others.filter((body) => body.includes('?'))).toEqual([]);
      expect(bench.gzip.runs()).toBe(1);
      bench.registry.clearRequests();
      const other = imageOf([plainLayer(textBytes(8, 20 * MiB))]);
      expect(await bench.push(other, 'demo/app:2')).toMatchObject([{ ok: true }]);
      expect(patches(bench.registry).filter((body) => body.includes('?'))).toEqual([]);
      expect(bench.events.filter(({ type }) => type === 'blob:retrying')).toEqual([]);
      await bench.registry.verify();
    },
  );

  test('goes in smaller pieces where a proxy takes no large body', async () => {
    await using bench = await openStreams();
    bench.registry.misbehave({ match: patch, times: 2, status: 413 });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    expect(
      patches(bench.registry)
        .slice(2)
        .filter((body) => body.includes('?')),
    ).toEqual([]);
    await bench.registry.verify();
  });

  test('goes on in chunks where it was cut off: nothing that has arrived is sent again', async () => {
    await using bench = await openStreams();
    bench.registry.misbehave({ match: patch, times: 1, dropAfter: 3 * MiB });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    const size = sizeOf(bench.events);
    expect(bench.events.find(({ type }) => type === 'blob:resumed')).toMatchObject({ offset: 3 * MiB });
    expect(received(bench.registry)).toBe(size);
    expect(bench.gzip.runs()).toBe(1);
    expect(bench.registry.sessions()).toEqual([]);
    await bench.registry.verify();
  });

  test('goes on with what has arrived where no answer came', async () => {
    await using bench = await openStreams();
    bench.registry.misbehave({ match: patch, times: 1, dropResponse: true });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    expect(received(bench.registry)).toBe(sizeOf(bench.events));
    await bench.registry.verify();
  });

  test('begins anew where the registry loses what was cut off, and says so', async () => {
    await using bench = await openStreams();
    bench.registry.misbehave({ match: patch, times: 1, dropAfter: 3 * MiB });
    bench.registry.misbehave({ match: { kind: 'upload-status' }, times: 1, status: 404 });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    const warning = bench.events.find((event) => event.type === 'warning' && event.code === 'upload-lost');
    expect(warning && describeEvent(warning)).toMatch(/interrupted at \d+ bytes cannot be continued/);
    expect(received(bench.registry)).toBe(sizeOf(bench.events) + 3 * MiB);
    expect(bench.gzip.runs()).toBe(1);
    await bench.registry.verify();
  });

  test('that is interrupted ends its request, and the next push goes on there', async () => {
    const metadataStore = createMemoryMetadataStore();
    const layerCache = createMemoryLayerCache({ maxBytes: 64 * MiB });
    await using bench = await openStreams({ metadataStore, layerCache });
    const controller = new AbortController();
    const onEvent = (event: PushEvent): void => {
      if (event.type === 'blob:progress' && event.sent > 2 * MiB) controller.abort(new Error('enough'));
    };
    const pushing = bench.push(image, 'demo/app:1', { signal: controller.signal, onEvent });
    await expect(pushing).rejects.toThrow('enough');
    const [session] = bench.registry.sessions();
    expect(session?.offset).toBeGreaterThan(2 * MiB);
    expect(bench.registry.requests.find(({ kind }) => kind === 'upload-patch')).toMatchObject({ status: 202 });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    expect(bench.events.find(({ type }) => type === 'blob:resumed')).toMatchObject({ offset: session?.offset });
    expect(received(bench.registry)).toBe(sizeOf(bench.events));
    await bench.registry.verify();
  });

  test.each([
    ['a byte more than there are', (whole: number) => whole],
    ['more than any blob has', () => 999_999_999_999],
  ])('begins anew where the registry says that it has %s', async (_, last) => {
    const layerCache = createMemoryLayerCache({ maxBytes: 64 * MiB });
    await using bench = await openStreams({ metadataStore: createMemoryMetadataStore(), layerCache, attempts: 1 });
    const controller = new AbortController();
    const onEvent = (event: PushEvent): void => {
      if (event.type === 'blob:progress' && event.sent > 2 * MiB) controller.abort(new Error('enough'));
    };
    await expect(bench.push(image, 'demo/app:1', { signal: controller.signal, onEvent })).rejects.toThrow('enough');
    await using other = await openStreams();
    await other.push(image, 'demo/app:1');
    const range = `0-${last(sizeOf(other.events))}`;
    bench.registry.misbehave({ match: { kind: 'upload-status' }, headers: { range } });
    // A single attempt is enough: nothing has failed.
    const again = await bench.push(image, 'demo/app:1');
    expect(again).toMatchObject([{ ok: true }]);
    const warnings = bench.events.filter((event) => event.type === 'warning');
    expect(warnings).toMatchObject([{ code: 'upload-lost', message: expect.stringMatching(/ bytes of it, and not /) }]);
    expect(bench.registry.sessions()).toEqual([]);
    await bench.registry.verify();
  });

  test('is noted now and then while it is sent, for whoever comes after a kill', async () => {
    const saved: SessionRecord[] = [];
    const store = createMemoryMetadataStore();
    const saveSession = async (record: SessionRecord): Promise<void> => {
      saved.push(record);
      await store.saveSession(record);
    };
    const metadataStore = new Proxy(store, {
      get: (target, name) => {
        const value = name === 'saveSession' ? saveSession : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await using bench = await openStreams({ metadataStore });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    const size = sizeOf(bench.events);
    expect(saved.length).toBeGreaterThanOrEqual(Math.floor(size / (chunkSize + MiB)));
    expect(saved.map(({ offset }) => offset)).toEqual(saved.map(({ offset }) => offset).toSorted((a, b) => a - b));
    const [{ repository, subject }] = saved as [SessionRecord];
    expect(await store.session(repository, subject)).toBeUndefined();
  });

  test('begins anew after a break where nothing is kept to go on with', async () => {
    await using bench = await openBench({ chunkSize, layerCache: undefined });
    bench.registry.misbehave({ match: patch, times: 1, dropAfter: MiB });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    expect(bench.events.find(({ type }) => type === 'blob:resumed')).toBeUndefined();
    expect(bench.registry.sessions()).toEqual([]);
  });

  test('goes to one registry at its own pace, however slow another one is', async () => {
    await using bench = await openStreams();
    await using slow = await openBench();
    slow.registry.misbehave({ match: patch, times: 1, delayMs: 2_000 });
    const destinations = [bench.destination('demo/app:1'), slow.destination('demo/app:1')];
    let isFirst = true;
    const onEvent = (event: PushEvent): void => {
      if (event.type !== 'blob:pushed' || event.size < MiB) return;
      if (isFirst) expect(event.blob.destination).toContain(bench.registry.host);
      if (isFirst) expect(received(slow.registry)).toBe(0);
      isFirst = false;
    };
    const [results] = await bench.pushAll([{ item: image, destinations }], { onEvent });
    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
    expect(isFirst).toBe(false);
    expect(bench.gzip.runs()).toBe(1);
    await bench.registry.verify();
    await slow.registry.verify();
  });

  test.each([0.5, 3, 7])(
    'whose cache is full after %d MiB is compressed again, and its upload goes on',
    async (room) => {
      const { cache } = watchedCache(createMemoryLayerCache({ maxBytes: 64 * MiB }), room * MiB);
      await using bench = await openBench({ chunkSize, layerCache: cache });
      expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
      expect(patches(bench.registry)).toEqual([`?${sizeOf(bench.events)}`]);
      expect(bench.gzip.runs()).toBe(2);
      await bench.registry.verify();
    },
  );

  test('falls behind while its registry takes nothing, and reads what it has missed', async () => {
    await using bench = await openStreams();
    bench.registry.misbehave({ match: patch, times: 1, delayMs: 3_000 });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
    expect(bench.read()).toBeGreaterThan(0); // there was no memory for all that time
    expect(patches(bench.registry)).toEqual([`?${sizeOf(bench.events)}`]);
    await bench.registry.verify();
  });
});
