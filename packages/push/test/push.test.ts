import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { describe, expect, test } from 'vitest';
import { countOf, digestOf, openBench, outcomes, randomImage } from './setup.ts';

const layerCount = 3;
const blobCount = layerCount + 1;

describe('requests of a push', () => {
  test('a new small blob costs POST and PUT; the whole push five requests more', async () => {
    await using bench = await openBench();
    const image = randomImage(1);
    const results = await bench.push(image, 'demo/app:1');
    const digest = digestOf(results);
    expect(countOf(bench.requests())).toEqual({
      'GET ping': 1,
      'GET manifests': 1,
      'GET tags': 1,
      'POST blobs/uploads': blobCount,
      'PUT blobs/uploads': blobCount,
      'PUT manifests': 1,
      'HEAD manifests': 1,
    });
    expect((await bench.registry.manifest('demo/app', '1'))?.digest).toBe(digest);
    await expect(bench.registry.verify()).resolves.toBeDefined();
    expect(outcomes(bench.events)).toEqual({ 'blob:pushed': blobCount });
  });

  test('the same image to the same tag again is one question about the manifest', async () => {
    await using bench = await openBench();
    const image = randomImage(1);
    const first = digestOf(await bench.push(image, 'demo/app:1'));
    const compressed = bench.gzip.runs();
    bench.requests();
    const [again] = await bench.push(image, 'demo/app:1');
    expect(again).toMatchObject({ ok: true, digest: first, unchanged: true });
    expect(bench.requests()).toEqual(['GET ping', 'HEAD manifests']);
    expect(bench.gzip.runs()).toBe(compressed);
  });

  test('the same image to a new tag is a manifest PUT between three looks', async () => {
    await using bench = await openBench();
    const image = randomImage(1);
    const first = digestOf(await bench.push(image, 'demo/app:1'));
    bench.requests();
    const [again] = await bench.push(image, 'demo/app:2');
    expect(again).toMatchObject({ ok: true, digest: first, unchanged: false });
    const look = 'HEAD manifests'; // tag and digest before, tag after
    expect(bench.requests()).toEqual(['GET ping', look, look, 'PUT manifests', look]);
  });

  test('from an empty memory what the registry claims is proven by compressing: nothing is sent', async () => {
    await using first = await openBench();
    const image = randomImage(1);
    const digest = digestOf(await first.push(image, 'demo/app:1'));
    first.requests();
    const runs = first.gzip.runs();
    const { createPusher } = await import('../src/index.ts');
    await using store = createMemoryMetadataStore();
    const events: string[] = [];
    const pusher = createPusher({ transfers: first.transfers, gzip: first.gzip, metadataStore: store });
    const onEvent = ({ type }: { readonly type: string }): void => void events.push(type);
    const same = await pusher.push(image, [first.destination('demo/app:1')], { onEvent });
    expect(digestOf(same)).toBe(digest);
    expect(first.requests()).toEqual(['GET ping', 'GET manifests', 'GET blobs']);
    expect(first.gzip.runs()).toBe(runs + image.layers.length);

    await using fresh = createMemoryMetadataStore();
    const other = createPusher({ transfers: first.transfers, gzip: first.gzip, metadataStore: fresh });
    const newTag = await other.push(image, [first.destination('demo/app:next')], { onEvent });
    expect(digestOf(newTag)).toBe(digest);
    expect(countOf(first.requests())).toEqual({
      'GET ping': 1,
      'GET manifests': 2,
      'GET tags': 1,
      'GET blobs': 1,
      'PUT manifests': 1,
      'HEAD manifests': 1,
    });
    expect(first.gzip.runs()).toBe(runs + 2 * image.layers.length);
  });

  test('a second repository mounts every layer and sends none', async () => {
    await using bench = await openBench();
    const image = randomImage(1);
    const digest = digestOf(await bench.push(image, 'demo/app:1'));
    bench.requests();
    bench.events.length = 0;
    const results = await bench.push(image, 'demo/other:1');
    expect(digestOf(results)).toBe(digest);
    expect(outcomes(bench.events)).toEqual({ 'blob:mounted': blobCount });
    expect(countOf(bench.requests())).toMatchObject({ 'POST blobs/uploads': blobCount, 'PUT manifests': 1 });
    expect(results[0]?.totals.bytesSent).toBe(0);
    await bench.registry.verify();
  });

  test('five tags handle the layers once', async () => {
    await using bench = await openBench();
    const tags = [1, 2, 3, 4, 5].map((tag) => `demo/app:${tag}`);
    const results = await bench.push(randomImage(2), tags);
    expect(results.map((result) => result.ok)).toEqual([true, true, true, true, true]);
    expect(countOf(bench.requests())).toMatchObject({ 'POST blobs/uploads': blobCount, 'PUT manifests': 5 });
    expect(bench.gzip.runs()).toBe(layerCount);
  });

  test('two pushes of one image at the same time upload each blob once', async () => {
    await using bench = await openBench();
    const image = randomImage(3);
    const [a, b] = await Promise.all([bench.push(image, 'demo/app:1'), bench.push(image, 'demo/app:2')]);
    expect(digestOf(a)).toBe(digestOf(b));
    expect(countOf(bench.requests())).toMatchObject({ 'PUT blobs/uploads': blobCount });
  });
});

describe('several destinations', () => {
  test('one reading and one compression feed all of them', async () => {
    await using bench = await openBench();
    await using other = await openBench();
    const { createMemoryLayerCache } = await import('@slipway/layer-cache');
    const { createPusher } = await import('../src/index.ts');
    const pusher = createPusher({
      transfers: bench.transfers,
      gzip: bench.gzip,
      layerCache: createMemoryLayerCache({ maxBytes: 64 * 1024 * 1024 }),
    });
    const results = await pusher.push(randomImage(4), [bench.destination('a/one:1'), other.destination('b/two:1')]);
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(digestOf(results, 0)).toBe(digestOf(results, 1));
    expect(bench.gzip.runs()).toBe(layerCount);
  });

  test('two pushes at the same time to two repositories of one registry send each blob once', async () => {
    await using bench = await openBench();
    const image = randomImage(7);
    const [a, b] = await Promise.all([bench.push(image, 'a/one:1'), bench.push(image, 'b/two:1')]);
    expect(digestOf(a)).toBe(digestOf(b));
    expect(countOf(bench.requests())).toMatchObject({ 'PUT blobs/uploads': blobCount });
  });

  test('two repositories of one registry: uploaded to the first, mounted in the second', async () => {
    await using bench = await openBench();
    const results = await bench.push(randomImage(6), ['a/one:1', 'b/two:1']);
    expect(digestOf(results, 0)).toBe(digestOf(results, 1));
    expect(countOf(bench.requests())).toMatchObject({ 'PUT blobs/uploads': blobCount, 'PUT manifests': 2 });
    expect(results.map(({ totals }) => [totals.uploaded, totals.mounted])).toEqual([
      [blobCount, 0],
      [0, blobCount],
    ]);
    await bench.registry.verify();
  });

  test('each ends by itself', async () => {
    await using bench = await openBench();
    await using broken = await openBench();
    broken.registry.misbehave({ match: { kind: ['upload-start', 'mount'] }, status: 403 });
    const { createPusher } = await import('../src/index.ts');
    const pusher = createPusher({ transfers: bench.transfers, gzip: bench.gzip });
    const results = await pusher.push(randomImage(5), [broken.destination('a/one:1'), bench.destination('b/two:1')]);
    expect(results.map(({ ok }) => ok)).toEqual([false, true]);
  });
});
