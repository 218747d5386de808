import { createPublicKey, createVerify } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf, createGzipCompressor, type Digest, digestBytes } from '@slipway/digest';
import { openSource, type SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createTrustKey, emptyLayer, type TrustKey } from '@slipway/manifest/schema1';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { openRegistry } from '@slipway/registry-client';
import { openV1Session } from '@slipway/registry-client/v1';
import {
  randomLayer,
  randomImage as randomTestImage,
  requireTool,
  skopeo,
  startDebianRegistry,
  startRegistry,
  temporaryFolder,
  testCertificates,
} from '@slipway/testkit';
import {
  type LegacyRegistry,
  type LegacyRule,
  readBackSchema1,
  readBackV1,
  startGraphRegistry,
  startV1Registry,
  writeGraphArchive,
} from '@slipway/testkit/legacy';
import { createTransferManager } from '@slipway/transfer';
import { describe, expect, test } from 'vitest';
import { createPusher, type Destination, type PushEvent, type PushOptions, type PushResult } from '../src/index.ts';
import { benchAt, digestOf, imageOf, instant, openBench } from './setup.ts';

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** An image of real tars whose history has steps without a layer. */
async function image(seed: number, layers = 3): Promise<SourceImage> {
  const made = await randomTestImage({
    seed,
    layers: Array.from({ length: layers }, () => ({ size: 20_000 })),
    emptySteps: 2,
  });
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

async function pushLegacy(
  registry: LegacyRegistry,
  item: SourceImage,
  references: readonly string[],
  options: PushOptions & {
    readonly user?: readonly [string, string];
    readonly ca?: string;
    readonly isV2?: boolean;
    readonly trustKey?: TrustKey;
  },
): Promise<{
  readonly results: readonly PushResult[];
  readonly events: readonly PushEvent[];
  readonly store: ReturnType<typeof createMemoryMetadataStore>;
}> {
  const { user, ca, isV2 = true, trustKey, ...rest } = options;
  const store = createMemoryMetadataStore();
  await using transfers = createTransferManager();
  const settings = {
    url: registry.url,
    connect: ca === undefined ? undefined : { ca },
    credentials: async () => user && ({ kind: 'basic', username: user[0], password: user[1] } as const),
  };
  await using client = openRegistry(settings);
  const events: PushEvent[] = [];
  const pusher = createPusher({
    transfers,
    metadataStore: store,
    gzip: createGzipCompressor(),
    retry: { backoff: () => 1, clock: instant() },
    trustKey: trustKey && (async () => trustKey),
  });
  const destinations = references.map((text): Destination => {
    const reference = parseReference(`${registry.host}/${text}`);
    const url = new URL(registry.url);
    return {
      reference,
      identify: async () => ({ hmacKey: undefined, hasAuthInfo: user !== undefined }),
      endpoints: isV2
        ? [{ url, connect: async () => client.repository(reference.repository), ping: (wait) => client.ping(wait) }]
        : [],
      v1Endpoints: [{ url, open: async () => openV1Session(settings) }],
    };
  });
  const results = await pusher.push(item, destinations, { ...rest, onEvent: (event) => events.push(event) });
  return { results, events, store };
}

function errorOf(result: PushResult | undefined): Error {
  if (result === undefined || result.ok) throw new Error('expected a failure');
  return result.error;
}

test('a chain of other layers than the image has is refused', async () => {
  await using bench = await openBench();
  const item = await image(11);
  const chain = item.layers.map((layer, at) => ({
    id: `${at}`.repeat(64),
    parent: at === 0 ? undefined : `${at - 1}`.repeat(64),
    json: encode({ id: `${at}`.repeat(64) }),
    layer,
  }));
  const rows = [
    [chain.slice(1), /the chain has 2 images, the image 3 layers/],
    [chain.toReversed(), /image 0 of the chain: expected a layer of diffID sha256:/],
  ] as const;
  for (const [others, message] of rows) {
    await expect(bench.push({ ...item, chain: others }, 'demo/app:1')).rejects.toMatchObject({
      code: 'ERR_PUSH_INVALID',
      message: expect.stringMatching(message),
    });
  }
  const [result] = await bench.push({ ...item, chain }, 'demo/app:1');
  expect(result?.ok).toBe(true);
});

describe('--format schema1', () => {
  const missing = requireTool('docker-registry');

  test.skipIf(missing)('a registry that verifies signatures takes the manifest, and gives it back', async () => {
    await using bench = await benchAt(await startDebianRegistry({ schema1: true }));
    const item = await image(1);
    const results = await bench.push(item, ['demo/app:1', 'demo/app:2'], { format: 'schema1' });
    await bench.registry.settled();
    // No config went: three layers and the blob of an empty one.
    expect(bench.requests().filter((request) => request === 'PUT blobs/uploads')).toHaveLength(4);
    // Distribution 2.8 keeps what was signed and signs it again itself: its signature, our reader.
    const back = await readBackSchema1(bench.registry.url, 'demo/app', '1');
    expect(results[0]).toMatchObject({
      ok: true,
      digest: back.digest,
      size: back.payload.byteLength,
      mediaType: mediaTypes.schema1SignedManifest,
    });
    expect(back).toMatchObject({ name: 'demo/app', tag: '1' });
    const diffIDs = item.layers.map(({ diffID }) => diffID).toReversed();
    // Newest first; the two steps without a layer are the newest.
    expect(back.layers.map(({ diffID }) => diffID)).toEqual([emptyLayer.diffID, emptyLayer.diffID, ...diffIDs]);
    expect(await readBackSchema1(bench.registry.url, 'demo/app', '2')).toMatchObject({ tag: '2' });

    const forged = new TextDecoder().decode(back.bytes).replace('"tag": "1"', '"tag": "3"');
    const headers = { 'content-type': mediaTypes.schema1SignedManifest };
    const url = `${bench.registry.url}/v2/demo/app/manifests/3`;
    const answer = await fetch(url, { method: 'PUT', headers, body: forged });
    expect(await answer.json()).toMatchObject({ errors: [{ code: 'MANIFEST_UNVERIFIED' }] });
  });

  test.skipIf(missing)('a registry that takes none says 500: told at once, with what to do', async () => {
    await using bench = await benchAt(await startDebianRegistry());
    const error = errorOf((await bench.push(await image(1), 'demo/app:1', { format: 'schema1' }))[0]);
    const hint = expect.stringMatching(/may take no manifests of schema 1: push another format/);
    expect(error).toMatchObject({ code: 'ERR_PUSH_FAILED', op: 'push manifest', hint });
    expect(bench.requests().filter((request) => request === 'PUT manifests')).toHaveLength(1);
  });

  test('the signature is that of the trust key, and OpenSSL verifies it on the raw parts', async () => {
    const trustKey = createTrustKey();
    await using bench = await benchAt(await startRegistry({ schema1: true }), { trustKey: async () => trustKey });
    digestOf(await bench.push(await image(1), 'demo/app:1', { format: 'schema1' }));
    const { bytes, payload, keys } = await readBackSchema1(bench.registry.url, 'demo/app', '1');
    expect(keys.map(({ id }) => id)).toEqual([trustKey.id]);
    const [signature] = JSON.parse(new TextDecoder().decode(bytes)).signatures;
    const signed = `${signature.protected}.${Buffer.from(payload).toString('base64url')}`;
    const key = createPublicKey({ key: signature.header.jwk, format: 'jwk' });
    const raw = Buffer.from(signature.signature, 'base64url');
    expect(createVerify('sha256').update(signed).verify({ key, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
  });

  test.skipIf(missing || requireTool('skopeo'))('skopeo pulls it, and makes a modern image of it', async () => {
    await using bench = await benchAt(await startDebianRegistry({ schema1: true }));
    await using folder = await temporaryFolder();
    const item = await image(2);
    digestOf(await bench.push(item, 'demo/app:1', { format: 'schema1' }));
    await skopeo([
      '--insecure-policy',
      'copy',
      '--src-tls-verify=false',
      `docker://${bench.registry.host}/demo/app:1`,
      `oci:${join(folder.path, 'oci')}:x`,
    ]);
    await using copied = await openSource(join(folder.path, 'oci'));
    const [pulled] = copied.items as readonly SourceImage[];
    const diffIDs = pulled?.layers.map(({ diffID }) => diffID).filter((diffID) => diffID !== emptyLayer.diffID);
    expect(diffIDs).toEqual(item.layers.map(({ diffID }) => diffID));
  });

  test('a dry run tells the manifest and writes nothing', async () => {
    await using bench = await openBench();
    const [result] = await bench.push(await image(3), 'demo/app:1', { format: 'schema1', dryRun: true });
    expect(result).toMatchObject({ ok: true, mediaType: mediaTypes.schema1SignedManifest });
    expect(bench.requests().filter((request) => !/^(?:GET|HEAD)/.test(request))).toEqual([]);
    expect(bench.events.map(({ type }) => type)).toContain('manifest:planned');
  });

  test('an image without history cannot be said in schema 1, which is told before anything is sent', async () => {
    await using bench = await openBench();
    const config = encode({ os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
    const bare = {
      ...imageOf([]),
      config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(config), bytes: config },
    };
    const [result] = await bench.push(bare, 'demo/app:1', { format: 'schema1' });
    expect(errorOf(result)).toMatchObject({
      code: 'ERR_PUSH_FORMAT',
      message: expect.stringContaining('empty history'),
    });
    expect(bench.requests().filter((request) => !/^(?:GET|HEAD)/.test(request))).toEqual([]);
  });
});

/** The image with another history, as tools write it that tell of their last step only. */
function withHistory(item: SourceImage, history: readonly object[]): SourceImage {
  const config = encode({ ...JSON.parse(new TextDecoder().decode(item.config.bytes)), history });
  return { ...item, config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(config), bytes: config } };
}

const shortHistories: readonly (readonly [string, readonly object[]])[] = [
  ['its last step', [{ created_by: 'flatten' }]],
  ['steps without layers', [{ empty_layer: true }, { empty_layer: true }, { empty_layer: true }]],
];

test.each(shortHistories)('an image whose history tells of %s only never loses layers', async (_name, history) => {
  await using bench = await benchAt(await startRegistry({ schema1: true }));
  const item = withHistory(await image(9), history);
  const [result] = await bench.push(item, 'demo/app:1', { format: 'schema1' });
  const message = expect.stringContaining('too few non-empty layers in History section');
  expect(errorOf(result)).toMatchObject({ code: 'ERR_PUSH_FORMAT', message });
  expect(bench.requests().filter((request) => !/^(?:GET|HEAD)/.test(request))).toEqual([]);
});

describe('a registry that refuses schema 2', () => {
  /** What Docker's registries of before 2.3 answered. */
  const tagInvalid = {
    match: { kind: 'manifest-put' },
    times: 1,
    status: 400,
    body: { errors: [{ code: 'TAG_INVALID' }] },
  } as const;

  async function refused(options: PushOptions) {
    const registry = await startRegistry({ schema1: true });
    const bench = await benchAt(registry);
    registry.misbehave(tagInvalid);
    return { bench, result: (await bench.push(await image(4), 'demo/app:1', options))[0] };
  }

  test('with requireSchema2 the refusal stands, in the words of Docker', async () => {
    const { bench, result } = await refused({});
    await using _ = bench;
    expect(errorOf(result).message).toBe(
      '[DEPRECATED] support for pushing manifest v2 schema1 images has been removed. More information at https://docs.docker.com/registry/spec/deprecated-schema-v1/: tag invalid',
    );
    expect(bench.requests().filter((request) => request === 'PUT manifests')).toHaveLength(1);
  });

  test('without it, a signed schema 1 manifest goes, with a notice', async () => {
    const { bench, result } = await refused({ requireSchema2: false });
    await using _ = bench;
    expect(result).toMatchObject({ ok: true, mediaType: mediaTypes.schema1SignedManifest });
    const back = await readBackSchema1(bench.registry.url, 'demo/app', '1');
    expect(back.digest).toBe(digestOf([result!]));
    expect(bench.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        code: 'schema1-deprecated',
        message: expect.stringMatching(/^\[DEPRECATION NOTICE\] .* admins of the 127\.0\.0\.1:\d+ registry NOW/),
      }),
    );
  });

  test('an OCI manifest has no schema 1 to fall back to', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, status: 400 });
    const [result] = await bench.push(await image(5), 'demo/app:1', { format: 'oci', requireSchema2: false });
    expect(errorOf(result).message).not.toContain('DEPRECATED');
    expect(bench.requests().filter((request) => request === 'PUT manifests')).toHaveLength(1);
  });
});

