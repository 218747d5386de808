import { createGzipCompressor } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore, type MetadataStore } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { openRegistry, type Ping } from '@slipway/registry-client';
import { openV1Session } from '@slipway/registry-client/v1';
import { randomImage, startRegistry } from '@slipway/testkit';
import { readBackV1, startGraphRegistry, startV1Registry } from '@slipway/testkit/legacy';
import { createTransferManager, systemClock } from '@slipway/transfer';
import { describe, expect, test } from 'vitest';
import { createPusher, describeEvent, type PushEvent, type PushOptions, type PushResult } from '../src/index.ts';
import { chainOf } from '../src/legacy/legacy-image.ts';
import { pushV1 } from '../src/legacy/push-v1.ts';

interface Place {
  readonly host: string;
  readonly url: string;
}

interface Pushed {
  readonly result: PushResult | undefined;
  readonly events: readonly PushEvent[];
  /** What docker would have printed, without the lines that only count further bytes. */
  readonly said: readonly string[];
}

/** Layers of real tars, since registries of old sum their files. */
async function imageOf(seed: number, layers = 3): Promise<SourceImage> {
  const made = await randomImage({ seed, layers: Array.from({ length: layers }, () => ({ size: 5_000 })) });
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

async function push(
  place: Place,
  options: PushOptions,
  { ping, store = createMemoryMetadataStore(), seed = 1 }: { ping?: Ping; store?: MetadataStore; seed?: number } = {},
): Promise<Pushed> {
  await using transfers = createTransferManager({ concurrency: 1 });
  await using client = openRegistry({ url: place.url });
  const pusher = createPusher({ transfers, metadataStore: store, gzip: createGzipCompressor(), attempts: 1 });
  const events: PushEvent[] = [];
  const reference = parseReference(`${place.host}/demo/app:1`);
  const url = new URL(place.url);
  const [result] = await pusher.push(
    await imageOf(seed),
    [
      {
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
      },
    ],
    { ...options, onEvent: (event) => events.push(event) },
  );
  return { result, events, said: saidOf(events) };
}

function saidOf(events: readonly PushEvent[]): readonly string[] {
  const lines = events.flatMap((event) => describeEvent(event) ?? []);
  return lines.filter((line, at) => line !== lines[at - 1]);
}

const idsOf = async (seed: number): Promise<readonly string[]> => chainOf(await imageOf(seed)).map(({ id }) => id);

describe('a push over v1', () => {
  test('says what docker said, line by line', async () => {
    await using registry = await startV1Registry();
    const ids = (await idsOf(1)).map((id) => id.slice(0, 12));
    const first = await push(registry, { protocol: 'v1' });
    expect(first.said).toEqual([
      `The push refers to repository [${registry.host}/demo/app]`,
      'Sending image list',
      `Pushing repository ${registry.host}/demo/app`,
      ...ids.flatMap((id) => [`${id}: Pushing`, `${id}: Image successfully pushed`]),
      `Pushing tag for rev [${ids[2]}] on {${registry.url}/v1/repositories/demo/app/tags/1}`,
    ]);
    const second = await push(registry, { protocol: 'v1' });
    expect(second.said.slice(3, 6).toSorted()).toEqual(ids.map((id) => `Image ${id} already pushed, skipping`).sort());
    expect(second.said.slice(6)).toEqual([
      `Pushing tag for rev [${ids[2]}] on {${registry.url}/v1/repositories/demo/app/tags/1}`,
    ]);
    expect(second.result?.totals).toMatchObject({ existed: 3, uploaded: 0, bytesSent: 0 });
  });

  test('an image that the registry completed meanwhile is skipped in docker’s words', async () => {
    await using registry = await startV1Registry();
    await push(registry, { protocol: 'v1' });
    registry.misbehave(({ method, path }) =>
      method === 'GET' && path.endsWith('/json') ? { status: 500 } : undefined,
    );
    const { said, result } = await push(registry, { protocol: 'v1' });
    expect(said.filter((line) => line.endsWith(': Image already pushed, skipping'))).toHaveLength(3);
    expect(result?.totals).toMatchObject({ existed: 3, uploaded: 0 });
  });

  test('to two endpoints sends to both, and counts each image once', async () => {
    await using other = await startV1Registry();
    await using registry = await startV1Registry({ endpoints: [other.host] });
    const one = await startV1Registry();
    const alone = (await push(one, { protocol: 'v1' })).result;
    await one[Symbol.asyncDispose]();
    const { result, events } = await push(registry, { protocol: 'v1' });
    expect(result?.totals).toMatchObject({ uploaded: 3, existed: 0 });
    expect(result?.totals.bytesSent).toBe((alone?.totals.bytesSent ?? 0) * 2);
    expect(events.filter(({ type }) => type === 'blob:pushed')).toHaveLength(3);
    for (const { url } of [registry, other]) expect(await readBackV1(url, 'demo/app', '1')).toHaveLength(3);
  });

  test('of several images is one list, one lookup an image, and one end', async () => {
    await using registry = await startV1Registry();
    await using session = openV1Session({ url: registry.url });
    await session.start();
    const first = chainOf(await imageOf(1));
    const below = chainOf(await imageOf(1, 2));
    const other = chainOf(await imageOf(2, 1));
    const events: PushEvent[] = [];
    const results = await pushV1(
      session,
      [
        { chain: below, tags: ['0'] },
        { chain: first, tags: ['1', 'latest'] },
        { chain: first, tags: ['2', '1'] },
        { chain: other, tags: ['x'] },
      ],
      {
        repository: 'demo/app',
        name: `${registry.host}/demo/app`,
        destination: `${registry.host}/demo/app`,
        gzip: createGzipCompressor(),
        remember: async () => {},
        clock: systemClock,
        emit: (event) => events.push(event),
      },
    );
    // The lower image has the same base, and a top of its own; nothing is listed twice.
    const list = [...new Set([...below, ...first, ...other].map(({ id }) => id))];
    const tagged = new Map([
      [below.at(-1)?.id, ['0']],
      [first.at(-1)?.id, ['1', 'latest', '2']],
      [other.at(-1)?.id, ['x']],
    ]);
    expect(registry.indexes.get('demo/app')).toEqual(
      list.flatMap((id) => tagged.get(id)?.map((tag) => ({ id, Tag: tag })) ?? { id }),
    );
    const paths = registry.requests.map(({ method, path }) => `${method} ${path}`);
    expect(paths.filter((path) => path === 'PUT /v1/repositories/demo/app/')).toHaveLength(1);
    expect(paths.filter((path) => path === 'PUT /v1/repositories/demo/app/images')).toHaveLength(1);
    expect(paths.filter((path) => path.startsWith('GET /v1/images/'))).toHaveLength(list.length);
    expect(paths.filter((path) => path.endsWith('/layer'))).toHaveLength(list.length);
    expect(paths.at(-1)).toBe('PUT /v1/repositories/demo/app/images');
    expect(results.map((own) => own.map(({ tag }) => tag))).toEqual([['0'], ['1', 'latest'], ['2', '1'], ['x']]);
    for (const [tag, length] of [
      ['0', 2],
      ['2', 3],
      ['x', 1],
    ] as const) {
      expect(await readBackV1(registry.url, 'demo/app', tag)).toHaveLength(length);
    }
  });
});

describe('the push of 2015', () => {
  test('says what docker said, line by line', async () => {
    await using registry = await startGraphRegistry();
    const store = createMemoryMetadataStore();
    const ids = (await idsOf(1)).map((id) => id.slice(0, 12)).toReversed();
    const first = await push(registry, { format: 'schema1-2015' }, { store });
    expect(first.said.slice(1, -1)).toEqual(
      ids.flatMap((id) => [`${id}: Buffering to Disk`, `${id}: Pushing`, `${id}: Image successfully pushed`]),
    );
    expect(first.said.at(-1)).toMatch(/^1: digest: sha256:/);
    const second = await push(registry, { format: 'schema1-2015' }, { store });
    expect(second.said.slice(1, -1)).toEqual(ids.map((id) => `${id}: Image already exists`));
  });

  test.each([
    [401, 'Authentication is required.', undefined],
    [400, /^Server error: 400 trying to push demo\/app blob - tarsum\.v1\+sha256:[0-9a-f]{64}$/, /`format: schema1`/],
    [404, /^Server error: 404 trying to push demo\/app blob - tarsum\.v1\+sha256:/, /`format: schema1`/],
    [500, /^Server error: 500 trying to push demo\/app blob/, undefined],
  ])('a layer refused with %s fails in docker’s words', async (status, words, hint) => {
    await using registry = await startGraphRegistry();
    registry.misbehave(({ method, path }) =>
      method === 'PUT' && path.includes('/blobs/') ? { status, body: '{}' } : undefined,
    );
    const { result, said } = await push(registry, { format: 'schema1-2015' });
    expect(said.at(-1)).toMatch(/^[0-9a-f]{12}: Image push failed$/);
    if (result?.ok !== false) throw new Error('expected a failure');
    const cause = result.error.cause as { dockerMessage?: string; hint?: string };
    expect(cause.dockerMessage).toMatch(words);
    if (hint !== undefined) expect((result.error as { hint?: string }).hint ?? cause.hint).toMatch(hint);
  });

  test('a question about a known layer that fails is told as that', async () => {
    await using registry = await startGraphRegistry();
    const store = createMemoryMetadataStore();
    await push(registry, { format: 'schema1-2015' }, { store });
    registry.misbehave(({ method }) => (method === 'HEAD' ? { status: 500 } : undefined));
    const { result } = await push(registry, { format: 'schema1-2015' }, { store });
    if (result?.ok !== false) throw new Error('expected a failure');
    const { dockerMessage } = result.error.cause as { dockerMessage?: string };
    expect(dockerMessage).toMatch(/^Server error: 500 trying head request for demo\/app - tarsum\.v1\+sha256:/);
  });
});

describe('--protocol auto', () => {
  const silent: Ping = { status: 200, apiVersions: [] };
  const unauthorized = { errors: [{ code: 'UNAUTHORIZED', message: 'no more' }] };

  test('a registry that committed a blob over v2 is not asked over v1, and its own words are told', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'manifest-put' }, status: 401, body: unauthorized });
    const { result } = await push(registry, { protocol: 'auto' }, { ping: silent });
    expect(registry.requests.filter(({ path }) => path.startsWith('/v1/'))).toEqual([]);
    if (result?.ok !== false) throw new Error('expected a failure');
    expect(String((result.error.cause as Error).message)).toContain('no more');
  });

  test('one that refused at once gets v1', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'upload-start' }, status: 401, body: unauthorized });
    await push(registry, { protocol: 'auto' }, { ping: silent });
    expect(registry.requests.filter(({ path }) => path.startsWith('/v1/')).length).toBeGreaterThan(0);
  });
});
