import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { readBack, requireTool, startDebianRegistry } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { createPusher } from '../src/index.ts';
import { benchAt, countOf, digestOf, outcomes, randomImage } from './setup.ts';

const missing = requireTool('docker-registry');
const layerCount = 3;
const blobCount = layerCount + 1;

test.skipIf(missing)('what a push costs, from the access log of a real registry', async () => {
  await using bench = await benchAt(await startDebianRegistry());
  const image = randomImage(1);
  const requests = async (): Promise<Record<string, number>> => {
    await bench.registry.settled();
    return countOf(bench.requests());
  };
  await requests();

  const digest = digestOf(await bench.push(image, 'demo/app:1'));
  expect(await requests()).toEqual({
    'GET ping': 1,
    'GET manifests': 1,
    'GET tags': 1,
    'POST blobs/uploads': blobCount,
    'PUT blobs/uploads': blobCount,
    'PUT manifests': 1,
    'HEAD manifests': 1,
  });
  const back = await readBack(bench.registry.host, 'demo/app', '1');
  expect(back.digest).toBe(digest);
  expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));

  await requests();

  // The same tag again: one question.
  const compressed = bench.gzip.runs();
  await bench.push(image, 'demo/app:1');
  expect(await requests()).toEqual({ 'GET ping': 1, 'HEAD manifests': 1 });

  // A new tag: no HEAD of a layer, one manifest PUT between looks at tag and digest, and at the tag again.
  await bench.push(image, 'demo/app:2');
  expect(await requests()).toEqual({ 'GET ping': 1, 'HEAD manifests': 3, 'PUT manifests': 1 });

  // A second repository: every layer mounted, nothing sent.
  bench.events.length = 0;
  const [other] = await bench.push(image, 'demo/other:1');
  expect(other?.totals).toMatchObject({ mounted: blobCount, uploaded: 0, bytesSent: 0 });
  expect(outcomes(bench.events)).toEqual({ 'blob:mounted': blobCount });
  expect(await requests()).toMatchObject({ 'POST blobs/uploads': blobCount, 'PUT manifests': 1 });

  // An empty memory: what the registry claims is proven by compressing; nothing is sent.
  const fresh = createPusher({
    transfers: bench.transfers,
    gzip: bench.gzip,
    metadataStore: createMemoryMetadataStore(),
  });
  const [learnt] = await fresh.push(image, [bench.destination('demo/app:1')]);
  expect(learnt).toMatchObject({ ok: true, digest, unchanged: true });
  expect(await requests()).toEqual({ 'GET ping': 1, 'GET manifests': 1, 'GET blobs': 1 });
  expect(bench.gzip.runs()).toBe(compressed + layerCount);

  // Five tags of another image: its layers once.
  const tags = [1, 2, 3, 4, 5].map((tag) => `demo/five:${tag}`);
  await bench.push(randomImage(2), tags);
  expect(await requests()).toMatchObject({
    'POST blobs/uploads': blobCount,
    'PUT blobs/uploads': blobCount,
    'PUT manifests': 5,
  });
  expect(bench.gzip.runs()).toBe(compressed + 2 * layerCount);
});

test.skipIf(missing)('a layer that is compressed while it is sent costs POST, PATCH and PUT', async () => {
  await using bench = await benchAt(await startDebianRegistry());
  const image = randomImage(3, [20 * 1024 * 1024]);
  digestOf(await bench.push(image, 'demo/large:1'));
  await bench.registry.settled();
  expect(countOf(bench.requests())).toMatchObject({
    'POST blobs/uploads': 2,
    'PATCH blobs/uploads': 1,
    'PUT blobs/uploads': 2,
  });
  const back = await readBack(bench.registry.host, 'demo/large', '1');
  expect(back.layers[0]?.diffID).toBe(image.layers[0]?.diffID);
});
