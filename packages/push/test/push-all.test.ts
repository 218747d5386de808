import { createGzipCompressor } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { openRegistry, type Ping } from '@slipway/registry-client';
import { openV1Session } from '@slipway/registry-client/v1';
import { randomImage as randomTestImage, startRegistry } from '@slipway/testkit';
import { readBackV1, startV1Registry } from '@slipway/testkit/legacy';
import { createTransferManager } from '@slipway/transfer';
import { describe, expect, test } from 'vitest';
import {
  createPusher,
  type Destination,
  type PushAllOptions,
  type PushDelivery,
  type PushEvent,
} from '../src/index.ts';
import { chainOf } from '../src/legacy/legacy-image.ts';
import { countOf, digestOf, imageOf, openBench, outcomes, plainLayer, textBytes } from './setup.ts';

const base = plainLayer(textBytes(1, 50_000));
const middle = plainLayer(textBytes(2, 20_000));
const first = imageOf([base, middle], { comment: 'first' });
const second = imageOf([base, middle, plainLayer(textBytes(3, 10_000))], { comment: 'second' });

describe('several images to one repository', () => {
  test('share what was found out: a layer that one of them brought is asked for no more', async () => {
    await using bench = await openBench();
    const results = await bench.pushAll([
      { item: first, destinations: [bench.destination('demo/app:1')] },
      { item: second, destinations: [bench.destination('demo/app:2'), bench.destination('demo/app:3')] },
    ]);
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[true], [true, true]]);
    expect(bench.events.filter(({ type }) => type === 'push:started')).toHaveLength(1);
    expect(outcomes(bench.events)).toEqual({ 'blob:pushed': 5, 'blob:existed': 2 });
    expect(countOf(bench.requests())).toMatchObject({ 'GET ping': 1, 'POST blobs/uploads': 5, 'PUT manifests': 3 });
    expect(bench.registry.requests.filter(({ kind }) => kind === 'blob-head')).toEqual([]);
    expect(results.map(([result]) => result?.totals)).toMatchObject([
      { uploaded: 3, existed: 0 },
      { uploaded: 2, existed: 2 },
    ]);
    await bench.registry.verify();
  });

  test('each ends by itself', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'manifest-put', path: /\/1$/ }, status: 403 });
    const results = await bench.pushAll(deliveries(bench));
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[false], [true]]);
    expect(await bench.registry.tags('demo/app')).toEqual(['2']);
  });

  test('with stopAtFailure, what comes after a failure is left out', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'manifest-put', path: /\/1$/ }, status: 403 });
    const results = await bench.pushAll(deliveries(bench), { stopAtFailure: true });
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[false], []]);
    expect(await bench.registry.tags('demo/app')).toEqual([]);
  });

  test('the next one begins when the caller has done its part with the one before', async () => {
    await using bench = await openBench();
    const seen: [number, readonly string[]][] = [];
    const results = await bench.pushAll(deliveries(bench), {
      async onDelivered(delivered, index) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push([index, [...bench.registry.tags('demo/app')]]);
        digestOf(delivered);
      },
    });
    expect(results).toHaveLength(2);
    expect(seen).toEqual([
      [0, ['1']],
      [1, ['1', '2']],
    ]);
  });

  test('what the caller throws meanwhile ends the push', async () => {
    await using bench = await openBench();
    const failure = new Error('the disk is full');
    const options: PushAllOptions = { onDelivered: () => Promise.reject(failure) };
    await expect(bench.pushAll(deliveries(bench), options)).rejects.toBe(failure);
    expect(await bench.registry.tags('demo/app')).toEqual(['1']);
  });

  test('one that makes no sense rejects them all, before anything is sent', async () => {
    await using bench = await openBench();
    const damaged = { ...second, layers: second.layers.slice(1) };
    const destinations = [bench.destination('demo/app:2')];
    const [good] = deliveries(bench);
    await expect(bench.pushAll([good!, { item: damaged, destinations }])).rejects.toMatchObject({
      code: 'ERR_PUSH_INVALID',
    });
    expect(bench.requests()).toEqual([]);
  });

  test('none is none', async () => {
    await using bench = await openBench();
    expect(await bench.pushAll([])).toEqual([]);
    expect(await bench.pushAll([{ item: first, destinations: [] }])).toEqual([[]]);
  });
});

function deliveries(bench: Awaited<ReturnType<typeof openBench>>): readonly PushDelivery[] {
  return [
    { item: first, destinations: [bench.destination('demo/app:1')] },
    { item: second, destinations: [bench.destination('demo/app:2')] },
  ];
}

/** Layers of real tars, since registries of old sum their files. */
async function tarImage(seed: number, layers: number): Promise<SourceImage> {
  const made = await randomTestImage({ seed, layers: Array.from({ length: layers }, () => ({ size: 4_000 })) });
  return {
    kind: 'image',
    names: [],
    platform: made.platform,
    config: { mediaType: mediaTypes.dockerConfig, digest: made.imageID, bytes: made.configBytes },
    layers: made.layers.map(({ diffID, tar }) => ({
      diffID,
      content: tar,
      compression: 'none',
      descriptor: undefined,
    })),
    manifest: undefined,
  };
}

interface Place {
  readonly host: string;
  readonly url: string;
}