/** An archive of 2015, opened: three images, two of which have the same layer. */
async function graphImage(folder: string): Promise<SourceImage> {
  const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
  const layers = await Promise.all([1, 2, 1].map((seed) => randomLayer({ seed: `graph/${seed}`, size: 9000 })));
  const images = ids.map((id, at) => ({
    id,
    json: new TextEncoder().encode(
      `{"id":"${id}",${at > 0 ? `"parent":"${ids[at - 1]}",` : ''}"created":"2015-03-09T00:00:00Z", "architecture":"amd64","os":"linux","Size":${at}}\n`,
    ),
    layer: layers[at]!.tar,
  }));
  const path = join(folder, 'graph.tar');
  await writeGraphArchive(path, images, { 'demo/app': { v1: ids[2]! } });
  const source = await openSource(path);
  return source.items[0] as SourceImage;
}

describe('the v2 push of 2015', () => {
  test('sends plain layers under their TarSums, top first, then the signed manifest', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startGraphRegistry();
    const item = await graphImage(folder.path);
    const trustKey = createTrustKey();
    const { results, store } = await pushLegacy(registry, item, ['demo/app:v1'], { format: 'schema1-2015', trustKey });
    const back = await readBackSchema1(registry.url, 'demo/app', 'v1');
    expect(digestOf(results)).toBe(back.digest);
    expect(back.keys.map(({ id }) => id)).toEqual([trustKey.id]);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(item.layers.map(({ diffID }) => diffID).toReversed());
    expect(back.layers.map(({ blobSum }) => blobSum.split(':')[0])).toEqual(Array(3).fill('tarsum.v1+sha256'));
    expect(back.layers.map(({ v1Compatibility }) => v1Compatibility)).toEqual(
      item.chain?.map(({ json }) => new TextDecoder().decode(json)).toReversed(),
    );
    expect(new TextDecoder().decode(back.payload)).toMatch(/"schemaVersion": 1\n\}$/);
    // Nothing was known of the layers, so nothing is asked; the layer that occurs twice goes once.
    expect(
      registry.requests.map(({ method, path }) => `${method} ${path.replace(/upload-\d+|tarsum.*/, '…')}`).slice(1),
    ).toEqual([
      'POST /v2/demo/app/blobs/uploads/',
      'PUT /v2/demo/app/blobs/uploads/…',
      'POST /v2/demo/app/blobs/uploads/',
      'PUT /v2/demo/app/blobs/uploads/…',
      'PUT /v2/demo/app/manifests/v1',
      'GET /v2/demo/app/manifests/v1', // it tells no digest
      ...['GET /v2/demo/app/manifests/v1', ...Array(3).fill('GET /v2/demo/app/blobs/…')],
    ]);
    const sum = await store.v1Layer('tarsum.v1', item.layers[0]!.diffID.slice(7));
    expect(back.layers[0]?.blobSum).toBe(`tarsum.v1+${sum}`);
  });

  test('a layer whose checksum is known is asked for first, and not sent again', async () => {
    await using folder = await temporaryFolder();
    const item = await graphImage(folder.path);
    await using bench = await benchAt(await startGraphRegistry());
    digestOf(await bench.push(item, 'demo/app:v1', { format: 'schema1-2015' }));
    bench.requests();
    digestOf(await bench.push(item, 'demo/app:v2', { format: 'schema1-2015' }));
    expect(bench.requests().slice(1)).toEqual(['HEAD blobs', 'HEAD blobs', 'PUT manifests', 'GET manifests']);
  });

  test('a modern image goes as the chain that is made of it', async () => {
    await using registry = await startGraphRegistry();
    const item = await image(6, 2);
    const { results } = await pushLegacy(registry, item, ['demo/new:1'], { format: 'schema1-2015' });
    const back = await readBackSchema1(registry.url, 'demo/new', '1');
    expect(digestOf(results)).toBe(back.digest);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(item.layers.map(({ diffID }) => diffID).toReversed());
  });

  test('the modern push takes an archive of 2015 too', async () => {
    await using folder = await temporaryFolder();
    await using bench = await openBench();
    digestOf(await bench.push(await graphImage(folder.path), 'demo/app:v1'));
    await bench.registry.verify();
  });
});

