import { gzipSync } from 'node:zlib';
import { type Digest, digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import type { EmbeddedRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { createPusher, type PushEvent, type PushLearn, type PushResult } from '../src/index.ts';
import { type Bench, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

const ours = plainLayer(textBytes(1, 40_000));
const other = plainLayer(textBytes(2, 30_000));
const foreign = new Uint8Array(gzipSync(textBytes(666, 5_000)));
const image = imageOf([ours, other]);

interface Lie {
  /** The blob that stands for our layers. */
  readonly blob: Uint8Array;
  readonly tag: string;
  /** Claim a config digest that the config's bytes do not have. */
  readonly wrongConfigDigest?: boolean | undefined;
  /** Say that the blob has another size. */
  readonly size?: number | undefined;
}

/** Puts a tag into a repository whose config names the image's diffIDs, and whose layers are something else. */
async function plant(registry: EmbeddedRegistry, repository: string, lie: Lie): Promise<Digest> {
  const { blob, tag, wrongConfigDigest = false, size = blob.byteLength } = lie;
  const digest = digestBytes(blob);
  const layer = { mediaType: mediaTypes.dockerLayerGzip, digest, size };
  const config = image.config.bytes;
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: {
      mediaType: mediaTypes.dockerConfig,
      digest: wrongConfigDigest ? digestBytes(textBytes(9, 9)) : digestBytes(config),
      size: config.byteLength,
    },
    layers: image.layers.map(() => layer),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  await registry.seed(repository, {
    blobs: [blob, config],
    manifests: [{ bytes, mediaType: mediaTypes.dockerManifest, tags: [tag] }],
  });
  return digest;
}

async function layersOf(registry: EmbeddedRegistry, repository: string, tag: string): Promise<readonly Digest[]> {
  const manifest = await registry.manifest(repository, tag);
  return JSON.parse(new TextDecoder().decode(manifest?.bytes)).layers.map(({ digest }: { digest: Digest }) => digest);
}

/** A push from a machine that has never pushed before, unless a store is given. */
async function pushFresh(
  bench: Bench,
  item: SourceImage,
  to: string,
  options: { readonly learn?: PushLearn; readonly events?: PushEvent[]; readonly store?: Bench['store'] } = {},
): Promise<PushResult> {
  const { learn, events = [], store = createMemoryMetadataStore() } = options;
  const pusher = createPusher({ transfers: bench.transfers, gzip: bench.gzip, metadataStore: store });
  const onEvent = (event: PushEvent): void => void events.push(event);
  const [result] = await pusher.push(item, [bench.destination(to)], { learn, onEvent });
  if (result === undefined) throw new Error('unreachable: one destination, one result');
  return result;
}

describe('what a stranger claims of our layers', () => {
  test.each([
    ['the tag that is pushed to', { blob: foreign, tag: '1.0' }],
    ['latest', { blob: foreign, tag: 'latest' }],
    ['a tag of a pull request, which sorts first', { blob: foreign, tag: 'pr-1' }],
    ['a tag whose config has another digest than its bytes', { blob: foreign, tag: '1.0', wrongConfigDigest: true }],
    ['a tag that names an empty blob', { blob: new Uint8Array(0), tag: '1.0' }],
    ['a tag that names another layer of ours', { blob: new Uint8Array(gzipSync(textBytes(2, 30_000))), tag: '1.0' }],
    ['a tag that names the wrong size', { blob: foreign, tag: '1.0', size: 12 }],
  ])('in %s never decides what our manifest names', async (_, lie) => {
    await using bench = await openBench();
    const planted = await plant(bench.registry, 'team/app', lie);
    const events: PushEvent[] = [];
    const result = await pushFresh(bench, image, 'team/app:1.0', { events });
    if (!result.ok) throw result.error;
    expect(await layersOf(bench.registry, 'team/app', '1.0')).not.toContain(planted);
    expect(events.some((event) => event.type === 'blob:existed' && event.digest === planted)).toBe(false);
    const back = await layersOf(bench.registry, 'team/app', '1.0');
    for (const digest of back) expect(bench.registry.hasBlob('team/app', digest)).toBe(true);
  });

  test('is not mounted into other repositories, now or later', async () => {
    await using bench = await openBench();
    const planted = await plant(bench.registry, 'team/app', { blob: foreign, tag: 'latest' });
    const store = createMemoryMetadataStore();
    await pushFresh(bench, image, 'team/app:1.0', { store });
    await pushFresh(bench, image, 'prod/app:1', { store });
    await pushFresh(bench, image, 'prod/other:1', { store, learn: 'off' });
    for (const [repository, tag] of [
      ['prod/app', '1'],
      ['prod/other', '1'],
    ] as const) {
      expect(await layersOf(bench.registry, repository, tag)).not.toContain(planted);
      expect(bench.registry.hasBlob(repository, planted)).toBe(false);
    }
    for (const { diffID } of image.layers) {
      const digests = (await store.layerRecords(diffID)).map(({ digest }) => digest);
      expect(digests).not.toContain(planted);
    }
  });

  test('with `trust` is believed in that one repository, and spreads nowhere', async () => {
    await using bench = await openBench();
    const planted = await plant(bench.registry, 'team/app', { blob: foreign, tag: '1.0' });
    const store = createMemoryMetadataStore();
    const trusted = await pushFresh(bench, image, 'team/app:1.1', { store, learn: 'trust' });
    expect(trusted.ok).toBe(true);
    expect(await layersOf(bench.registry, 'team/app', '1.1')).toEqual([planted, planted]);
    await pushFresh(bench, image, 'prod/app:1', { store });
    expect(await layersOf(bench.registry, 'prod/app', '1')).not.toContain(planted);
    for (const { diffID } of image.layers) expect(await store.layerRecords(diffID)).toHaveLength(1);
    // The same repository without trust: what was believed once is no knowledge.
    await pushFresh(bench, image, 'team/app:1.2', { store });
    expect(await layersOf(bench.registry, 'team/app', '1.2')).not.toContain(planted);
  });

  test('with `verify` is told as false, and our layers are sent', async () => {
    await using bench = await openBench();
    const planted = await plant(bench.registry, 'team/app', { blob: foreign, tag: '1.0' });
    const events: PushEvent[] = [];
    await pushFresh(bench, image, 'team/app:1.1', { events, learn: 'verify' });
    expect(events.filter((event) => event.type === 'warning').map(({ code }) => code)).toEqual([
      'learnt-pairing-false',
      'learnt-pairing-false',
    ]);
    expect(await layersOf(bench.registry, 'team/app', '1.1')).not.toContain(planted);
  });

  test('with `off` nothing is read', async () => {
    await using bench = await openBench();
    await plant(bench.registry, 'team/app', { blob: foreign, tag: '1.0' });
    bench.requests();
    await pushFresh(bench, image, 'team/app:1.1', { learn: 'off' });
    expect(bench.requests().filter((request) => /^GET (manifests|tags|blobs)$/.test(request))).toEqual([]);
  });
});

describe('what a colleague has pushed before', () => {
  test('with `verify` is used, also when another tool has compressed it', async () => {
    await using bench = await openBench();
    const theirs = ours.content === undefined ? new Uint8Array(0) : new Uint8Array(gzipSync(textBytes(1, 40_000)));
    const digest = await plant(bench.registry, 'team/app', { blob: theirs, tag: '1.0' });
    const single = imageOf([ours]);
    const bytes = new TextEncoder().encode(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.dockerManifest,
        config: {
          mediaType: mediaTypes.dockerConfig,
          digest: single.config.digest,
          size: single.config.bytes.byteLength,
        },
        layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest, size: theirs.byteLength }],
      }),
    );
    await bench.registry.seed('team/app', {
      blobs: [single.config.bytes],
      manifests: [{ bytes, mediaType: mediaTypes.dockerManifest, tags: ['1.0'] }],
    });
    const store = createMemoryMetadataStore();
    const runs = bench.gzip.runs();
    const result = await pushFresh(bench, single, 'team/app:1.0', { learn: 'verify', store });
    expect(result).toMatchObject({ ok: true, totals: { uploaded: 0, existed: 2 } });
    expect(bench.gzip.runs()).toBe(runs);
    // It was unpacked here: from now on that is known.
    expect((await store.layerRecords(ours.diffID)).map((record) => record.digest)).toEqual([digest]);
  });

  test('one claim that is not ours is enough to compress the other layers while they are sent', async () => {
    await using bench = await openBench();
    await plant(bench.registry, 'team/app', { blob: foreign, tag: '1.0' });
    const result = await pushFresh(bench, image, 'team/app:1.1');
    expect(result).toMatchObject({ ok: true, totals: { uploaded: 2, existed: 1 } });
  });
});