/** Pushes images to `PATH:TAG`s of a registry that is reached over both protocols. */
async function pushOld(
  place: Place,
  items: readonly (readonly [SourceImage, ...string[]])[],
  options: PushAllOptions,
  ping?: Ping,
): Promise<{ readonly results: Awaited<ReturnType<ReturnType<typeof createPusher>['pushAll']>>; events: PushEvent[] }> {
  await using transfers = createTransferManager();
  await using client = openRegistry({ url: place.url });
  const pusher = createPusher({
    transfers,
    metadataStore: createMemoryMetadataStore(),
    gzip: createGzipCompressor(),
    attempts: 1,
  });
  const events: PushEvent[] = [];
  const url = new URL(place.url);
  const destination = (text: string): Destination => {
    const reference = parseReference(`${place.host}/${text}`);
    return {
      reference,
      identify: async () => ({ hmacKey: undefined, hasAuthInfo: false }),
      endpoints: [
        {
          url,
          connect: async () => client.repository(reference.repository),
          ping: async (wait) => ping ?? (await client.ping(wait)),
        },
      ],
      v1Endpoints: [{ url, open: async () => openV1Session({ url: place.url }) }],
    };
  };
  const results = await pusher.pushAll(
    items.map(([item, ...texts]) => ({ item, destinations: texts.map(destination) })),
    { ...options, onEvent: (event) => events.push(event) },
  );
  return { results, events };
}

describe('all tags over v1', () => {
  test('are one push a repository: one list, one lookup an image, one end', async () => {
    await using registry = await startV1Registry();
    const [one, two] = [await tarImage(1, 2), await tarImage(1, 3)];
    const { results, events } = await pushOld(
      registry,
      [
        [one, 'demo/app:1', 'other/app:1'],
        [two, 'demo/app:2', 'demo/app:latest'],
      ],
      { protocol: 'v1' },
    );
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([
      [true, true],
      [true, true],
    ]);
    const list = [...new Set([...chainOf(one), ...chainOf(two)].map(({ id }) => id))];
    const paths = registry.requests.map(({ method, path }) => `${method} ${path}`);
    const ofApp = paths.filter((path) => path.includes('/repositories/demo/app'));
    expect(ofApp[0]).toBe('PUT /v1/repositories/demo/app/');
    expect(ofApp.at(-1)).toBe('PUT /v1/repositories/demo/app/images');
    expect(ofApp.filter((path) => /^PUT .*\/app\/(images)?$/.test(path))).toHaveLength(2);
    const tags = new Map([
      [chainOf(one).at(-1)?.id, ['1']],
      [chainOf(two).at(-1)?.id, ['2', 'latest']],
    ]);
    expect(registry.indexes.get('demo/app')).toEqual(
      list.flatMap((id) => tags.get(id)?.map((tag) => ({ id, Tag: tag })) ?? { id }),
    );
    for (const [repository, tag, length] of [
      ['demo/app', '1', 2],
      ['demo/app', '2', 3],
      ['demo/app', 'latest', 3],
      ['other/app', '1', 2],
    ] as const) {
      expect(await readBackV1(registry.url, repository, tag)).toHaveLength(length);
    }
    // Two repositories were begun, and what two images share is counted once.
    expect(events.filter(({ type }) => type === 'push:started')).toHaveLength(2);
    const sums = results.map(([result]) => (result?.totals.uploaded ?? 0) + (result?.totals.existed ?? 0));
    expect(sums).toEqual([2, list.length - 2]);
    expect(results.flat().map((result) => (result.ok ? result.digest : result.error))).toEqual([
      `sha256:${chainOf(one).at(-1)?.id}`,
      `sha256:${chainOf(one).at(-1)?.id}`,
      `sha256:${chainOf(two).at(-1)?.id}`,
      `sha256:${chainOf(two).at(-1)?.id}`,
    ]);
  });

  test('fail together', async () => {
    await using registry = await startV1Registry();
    registry.misbehave(({ path }) => (path.endsWith('/tags/2') ? { status: 500 } : undefined));
    const items = [
      [await tarImage(1, 1), 'demo/app:1'],
      [await tarImage(2, 1), 'demo/app:2'],
    ] as const;
    const { results, events } = await pushOld(registry, items, { protocol: 'v1' });
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[false], [false]]);
    expect(registry.requests.filter(({ path }) => path.endsWith('/demo/app/'))).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'push:failed')).toHaveLength(2);
  });

  test.each([
    ['no', { status: 404, apiVersions: [] }],
    ['maybe', { status: 200, apiVersions: [] }],
  ] satisfies [string, Ping][])('go there once where v2 is answered with %s', async (_, ping) => {
    await using registry = await startV1Registry();
    const items = [
      [await tarImage(1, 1), 'demo/app:1'],
      [await tarImage(2, 1), 'demo/app:2'],
    ] as const;
    const { results } = await pushOld(registry, items, { protocol: 'auto' }, ping);
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[true], [true]]);
    expect(registry.requests.filter(({ path }) => path === '/v1/repositories/demo/app/')).toHaveLength(1);
    for (const tag of ['1', '2']) expect(await readBackV1(registry.url, 'demo/app', tag)).toHaveLength(1);
  });

  test('a registry that has taken one of them over v2 gets the others over v2', async () => {
    await using registry = await startRegistry();
    let pings = 0;
    const ping: Ping = {
      status: 200,
      get apiVersions() {
        pings += 1;
        return [];
      },
    };
    const items = [
      [first, 'demo/app:1'],
      [second, 'demo/app:2'],
    ] as const;
    const { results } = await pushOld(registry, items, { protocol: 'auto' }, ping);
    expect(results.map((own) => own.map(({ ok }) => ok))).toEqual([[true], [true]]);
    expect(pings).toBe(1);
    expect(registry.requests.filter(({ path }) => path.startsWith('/v1/'))).toEqual([]);
  });
});
