import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { contentOf, digestBytes } from '@slipway/digest';
import type { SourceIndex, SourceItem } from '@slipway/image-source';
import { buildIndex, buildOciManifest, type Descriptor, mediaTypes } from '@slipway/manifest';
import { wrapRepository } from '@slipway/registry-client';
import type { EmbeddedRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { Destination, PushResult, Signer } from '../src/index.ts';
import { type Bench, digestOf, imageOf, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json';
const note = 'dev.cosignproject.cosign/signature';

interface TestSigner extends Signer {
  readonly publicKey: KeyObject;
  /** How often it has signed. */
  readonly count: () => number;
}

function testSigner(annotations?: Readonly<Record<string, string>>): TestSigner {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey);
  let count = 0;
  return {
    publicKey,
    count: () => count,
    async sign(payload) {
      count += 1;
      return { bytes: sign('sha256', payload, privateKey), annotations };
    },
    verify: async (payload, { bytes }) => verify('sha256', payload, publicKey, bytes),
  };
}

/** Small: what is looked at is its signature. */
const image = randomImage(1, [3000]);

const tagOf = (digest: string): string => `${digest.replace(':', '-')}.sig`;

/**
 * What a repository says under the tag of a manifest's signatures; each is checked with the key that is said to have
 * made it.
 */
async function signaturesOf(
  registry: EmbeddedRegistry,
  repository: string,
  digest: string,
  keys: readonly KeyObject[],
): Promise<readonly { readonly by: number; readonly payload: unknown; readonly layer: Descriptor }[]> {
  const held = await registry.manifest(repository, tagOf(digest));
  if (held === undefined) return [];
  expect(held.mediaType).toBe(mediaTypes.ociManifest);
  const { layers, config } = JSON.parse(new TextDecoder().decode(held.bytes)) as {
    readonly layers: readonly Descriptor[];
    readonly config: Descriptor;
  };
  const configBytes = await registry.blobBytes(repository, config.digest);
  const { rootfs } = JSON.parse(new TextDecoder().decode(configBytes));
  expect(rootfs).toEqual({ type: 'layers', diff_ids: layers.map((layer) => layer.digest) });
  return await Promise.all(
    layers.map(async (layer) => {
      const payload = await registry.blobBytes(repository, layer.digest);
      expect(layer).toMatchObject({ mediaType: simpleSigning, size: payload!.byteLength });
      const signature = Buffer.from(layer.annotations?.[note] ?? '', 'base64');
      const by = keys.findIndex((key) => verify('sha256', payload!, key, signature));
      return { by, payload: JSON.parse(new TextDecoder().decode(payload)), layer };
    }),
  );
}

const payloadFor = (digest: string, identity: string): object => ({
  critical: {
    identity: { 'docker-reference': identity },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  },
  optional: null,
});

const putsOf = ({ registry }: Bench): readonly string[] =>
  registry.requests.flatMap(({ method, path }) => (method === 'PUT' ? (/manifests\/(.*)$/.exec(path)?.[1] ?? []) : []));

/** Two platforms, and an attestation that is nothing to run. */
function indexOf(): SourceIndex {
  const children = [1, 2, 3].map((seed) => {
    const base = imageOf([plainLayer(textBytes(seed, 4000))], { comment: `${seed}` });
    const layers = base.layers.map(({ diffID }) => ({ mediaType: mediaTypes.ociLayer, digest: diffID, size: 4000 }));
    const { digest, bytes } = base.config;
    const config = { mediaType: mediaTypes.ociConfig, digest, size: bytes.byteLength };
    const item = {
      ...base,
      layers: base.layers.map((layer, at) => ({ ...layer, descriptor: layers[at] })),
      config: { ...base.config, mediaType: mediaTypes.ociConfig },
      manifest: buildOciManifest({ config, layers }),
    };
    const architecture = ['amd64', 'arm64', 'unknown'][seed - 1]!;
    const os = seed === 3 ? 'unknown' : 'linux';
    const annotations = seed === 3 ? { 'vnd.docker.reference.type': 'attestation-manifest' } : undefined;
    const { mediaType, size } = item.manifest;
    const descriptor = {
      mediaType,
      digest: item.manifest.digest,
      size,
      platform: { architecture, os },
      ...(annotations && { annotations }),
    };
    return { descriptor, item };
  });
  const manifest = buildIndex({ manifests: children.map(({ descriptor }) => descriptor) });
  return { kind: 'index', names: [], manifest, children };
}

function signaturesIn(results: readonly PushResult[], at = 0) {
  const result = results[at];
  if (result?.ok !== true) throw result?.error ?? new Error('no result');
  return result.signatures;
}

test('a pushed image is signed as cosign does, before its tag is there', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const results = await bench.push(image, 'demo/app:1', { signing: { signer } });
  const digest = digestOf(results);
  const identity = `${bench.registry.host}/demo/app:1`;
  const found = await signaturesOf(bench.registry, 'demo/app', digest, [signer.publicKey]);
  expect(found.map(({ by, payload }) => ({ by, payload }))).toEqual([{ by: 0, payload: payloadFor(digest, identity) }]);
  const payload = await bench.registry.blobBytes('demo/app', found[0]!.layer.digest);
  expect(new TextDecoder().decode(payload)).toBe(JSON.stringify(payloadFor(digest, identity)));
  const [signature] = signaturesIn(results) ?? [];
  const tag = tagOf(digest);
  const held = await bench.registry.manifest('demo/app', tag);
  expect(signature).toEqual({
    ...{ subject: digest, identity, tag, digest: held?.digest },
    ...{ referrer: expect.stringMatching(/^sha256:/), unchanged: false },
  });
  expect(putsOf(bench)).toEqual([digest, tag, signature?.referrer, '1']);
  const listed = await fetch(`${bench.registry.url}/v2/demo/app/referrers/${digest}`);
  const { manifests } = (await listed.json()) as { readonly manifests: readonly Descriptor[] };
  expect(manifests.map(({ digest: each, artifactType }) => [each, artifactType])).toEqual([
    [signature?.referrer, 'application/vnd.dev.cosign.artifact.sig.v1+json'],
  ]);
  await bench.registry.verify();
});

