import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteStream, type Compressor, createGzipCompressor } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Destination } from '../src/index.ts';
import { type Bench, imageOf, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

/** Counts what is compressed, and what of it has not ended. */
function watchedCompressor(): Compressor & { readonly runs: () => number; readonly running: () => number } {
  const gzip = createGzipCompressor();
  let runs = 0;
  let running = 0;
  return {
    compression: gzip.compression,
    recipe: gzip.recipe,
    runs: () => runs,
    running: () => running,
    async *compress(source: ByteStream, options) {
      runs += 1;
      running += 1;
      try {
        yield* gzip.compress(source, options);
      } finally {
        running -= 1;
      }
    },
  };
}

/** A destination whose registry says nothing until it is told to answer. */
function silent({ endpoints, ...destination }: Destination): {
  readonly destination: Destination;
  readonly answer: (failure?: Error) => void;
} {
  let answer: (failure?: Error) => void = () => {};
  const answered = new Promise<Error | undefined>((resolve) => {
    answer = resolve;
  });
  const late = endpoints.map((endpoint): Destination['endpoints'][number] => ({
    url: endpoint.url,
    async connect(options = {}) {
      const { signal } = options;
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      const failure = await Promise.race([answered, aborted]);
      if (failure !== undefined) throw failure;
      return await endpoint.connect(options);
    },
  }));
  return { destination: { ...destination, endpoints: late }, answer };
}

let gzip: ReturnType<typeof watchedCompressor>;
beforeEach(() => {
  gzip = watchedCompressor();
});

const image = randomImage(61);

async function deliver(bench: Bench, to: Destination, options: Parameters<Bench['push']>[2] = {}, item = image) {
  const [results = []] = await bench.pushAll([{ item, destinations: [to] }], options);
  return results;
}

describe('while the registry is silent', () => {
  test('new layers are compressed, once, and what is asked stays the same', async () => {
    await using usual = await openBench();
    expect(await usual.push(image, 'a/app:1')).toMatchObject([{ ok: true }]);
    const requests = usual.requests().sort();
    await using bench = await openBench({ gzip });
    const { destination, answer } = silent(bench.destination('a/app:1'));
    const pushing = deliver(bench, destination);
    await expect.poll(gzip.runs).toBe(3);
    await expect.poll(gzip.running).toBe(0);
    expect(bench.requests()).toEqual([]);
    answer();
    expect(await pushing).toMatchObject([{ ok: true }]);
    expect(gzip.runs()).toBe(3);
    expect(bench.requests().sort()).toEqual(requests);
    await bench.registry.verify();
  });

  test('those of all destinations are the same', async () => {
    await using bench = await openBench({ gzip });
    const silences = ['a/app:1', 'b/app:1', 'b/app:2'].map((name) => silent(bench.destination(name)));
    const pushing = bench.pushAll([{ item: image, destinations: silences.map(({ destination }) => destination) }]);
    await expect.poll(gzip.runs).toBe(3);
    for (const { answer } of silences) answer();
    expect(await pushing).toMatchObject([[{ ok: true }, { ok: true }, { ok: true }]]);
    expect(gzip.runs()).toBe(3);
  });

  test('two pushes of one image make each layer once', async () => {
    await using bench = await openBench({ gzip });
    const silences = ['a/app:1', 'b/app:1'].map((name) => silent(bench.destination(name)));
    const pushing = silences.map(({ destination }) => deliver(bench, destination));
    await expect.poll(gzip.runs).toBe(3);
    await expect.poll(gzip.running).toBe(0);
    for (const { answer } of silences) answer();
    expect(await Promise.all(pushing)).toMatchObject([[{ ok: true }], [{ ok: true }]]);
    expect(gzip.runs()).toBe(3);
    // What the first has claimed is free again.
    await deliver(bench, bench.destination('c/app:1'), {}, randomImage(62));
    expect(gzip.runs()).toBe(6);
  });

  test('a dry run makes what it tells of', async () => {
    await using bench = await openBench({ gzip });
    const { destination, answer } = silent(bench.destination('a/app:1'));
    const planning = deliver(bench, destination, { dryRun: true });
    await expect.poll(gzip.runs).toBe(3);
    answer();
    expect(await planning).toMatchObject([{ ok: true }]);
    expect(gzip.runs()).toBe(3);
  });

  test.each<[string, Parameters<Bench['push']>[2], SourceImage]>([
    ['where claims of the registry are believed', { learn: 'trust' }, image],
    ['where claims of the registry are looked at', { learn: 'verify' }, image],
    ['over a protocol of old', { protocol: 'v1' }, image],
    ['that go as they are', { compression: 'none' }, image],
  ])('none is compressed %s', async (_name, options, item) => {
    await using bench = await openBench({ gzip });
    const { destination, answer } = silent(bench.destination('a/app:1'));
    const pushing = deliver(bench, destination, options, item);
    await sleep(50);
    expect(gzip.runs()).toBe(0);
    answer();
    await pushing;
  });

  test('none is compressed where nothing is kept, or turns are shared', async () => {
    const sharedTurns = { take: async () => ({ [Symbol.asyncDispose]: async () => {} }) };
    for (const options of [{ layerCache: undefined }, { sharedTurns }]) {
      await using bench = await openBench({ gzip, ...options });
      const { destination, answer } = silent(bench.destination('a/app:1'));
      const before = gzip.runs();
      const pushing = deliver(bench, destination);
      await sleep(50);
      expect(gzip.runs()).toBe(before);
      answer();
      expect(await pushing).toMatchObject([{ ok: true }]);
    }
  });

  test('a large layer is left to its upload', async () => {
    const noise = new Uint8Array(17 * 1024 * 1024);
    for (let at = 0; at < noise.byteLength; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
    await using bench = await openBench({ gzip });
    const { destination, answer } = silent(bench.destination('a/app:1'));
    const pushing = deliver(bench, destination, {}, imageOf([plainLayer(noise), plainLayer(textBytes(1, 5_000))]));
    await expect.poll(gzip.runs).toBe(1);
    await sleep(50);
    expect(gzip.runs()).toBe(1);
    answer();
    expect(await pushing).toMatchObject([{ ok: true }]);
    await bench.registry.verify();
  });
});

describe('an unchanged image', () => {
  test('is not compressed, with or without what was kept', async () => {
    await using bench = await openBench({ gzip });
    expect(await bench.push(image, 'a/app:1')).toMatchObject([{ ok: true }]);
    expect(gzip.runs()).toBe(3);
    expect(await bench.push(image, 'a/app:1')).toMatchObject([{ ok: true, unchanged: true }]);
    const layerCache = createMemoryLayerCache();
    const shared = { metadataStore: bench.store, layerCache, gzip };
    await using again = await openBench(shared);
    const { destination, answer } = silent({ ...bench.destination('a/app:1') });
    const pushing = deliver(again, destination);
    await sleep(50);
    answer();
    expect(await pushing).toMatchObject([{ ok: true, unchanged: true }]);
    expect(await again.push(image, 'b/app:1').then(([result]) => result?.ok)).toBeDefined();
    expect(bench.requests().filter((request) => request === 'POST uploads')).toHaveLength(0);
  });
});

describe('what is being compressed ends', () => {
  /** Layers that take a while. */
  const large = imageOf(Array.from({ length: 6 }, (_, at) => plainLayer(textBytes(700 + at, 8_000_000))));

  test('when the push is aborted', async () => {
    await using bench = await openBench({ gzip });
    const { destination } = silent(bench.destination('a/app:1'));
    const controller = new AbortController();
    const pushing = deliver(bench, destination, { signal: controller.signal }, large);
    await expect.poll(gzip.running).toBeGreaterThan(0);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(pushing).rejects.toBe(reason);
    const { runs } = gzip;
    const begun = runs();
    expect(gzip.running()).toBe(0);
    await sleep(50);
    expect(runs()).toBe(begun);
    expect(begun).toBeLessThan(6);
    // What was cut off is in nobody's way.
    expect(await bench.push(large, 'a/app:1')).toMatchObject([{ ok: true }]);
    await bench.registry.verify();
  });

  test('when the registry refuses', async () => {
    await using bench = await openBench({ gzip });
    const { destination, answer } = silent(bench.destination('a/app:1'));
    const pushing = deliver(bench, destination, {}, large);
    await expect.poll(gzip.running).toBeGreaterThan(0);
    answer(new TypeError('this registry is none'));
    expect(await pushing).toMatchObject([{ ok: false }]);
    expect(gzip.running()).toBe(0);
    const begun = gzip.runs();
    await sleep(50);
    expect(gzip.runs()).toBe(begun);
  });

  test('not for a destination that goes on where another one fails', async () => {
    await using bench = await openBench({ gzip });
    const failing = silent(bench.destination('a/app:1'));
    const going = silent(bench.destination('b/app:1'));
    const destinations = [failing.destination, going.destination];
    const pushing = bench.pushAll([{ item: large, destinations }]);
    await expect.poll(gzip.running).toBeGreaterThan(0);
    failing.answer(new TypeError('this registry is none'));
    going.answer();
    expect(await pushing).toMatchObject([[{ ok: false }, { ok: true }]]);
    expect(gzip.runs()).toBe(6);
    await bench.registry.verify();
  });
});