describe('the v1 push', () => {
  const steps = (registry: LegacyRegistry, from = 0): string[] =>
    registry.requests
      .slice(from)
      .map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{64}/, (id) => id.slice(0, 4))}`);

  test('sends everything in the order of the original, and reads back verified', async () => {
    await using registry = await startV1Registry();
    const item = await image(7);
    const { results, events, store } = await pushLegacy(registry, item, ['demo/app:1', 'demo/app:2'], {
      protocol: 'v1',
    });
    const sent = steps(registry);
    const back = await readBackV1(registry.url, 'demo/app', '1');
    const ids = back.map(({ id }) => id.slice(0, 4));
    expect(sent).toEqual([
      'PUT /v1/repositories/demo/app/',
      ...ids.map((id) => `GET /v1/images/${id}/json`),
      ...ids.flatMap((id) => ['json', 'layer', 'checksum'].map((what) => `PUT /v1/images/${id}/${what}`)),
      ...['1', '2'].flatMap((tag) => ['PUT', 'GET'].map((method) => `${method} /v1/repositories/demo/app/tags/${tag}`)),
      'PUT /v1/repositories/demo/app/images',
    ]);
    expect(back.map(({ diffID }) => diffID)).toEqual(item.layers.map(({ diffID }) => diffID));
    expect(back.at(-1)?.id).toBe(item.config.digest.slice(7));
    expect(digestOf(results)).toBe(item.config.digest);
    expect(registry.indexes.get('demo/app')).toEqual([
      { id: back[0]?.id },
      { id: back[1]?.id },
      { id: back[2]?.id, Tag: '1' },
      { id: back[2]?.id, Tag: '2' },
    ]);
    const closing = registry.requests.find(({ path }) => path.endsWith('/images'));
    expect(new TextDecoder().decode(closing?.body)).toBe('[]');
    expect(closing?.headers['x-docker-endpoints']).toBe(`${registry.url}/v1/`);
    const checksum = registry.requests.find(({ path }) => path.endsWith('/checksum'));
    expect(checksum?.headers['x-docker-checksum-payload']).toBe(back[0]?.payload);
    expect(checksum?.headers['x-docker-checksum']).toMatch(/^tarsum\+sha256:[0-9a-f]{64}$/);
    expect(await store.v1Layer(registry.host, back[0]!.id)).toBe(back[0]?.diffID);
    expect(events.filter(({ type }) => type === 'blob:pushed')).toHaveLength(3);
  });

  test('lookups go five at once, and all before the first image', async () => {
    await using registry = await startV1Registry();
    let isMet: () => void = () => {};
    const fiveAtOnce = new Promise<void>((resolve) => {
      isMet = resolve;
    });
    let lookups = 0;
    registry.misbehave(async ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith('/json')) return undefined;
      lookups += 1;
      if (lookups === 5) isMet();
      await fiveAtOnce;
      return undefined;
    });
    await pushLegacy(registry, await image(8, 9), ['demo/app:1'], { protocol: 'v1' });
    expect(registry.mostAtOnce).toBe(5);
    const sent = steps(registry);
    expect(sent.slice(1, 10).every((step) => step.startsWith('GET'))).toBe(true);
    expect(
      sent
        .slice(10)
        .filter((step) => step.endsWith('/json'))
        .every((step) => step.startsWith('PUT')),
    ).toBe(true);
  });

  test('what is there already is not sent again', async () => {
    await using registry = await startV1Registry();
    const item = await image(9, 2);
    await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' });
    const before = registry.requests.length;
    const { events } = await pushLegacy(registry, item, ['demo/app:2'], { protocol: 'v1' });
    expect(steps(registry, before).filter((step) => step.startsWith('PUT'))).toEqual([
      'PUT /v1/repositories/demo/app/',
      'PUT /v1/repositories/demo/app/tags/2',
      'PUT /v1/repositories/demo/app/images',
    ]);
    expect(events.filter(({ type }) => type === 'blob:existed')).toHaveLength(2);
  });

  test('an archive of 2015 keeps its ids and json files', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startV1Registry();
    const item = await graphImage(folder.path);
    await pushLegacy(registry, item, ['demo/app:v1'], { protocol: 'v1' });
    const back = await readBackV1(registry.url, 'demo/app', 'v1');
    expect(back.map(({ id, json }) => [id, json])).toEqual(item.chain?.map(({ id, json }) => [id, json]));
  });

  test('an image without layers goes as one image with an empty tar', async () => {
    await using registry = await startV1Registry();
    await pushLegacy(registry, imageOf([]), ['demo/app:1'], { format: 'v1' });
    const back = await readBackV1(registry.url, 'demo/app', '1');
    expect(back).toMatchObject([{ parent: undefined, diffID: emptyLayer.diffID }]);
  });

  test('a gzip layer is unpacked for its checksums', async () => {
    await using registry = await startV1Registry();
    const { tar, diffID } = await randomLayer({ seed: 'gzip', size: 5000 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar.open()) chunks.push(chunk);
    const item = imageOf([
      { diffID, content: contentOf(gzipSync(Buffer.concat(chunks))), compression: 'gzip', descriptor: undefined },
    ]);
    await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' });
    expect((await readBackV1(registry.url, 'demo/app', '1'))[0]?.diffID).toBe(diffID);
  });

  describe('credentials', () => {
    const user = ['me', 'geheim'] as const;

    test('without standalone, the password goes to the index and a token everywhere else', async () => {
      await using registry = await startV1Registry({ users: { me: 'geheim' }, standalone: false });
      const { results } = await pushLegacy(registry, await image(10, 2), ['demo/app:1'], { protocol: 'v1', user });
      digestOf(results);
      const schemes = registry.requests.map(({ path, headers }) => [
        /repositories\/demo\/app\/(?:images)?$/.test(path),
        headers['authorization']?.split(' ')[0],
      ]);
      expect(schemes.every(([isIndex, scheme]) => scheme === (isIndex ? 'Basic' : 'Token'))).toBe(true);
    });

    test('a registry that stands alone, over https, is shown the password with every request, and asked to ping first', async () => {
      const certificates = await testCertificates();
      await using registry = await startV1Registry({
        users: { me: 'geheim' },
        tls: { cert: certificates.cert, key: certificates.key },
      });
      const { results } = await pushLegacy(registry, await image(11, 2), ['demo/app:1'], {
        protocol: 'v1',
        user,
        ca: certificates.ca,
      });
      digestOf(results);
      expect(registry.requests[0]?.path).toBe('/v1/_ping');
      expect(registry.requests.slice(1).every(({ headers }) => headers['authorization']?.startsWith('Basic '))).toBe(
        true,
      );
    });

    test('401 from the index is told, without the password', async () => {
      await using registry = await startV1Registry({ users: { me: 'other' }, standalone: false });
      const { results } = await pushLegacy(registry, await image(12, 1), ['demo/app:1'], { protocol: 'v1', user });
      expect(errorOf(results[0])).toMatchObject({
        cause: { code: 'ERR_REGISTRY_UNAUTHORIZED', dockerMessage: 'unauthorized: authentication required' },
      });
      expect(errorOf(results[0]).message).not.toContain('geheim');
    });
  });

  describe('failures', () => {
    test.each([
      [
        'a wrong checksum',
        'checksum',
        { status: 400, body: '{"error":"Checksum mismatch, ignoring the layer"}' },
        'HTTP code 400 while uploading metadata: "{\\"error\\":\\"Checksum mismatch, ignoring the layer\\"}"',
      ],
      [
        'an image that was completed meanwhile',
        'checksum',
        { status: 400, body: '{"error":"Image already exists"}' },
        'Image already exists',
      ],
      [
        '401 over http',
        'json',
        { status: 401, body: '""' },
        'HTTP code 401, Docker will not send auth headers over HTTP.',
      ],
      [
        'a refused layer',
        'layer',
        { status: 503, body: '"busy"' },
        'Received HTTP code 503 while uploading layer: "\\"busy\\""',
      ],
      ['a refused tag', 'tags/1', { status: 500 }, 'Internal server error: 500 trying to push tag 1 on demo/app'],
      [
        'a refused end',
        'images',
        { status: 500, body: '"no"' },
        'Error: Status 500 trying to push checksums demo/app: "\\"no\\""',
      ],
      [
        'a refused index',
        'app/',
        { status: 418, body: '"no"' },
        'Error: Status 418 trying to push repository demo/app: "\\"no\\""',
      ],
      [
        'an index that is none',
        'app/',
        { status: 405, body: 'no such method' },
        'Error: Status 405 trying to push repository demo/app: "no such method"',
      ],
    ])('%s ends the push in the words of Docker', async (_, what, answer, dockerMessage) => {
      await using registry = await startV1Registry();
      registry.misbehave(({ method, path }) => (method === 'PUT' && path.endsWith(`/${what}`) ? answer : undefined));
      const { results } = await pushLegacy(registry, await image(13, 2), ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(results[0])).toMatchObject({ cause: { dockerMessage } });
      expect(
        registry.requests.filter(({ method, path }) => method === 'PUT' && path.endsWith(`/${what}`)),
      ).toHaveLength(1);
    });

    test('400 `Image already exists` for the json means that the image is done', async () => {
      await using registry = await startV1Registry();
      const item = await image(14, 2);
      await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' });
      const before = registry.requests.length;
      // Lookups fail, so everything is sent again.
      registry.misbehave(({ method, path }) => (method === 'GET' && path.endsWith('/json') ? 'drop' : undefined));
      const { results } = await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' });
      digestOf(results);
      expect(steps(registry, before).filter((step) => /PUT .*(?:layer|checksum)$/.test(step))).toEqual([]);
    });

    test('a layer whose connection drops fails the push; the next one finds the image incomplete and finishes it', async () => {
      await using registry = await startV1Registry();
      const item = await image(15, 2);
      registry.misbehave(({ path }) => (path.endsWith('/layer') ? 'drop' : undefined));
      const first = await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(first.results[0]).message).toContain('Failed to upload layer');
      registry.misbehave(undefined);
      digestOf((await pushLegacy(registry, item, ['demo/app:1'], { protocol: 'v1' })).results);
      expect(await readBackV1(registry.url, 'demo/app', '1')).toHaveLength(2);
    });

    test('a layer that is not what its diffID says is never completed', async () => {
      await using registry = await startV1Registry();
      const item = await image(16, 1);
      const wrong = { ...item.layers[0]!, content: contentOf(new Uint8Array(2048)) };
      const { results } = await pushLegacy(registry, { ...item, layers: [wrong] }, ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(results[0]).message).toContain('expected sha256:');
      expect(steps(registry).filter((step) => step.includes('checksum'))).toEqual([]);
    });

    test.each<[string, LegacyRule, object]>([
      [
        'a tag that is not there after its PUT',
        ({ method, path }) => (method === 'PUT' && path.includes('/tags/') ? { status: 200 } : undefined),
        { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm', message: expect.stringContaining('and does not have it') },
      ],
      [
        'a tag that names another image after its PUT',
        ({ method, path }) =>
          method === 'GET' && path.includes('/tags/') ? { status: 200, body: `"${'7'.repeat(64)}"` } : undefined,
        { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm', message: expect.stringContaining(`shows image ${'7'.repeat(64)}`) },
      ],
      [
        'a registry that fails when it is asked for the tag',
        ({ method, path }) => (method === 'GET' && path.includes('/tags/') ? { status: 503 } : undefined),
        { code: 'ERR_PUSH_FAILED', op: 'confirm', cause: { status: 503 } },
      ],
      [
        'a web page for the tag',
        ({ path }) =>
          path.includes('/tags/') ? { status: 200, body: new TextEncoder().encode('<html>Sign in</html>') } : undefined,
        { code: 'ERR_PUSH_FAILED', op: 'push manifest', cause: { reason: 'web-page' } },
      ],
    ])('%s is no push', async (_, rule, failure) => {
      await using registry = await startV1Registry();
      registry.misbehave(rule);
      const { results } = await pushLegacy(registry, await image(19, 1), ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(results[0])).toMatchObject({ origin: 'destination', ...failure });
    });

    test.each([401, 403, 405, 501])(
      'a registry that answers %i when it is asked for the tag is believed',
      async (status) => {
        await using registry = await startV1Registry();
        registry.misbehave(({ method, path }) =>
          method === 'GET' && path.includes('/tags/') ? { status } : undefined,
        );
        const { results } = await pushLegacy(registry, await image(20, 1), ['demo/app:1'], { protocol: 'v1' });
        digestOf(results);
      },
    );

    test('a tag that shows a moment late is there', async () => {
      await using registry = await startV1Registry();
      let looks = 0;
      registry.misbehave(({ method, path }) => {
        if (method !== 'GET' || !path.includes('/tags/')) return undefined;
        looks += 1;
        return looks === 1 ? { status: 404 } : undefined;
      });
      const { results } = await pushLegacy(registry, await image(21, 1), ['demo/app:1'], { protocol: 'v1' });
      digestOf(results);
      expect(looks).toBe(2);
    });

    test('an index whose endpoints are no hosts is refused', async () => {
      await using registry = await startV1Registry({ endpoints: ['evil/../path?x'] });
      const { results } = await pushLegacy(registry, await image(17, 1), ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(results[0]).message).toContain('an endpoint that is no host');
    });

    test('an index of platforms has to be told which', async () => {
      await using registry = await startV1Registry();
      const index = {
        kind: 'index',
        names: [],
        children: [],
        manifest: {
          mediaType: mediaTypes.ociIndex,
          digest: 'sha256:x' as Digest,
          bytes: encode({ schemaVersion: 2, manifests: [] }),
        },
      } as const;
      const { results } = await pushLegacy(registry, index as never, ['demo/app:1'], { protocol: 'v1' });
      expect(errorOf(results[0])).toMatchObject({
        code: 'ERR_PUSH_FORMAT',
        hint: 'choose one with `platform`',
      });
    });

    test('without a v1 endpoint there is nowhere to go', async () => {
      await using bench = await openBench();
      const [result] = await bench.push(await image(18, 1), 'demo/app:1', { protocol: 'v1' });
      expect(errorOf(result)).toMatchObject({ code: 'ERR_PUSH_NO_ENDPOINT' });
    });
  });
});

describe('--protocol auto', () => {
  test('a registry that does not speak v2 gets v1', async () => {
    await using registry = await startV1Registry();
    digestOf((await pushLegacy(registry, await image(19, 2), ['demo/app:1'], { protocol: 'auto' })).results);
    expect(await readBackV1(registry.url, 'demo/app', '1')).toHaveLength(2);
  });

  test('a registry that says it speaks v2 is never asked over v1, whatever goes wrong', async () => {
    await using registry = await startV1Registry();
    registry.misbehave(({ path }) =>
      path.startsWith('/v2/')
        ? path === '/v2/'
          ? { status: 200, headers: { 'Docker-Distribution-Api-Version': 'registry/2.0' } }
          : { status: 400 }
        : undefined,
    );
    const { results } = await pushLegacy(registry, await image(20, 1), ['demo/app:1'], { protocol: 'auto' });
    expect(results[0]?.ok).toBe(false);
    expect(registry.requests.filter(({ path }) => path.startsWith('/v1/'))).toEqual([]);
  });

  test('one that answers like v2 without saying so gets v1 after v2 has failed', async () => {
    await using registry = await startV1Registry();
    registry.misbehave(({ path }) => (path === '/v2/' ? { status: 200 } : undefined));
    digestOf((await pushLegacy(registry, await image(21, 1), ['demo/app:1'], { protocol: 'auto' })).results);
    expect(await readBackV1(registry.url, 'demo/app', '1')).toHaveLength(1);
  });

  test('a v2 registry gets v2', async () => {
    await using bench = await openBench();
    expect((await bench.push(await image(22, 1), 'demo/app:1', { protocol: 'auto' }))[0]).toMatchObject({
      ok: true,
      mediaType: mediaTypes.dockerManifest,
    });
  });
});

/** Fails after so many bytes of the layer's content, from the given opening on. */
function failing(item: SourceImage, { after, opening = 1 }: { after: number; opening?: number }): SourceImage {
  const [layer, ...others] = item.layers;
  const whole = layer?.content;
  if (layer === undefined || whole === undefined) throw new Error('expected a layer');
  let openings = 0;
  const content = {
    size: whole.size,
    open: async function* (options: Parameters<typeof whole.open>[0]) {
      openings += 1;
      const isBroken = openings >= opening;
      let read = 0;
      for await (const chunk of whole.open(options)) {
        if (isBroken && read + chunk.byteLength > after) {
          yield chunk.subarray(0, after - read);
          throw Object.assign(new Error('the disk is gone'), { code: 'EIO' });
        }
        yield chunk;
        read += chunk.byteLength;
      }
    },
  };
  return { ...item, layers: [{ ...layer, content }, ...others] };
}

describe.each([
  ['v1', { protocol: 'v1' }, startV1Registry],
  ['schema1-2015', { format: 'schema1-2015' }, startGraphRegistry],
] as const)('a source that fails in a push of %s', (_, options, start) => {
  test.each<[string, (item: SourceImage) => SourceImage, string]>([
    ['at once', (item) => failing(item, { after: 0 }), 'the disk is gone'],
    ['in the middle', (item) => failing(item, { after: 9_000 }), 'the disk is gone'],
    [
      'by being another layer than its diffID says',
      (item) => ({ ...item, layers: item.layers.map((layer) => ({ ...layer, content: contentOf(encode('x')) })) }),
      'expected sha256:',
    ],
    [
      'by being no gzip',
      (item) => ({ ...item, layers: item.layers.map((layer) => ({ ...layer, compression: 'gzip' as const })) }),
      'Decompressing',
    ],
  ])('%s, is blamed for it', async (_name, broken, words) => {
    await using registry = await start();
    const { results } = await pushLegacy(registry, broken(await image(21, 1)), ['demo/app:1'], options);
    const error = errorOf(results[0]);
    expect(error).toMatchObject({ op: 'read', origin: 'source' });
    expect(error.message).toMatch(/^Could not read layer [0-9a-f]{12}: /);
    expect(error.message).toContain(words);
  });

  test('a registry that ends the connection is blamed for that, and no source', async () => {
    await using gone = await start();
    const item = await image(22, 1);
    await gone[Symbol.asyncDispose]();
    const { results } = await pushLegacy(gone, item, ['demo/app:1'], options);
    expect(errorOf(results[0])).toMatchObject({ origin: 'destination' });
  });
});

test('a source that fails only when it is sent is blamed, too', async () => {
  await using registry = await startGraphRegistry();
  const item = failing(await image(23, 1), { after: 5_000, opening: 2 });
  const { results } = await pushLegacy(registry, item, ['demo/app:1'], { format: 'schema1-2015' });
  expect(errorOf(results[0])).toMatchObject({ op: 'read', origin: 'source', message: expect.stringContaining('disk') });
});