test('nothing is signed unless it is asked for', async () => {
  await using bench = await openBench();
  const results = await bench.push(image, 'demo/app:1');
  expect(signaturesIn(results)).toBeUndefined();
  expect(bench.registry.tags('demo/app')).toEqual(['1']);
});

test('the same key signs the same thing once', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const [first] = signaturesIn(await bench.push(image, 'demo/app:1', { signing: { signer } })) ?? [];
  bench.registry.clearRequests();
  const again = await bench.push(image, 'demo/app:1', { signing: { signer } });
  expect(signaturesIn(again)).toEqual([{ ...first, unchanged: true }]);
  expect(signer.count()).toBe(1);
  expect(bench.registry.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
});

test('an image that is there already, and is not signed yet, gets its signature', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const digest = digestOf(await bench.push(image, 'demo/app:1'));
  const results = await bench.push(image, 'demo/app:1', { signing: { signer } });
  expect(results[0]).toMatchObject({ ok: true, unchanged: true, digest });
  expect(await signaturesOf(bench.registry, 'demo/app', digest, [signer.publicKey])).toMatchObject([{ by: 0 }]);
});

test('signatures of other keys and other names stay', async () => {
  await using bench = await openBench();
  const signers = [testSigner(), testSigner()];
  for (const signer of signers) await bench.push(image, 'demo/app:1', { signing: { signer } });
  const identity = 'example.com/official/app:1';
  const results = await bench.push(image, 'demo/app:1', { signing: { signer: signers[0]!, identity } });
  const digest = digestOf(results);
  const keys = signers.map(({ publicKey }) => publicKey);
  const own = `${bench.registry.host}/demo/app:1`;
  const found = await signaturesOf(bench.registry, 'demo/app', digest, keys);
  expect(found.map(({ by, payload }) => ({ by, payload }))).toEqual([
    { by: 0, payload: payloadFor(digest, own) },
    { by: 1, payload: payloadFor(digest, own) },
    { by: 0, payload: payloadFor(digest, identity) },
  ]);
});

test('what somebody else wrote into the list of signatures stays as it is', async () => {
  await using bench = await openBench();
  const digest = digestOf(await bench.push(image, 'demo/app:1'));
  const payload = new TextEncoder().encode('{"of":"another tool"}');
  const layer = { mediaType: simpleSigning, digest: digestBytes(payload), size: payload.byteLength };
  const annotated = { ...layer, annotations: { [note]: 'AAAA', 'dev.sigstore.cosign/bundle': '{"Payload":{}}' } };
  const empty = new TextEncoder().encode('{}');
  const config = { mediaType: mediaTypes.ociConfig, digest: digestBytes(empty), size: 2 };
  const { bytes } = buildOciManifest({ config, layers: [annotated], annotations: { who: 'another tool' } });
  const tag = tagOf(digest);
  const manifest = { bytes, mediaType: mediaTypes.ociManifest, tags: [tag] };
  await bench.registry.seed('demo/app', { blobs: [payload, empty], manifests: [manifest] });
  await bench.push(image, 'demo/app:1', { signing: { signer: testSigner() } });
  const held = await bench.registry.manifest('demo/app', tag);
  const document = JSON.parse(new TextDecoder().decode(held?.bytes));
  expect(document).toMatchObject({ annotations: { who: 'another tool' }, layers: [annotated, {}] });
});

test('each tag is signed under its own name, in one list', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const tags = ['demo/app:1', 'demo/app:1.2', 'other/app:latest'];
  const results = await bench.push(image, tags, { signing: { signer } });
  const digest = digestOf(results);
  const names = tags.map((tag) => `${bench.registry.host}/${tag}`);
  expect(results.map((_, at) => signaturesIn(results, at)?.map(({ identity }) => identity))).toEqual(
    names.map((name) => [name]),
  );
  const found = await signaturesOf(bench.registry, 'demo/app', digest, [signer.publicKey]);
  expect(found.map(({ payload }) => payload)).toEqual(names.slice(0, 2).map((name) => payloadFor(digest, name)));
  expect(signer.count()).toBe(3);
});

test('of an index, each image that it lists is signed too, and no attestation', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const index = indexOf();
  const [amd64, arm64, attestation] = index.children.map(({ descriptor }) => descriptor.digest);
  const results = await bench.push(index, 'demo/app:1', { signing: { signer } });
  expect(signaturesIn(results)?.map(({ subject }) => subject)).toEqual([amd64, arm64, index.manifest.digest]);
  for (const digest of [amd64, arm64, index.manifest.digest]) {
    expect(await signaturesOf(bench.registry, 'demo/app', digest!, [signer.publicKey])).toMatchObject([{ by: 0 }]);
  }
  expect(bench.registry.tags('demo/app')).not.toContain(tagOf(attestation!));
  expect(putsOf(bench).at(-1)).toBe('1');
});

test('a platform that was chosen is signed by itself', async () => {
  await using bench = await openBench();
  const index = indexOf();
  const platform = { architecture: 'arm64', os: 'linux' };
  const results = await bench.push(index, 'demo/app:1', { signing: { signer: testSigner() }, platform });
  expect(signaturesIn(results)?.map(({ subject }) => subject)).toEqual([index.children[1]?.descriptor.digest]);
});

test('what proves who signed, without a key of one’s own, goes beside the signature', async () => {
  await using bench = await openBench();
  const annotations = { 'dev.sigstore.cosign/certificate': 'a certificate', 'dev.sigstore.cosign/chain': 'a chain' };
  const signer = testSigner(annotations);
  const digest = digestOf(await bench.push(image, 'demo/app:1', { signing: { signer } }));
  const [found] = await signaturesOf(bench.registry, 'demo/app', digest, [signer.publicKey]);
  expect(found).toMatchObject({ by: 0, layer: { annotations } });
});

describe('no tag moves when', () => {
  const failing: readonly [string, (bench: Bench) => Signer, object][] = [
    [
      'the signer fails',
      () => ({ ...testSigner(), sign: () => Promise.reject(new Error('no card in the reader')) }),
      { op: 'sign', origin: 'machine', message: 'Could not sign: no card in the reader' },
    ],
    [
      'the registry refuses the signature',
      ({ registry }) => {
        registry.misbehave({ match: { kind: 'manifest-put', path: /\.sig$/ }, status: 403 });
        return testSigner();
      },
      { origin: 'destination', message: expect.stringContaining('.sig') },
    ],
  ];
  test.each(failing)('%s', async (_name, prepare, error) => {
    await using bench = await openBench();
    const signer = prepare(bench);
    const results = await bench.push(image, 'demo/app:1', { signing: { signer } });
    expect(results).toMatchObject([{ ok: false, error: { code: 'ERR_PUSH_FAILED', ...error } }]);
    expect(bench.registry.tags('demo/app')).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['a text', 'x'],
    ['nothing', undefined],
    ['bytes alone', new Uint8Array(8)],
    ['no bytes', { bytes: new Uint8Array(0) }],
    ['bytes in a text', { bytes: 'AAAA' }],
    ['annotations that are none', { bytes: new Uint8Array(8), annotations: { by: 5 } }],
    ['a list of annotations', { bytes: new Uint8Array(8), annotations: ['a'] }],
  ])('its signer answers %s', async (_name, answer) => {
    await using bench = await openBench();
    const signer: Signer = { sign: async () => answer as never, verify: async () => false };
    const results = await bench.push(image, 'demo/app:1', { signing: { signer } });
    const message = expect.stringMatching(/^Could not sign: the signer answered no signature/);
    expect(results).toMatchObject([{ ok: false, error: { op: 'sign', origin: 'machine', message } }]);
    expect(bench.registry.tags('demo/app')).toEqual([]);
  });

  test('its signer throws before it answers, or when it verifies', async () => {
    await using bench = await openBench();
    const told = { ok: false, error: { op: 'sign', origin: 'machine', message: 'Could not sign: no card' } };
    const throws = (): never => {
      throw new Error('no card');
    };
    const verify = async (): Promise<boolean> => false;
    const results = await bench.push(image, 'demo/app:1', { signing: { signer: { sign: throws, verify } } });
    expect(results).toMatchObject([told]);
    const signer = testSigner();
    await bench.push(image, 'demo/app:1', { signing: { signer } });
    const again = await bench.push(image, 'demo/app:1', { signing: { signer: { sign: signer.sign, verify: throws } } });
    expect(again).toMatchObject([told]);
  });

  test('something else has the name of its signatures', async () => {
    await using bench = await openBench();
    const digest = digestOf(await bench.push(image, 'demo/app:1'));
    const { bytes, mediaType } = buildIndex({ manifests: [] });
    await bench.registry.seed('demo/app', { manifests: [{ bytes, mediaType, tags: [tagOf(digest)] }] });
    const results = await bench.push(image, 'demo/app:2', { signing: { signer: testSigner() } });
    expect(results).toMatchObject([{ ok: false, error: { op: 'sign', hint: expect.stringContaining('.sig') } }]);
    expect(bench.registry.tags('demo/app')).not.toContain('2');
  });
});

describe('those who sign the same thing at the same time', () => {
  test('keep each other’s signatures, in one process', async () => {
    await using bench = await openBench();
    const signers = [1, 2, 3, 4].map(() => testSigner());
    const pushes = signers.map((signer) => bench.push(image, 'demo/app:1', { signing: { signer } }));
    const [digest] = (await Promise.all(pushes)).map((results) => digestOf(results));
    const keys = signers.map(({ publicKey }) => publicKey);
    const found = await signaturesOf(bench.registry, 'demo/app', digest!, keys);
    expect(found.map(({ by }) => by).toSorted()).toEqual([0, 1, 2, 3]);
  });

  /** Somebody else who read the list before, and writes it after, the first `times` writes. */
  async function rivalry(times: number): Promise<{ readonly bench: Bench; readonly destination: Destination }> {
    const bench = await openBench();
    const destination = bench.destination('demo/app:1');
    const [endpoint] = destination.endpoints;
    let left = times;
    const connect: Destination['endpoints'][number]['connect'] = async (options) => {
      const repository = await endpoint!.connect(options);
      return wrapRepository(repository, {
        async putManifest(tagOrDigest, bytes, put) {
          const answer = await repository.putManifest(tagOrDigest, bytes, put);
          if (tagOrDigest.endsWith('.sig') && left > 0) {
            left -= 1;
            const document = JSON.parse(new TextDecoder().decode(bytes));
            const rival = { ...document, layers: document.layers.slice(0, -1), annotations: { left: `${left}` } };
            await repository.putManifest(tagOrDigest, new TextEncoder().encode(JSON.stringify(rival)), put);
          }
          return answer;
        },
      });
    };
    return { bench, destination: { ...destination, endpoints: [{ ...endpoint!, connect }] } };
  }

  test('a signature that another process wrote over is put back', async () => {
    const { bench, destination } = await rivalry(3);
    await using _ = bench;
    const signer = testSigner();
    const [[result] = []] = await bench.pushAll([{ item: image, destinations: [destination] }], {
      signing: { signer },
    });
    expect(result).toMatchObject({ ok: true });
    const digest = digestOf([result!]);
    expect(await signaturesOf(bench.registry, 'demo/app', digest, [signer.publicKey])).toMatchObject([{ by: 0 }]);
    expect(signer.count()).toBe(1);
  });

  test('a signature that is lost again and again is a failure', async () => {
    const { bench, destination } = await rivalry(100);
    await using _ = bench;
    const [[result] = []] = await bench.pushAll([{ item: image, destinations: [destination] }], {
      signing: { signer: testSigner() },
    });
    expect(result).toMatchObject({ ok: false, error: { op: 'sign', message: expect.stringContaining('5 times') } });
    expect(bench.registry.tags('demo/app')).not.toContain('1');
  });
});

test('signatures that come with the image join those that are there, and those that are made', async () => {
  await using bench = await openBench();
  const signers = [testSigner(), testSigner(), testSigner()];
  const [author, deployer, mirror] = signers as [TestSigner, TestSigner, TestSigner];
  const identity = 'example.com/app:1';
  const kept = indexOf().children[0]!.item;
  const digest = digestOf(await bench.push(kept, 'source/app:1', { signing: { signer: author, identity } }));
  const list = await bench.registry.manifest('source/app', tagOf(digest));
  const document = JSON.parse(new TextDecoder().decode(list?.bytes));
  const blobs = await Promise.all(
    [document.config, ...document.layers].map(async (descriptor: Descriptor) => {
      const bytes = await bench.registry.blobBytes('source/app', descriptor.digest);
      return { descriptor, content: contentOf(bytes!) };
    }),
  );
  const { mediaType, bytes } = list!;
  const descriptor = { mediaType, digest: list!.digest, size: bytes.byteLength };
  const referrer = { kind: 'artifact', names: [], manifest: list!, blobs } as const;
  const signed = { ...kept, referrers: [{ descriptor, item: referrer, tag: tagOf(digest) }] };
  await bench.push(kept, 'copy/app:1', { signing: { signer: deployer, identity } });
  const keys = signers.map(({ publicKey }) => publicKey);
  const found = async (): Promise<readonly number[]> =>
    (await signaturesOf(bench.registry, 'copy/app', digest, keys)).map(({ by }) => by);

  await bench.push(signed, 'copy/app:2');
  expect(await found()).toEqual([1, 0]);
  await bench.push(signed, 'copy/app:1', { signing: { signer: mirror, identity } });
  expect(await found()).toEqual([1, 0, 2]);
  bench.registry.clearRequests();
  await bench.push(signed, 'copy/app:1', { signing: { signer: mirror, identity } });
  expect(putsOf(bench)).toEqual([]);
  await bench.push(signed, 'empty/app:1');
  expect((await bench.registry.manifest('empty/app', tagOf(digest)))?.digest).toBe(list?.digest);
});

test('a dry run says what would be signed, and signs nothing', async () => {
  await using bench = await openBench();
  const signer = testSigner();
  const options = { signing: { signer }, dryRun: true };
  const item: SourceItem = indexOf();
  const planned = signaturesIn(await bench.push(item, 'demo/app:1', options));
  expect(planned).toMatchObject([{}, {}, { subject: item.manifest.digest, unchanged: false }]);
  expect(planned?.map(({ digest, referrer }) => digest ?? referrer)).toEqual([undefined, undefined, undefined]);
  expect(signer.count()).toBe(0);
  expect(bench.registry.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  const texts = bench.events.flatMap((event) => (event.type === 'message' ? [event.text] : []));
  const identity = `${bench.registry.host}/demo/app:1`;
  expect(texts.at(-1)).toBe(`${tagOf(item.manifest.digest)}: would be signed as ${identity}`);
  const pushed = signaturesIn(await bench.push(item, 'demo/app:1', { signing: { signer } }));
  const again = signaturesIn(await bench.push(item, 'demo/app:1', options));
  expect(again).toEqual(pushed?.map((signature) => ({ ...signature, unchanged: true })));
});

test.each([
  [{ format: 'schema1' }],
  [{ format: 'v1' }],
  [{ format: 'schema1-2015' }],
  [{ protocol: 'v1' }],
  [{ protocol: 'auto' }],
] as const)('what is older than schema 2 is not signed: %j', async (options) => {
  await using bench = await openBench();
  const pushing = bench.push(image, 'demo/app:1', { signing: { signer: testSigner() }, ...options });
  await expect(pushing).rejects.toMatchObject({ code: 'ERR_PUSH_FORMAT' });
  expect(bench.registry.requests).toEqual([]);
});

test('a registry that wants schema 1 gets no image that is not signed in place of a signed one', async () => {
  await using bench = await openBench();
  const docker = /manifests\/1$/;
  bench.registry.misbehave({ match: { kind: 'manifest-put', path: docker }, status: 415 });
  const options = { requireSchema2: false, signing: { signer: testSigner() } };
  const results = await bench.push(image, 'demo/app:1', options);
  expect(results).toMatchObject([{ ok: false }]);
  expect(bench.registry.tags('demo/app')).not.toContain('1');
});
