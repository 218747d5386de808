import { type Digest, digestBytes } from '@slipway/digest';
import { computeHmac, computeHmacKey } from '@slipway/metadata-store';
import { openRegistry } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import { createPusher } from '../src/index.ts';
import { type Bench, countOf, imageOf, openBench, outcomes, plainLayer, textBytes } from './setup.ts';

const key = computeHmacKey({});
const layer = plainLayer(textBytes(1, 5000));
const { diffID } = layer;
const unknown = digestBytes(textBytes(2, 10));

/** Puts a blob into a repository of the registry, and a record of it into the store. */
async function seed(
  bench: Bench,
  repository: string,
  bytes: Uint8Array,
  { ours = true, there = true } = {},
): Promise<Digest> {
  const digest = digestBytes(bytes);
  if (there) await bench.registry.seed(repository, { blobs: [bytes] });
  await record(bench, repository, digest, ours ? key : undefined);
  return digest;
}

async function record(
  bench: Bench,
  repository: string,
  digest: Digest,
  hmacKey: Uint8Array | undefined,
): Promise<void> {
  await bench.store.tagAndAdd(diffID, hmacKey, { digest, sourceRepository: `${bench.registry.host}/${repository}` });
}

async function repositories(bench: Bench): Promise<string[]> {
  const prefix = `${bench.registry.host}/`;
  return (await bench.store.layerRecords(diffID)).map(({ sourceRepository }) => sourceRepository.replace(prefix, ''));
}

/** Requests that name the layer's digest. */
function aboutLayer(bench: Bench, digest: Digest): string[] {
  return bench.registry.requests
    .filter(({ path, query }) => `${path}?${query}`.includes(digest) || query.get('mount') === digest)
    .map(({ method }) => method);
}

const image = imageOf([layer]);

describe('decisions for one layer', () => {
  test('a record of the target whose blob is there: one HEAD, no upload, record kept', async () => {
    await using bench = await openBench();
    const digest = await seed(bench, 'a/target', textBytes(3, 900));
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(outcomes(bench.events)).toMatchObject({ 'blob:existed': 1 });
    expect(aboutLayer(bench, digest)).toEqual(['HEAD']);
    expect(await repositories(bench)).toEqual(['a/target']);
  });

  test('a record of the target whose blob is gone is removed, and the layer uploaded', async () => {
    await using bench = await openBench();
    const digest = await seed(bench, 'a/target', textBytes(4, 900), { there: false });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(outcomes(bench.events)).toMatchObject({ 'blob:pushed': 2 });
    const records = await bench.store.layerRecords(diffID);
    expect(records).toHaveLength(1);
    expect(records[0]?.digest).not.toBe(digest);
  });

  test('a blob seen elsewhere but present in the target is found by the first check, and noted for the target', async () => {
    await using bench = await openBench();
    const bytes = textBytes(5, 900);
    await seed(bench, 'b/other', bytes);
    await bench.registry.seed('a/target', { blobs: [bytes] });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(outcomes(bench.events)).toMatchObject({ 'blob:existed': 1 });
    expect(await repositories(bench)).toEqual(['b/other', 'a/target']);
  });

  test('a mount that succeeds keeps its candidate and adds the target', async () => {
    await using bench = await openBench();
    const digest = await seed(bench, 'b/other', textBytes(6, 900));
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(bench.events).toContainEqual(expect.objectContaining({ type: 'blob:mounted', from: 'b/other', digest }));
    expect(await repositories(bench)).toEqual(['b/other', 'a/target']);
  });

  test('in a repository that the registry does not know, a mount is tried before anything is asked', async () => {
    await using bench = await openBench();
    const digest = await seed(bench, 'b/other', textBytes(6, 900));
    await bench.push(image, 'a/target:1');
    expect(outcomes(bench.events)).toMatchObject({ 'blob:mounted': 1 });
    // The HEAD is for its size, which was never noted here.
    expect(aboutLayer(bench, digest)).toEqual(['POST', 'HEAD']);
  });

  test('a repository that the registry knows is asked for the layer before a mount is tried', async () => {
    await using bench = await openBench();
    await bench.push(imageOf([plainLayer(textBytes(61, 900))]), 'a/target:0');
    const digest = await seed(bench, 'b/other', textBytes(6, 900));
    bench.events.length = 0;
    await bench.push(image, 'a/target:1');
    expect(outcomes(bench.events)).toMatchObject({ 'blob:mounted': 1 });
    expect(aboutLayer(bench, digest)).toEqual(['HEAD', 'POST', 'HEAD']);
  });

  test('what was recorded for a repository that the registry no longer knows is asked for all the same', async () => {
    await using bench = await openBench();
    const bytes = textBytes(12, 900);
    const digest = await seed(bench, 'a/target', bytes);
    await seed(bench, 'b/other', bytes);
    await bench.push(image, 'a/target:1');
    expect(outcomes(bench.events)).toMatchObject({ 'blob:existed': 1 });
    expect(aboutLayer(bench, digest)).toEqual(['HEAD']);
  });

  test('a mount that is declined forgets its candidate, and its session is used for the upload', async () => {
    await using bench = await openBench();
    await seed(bench, 'b/other', textBytes(7, 900), { there: false });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(outcomes(bench.events)).toMatchObject({ 'blob:pushed': 2 });
    expect(await repositories(bench)).toEqual(['a/target']);
    expect(countOf(bench.requests())).toMatchObject({ 'POST blobs/uploads': 2, 'PUT blobs/uploads': 2 });
    expect(bench.registry.sessions()).toEqual([]);
  });

  test('a candidate made with other credentials is not forgotten when its mount is declined', async () => {
    await using bench = await openBench();
    const digest = unknown;
    const sourceRepository = `${bench.registry.host}/b/other`;
    const stranger = new TextEncoder().encode('somebody else');
    await bench.store.addLayerRecord(diffID, {
      digest,
      sourceRepository,
      hmac: computeHmac(stranger, { digest, sourceRepository }),
    });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(await repositories(bench)).toEqual(['b/other', 'a/target']);
  });

  test('an unauthorized mount without credentials forgets nothing', async () => {
    await using bench = await openBench();
    await seed(bench, 'b/other', textBytes(8, 900));
    const body = { errors: [{ code: 'UNAUTHORIZED', message: 'you may not mount from there' }] };
    bench.registry.misbehave({ match: { kind: 'mount', path: /from=b/ }, status: 403, body });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(outcomes(bench.events)).toMatchObject({ 'blob:pushed': 2 });
    expect(await repositories(bench)).toEqual(['b/other', 'a/target']);
  });

  test('a small layer tries one mount, the one most like the target', async () => {
    await using bench = await openBench();
    const bytes = textBytes(9, 900);
    for (const repository of ['z/far', 'a/near', 'y/far']) await seed(bench, repository, bytes, { there: false });
    await bench.push(image, 'a/target:1', { learn: 'off' });
    const tried = bench.registry.requests
      .filter(({ method, query }) => method === 'POST' && query.has('from'))
      .map(({ query }) => query.get('from'));
    expect(tried.filter((from) => from !== 'a/target')).toEqual(['a/near']);
  });

  test.each([
    ['small', 50_000, 1],
    ['middle', 200_000, 3],
    ['large', 11 * 1024 * 1024, 4],
  ])('a %s layer tries that many mounts', async (_, size, mounts) => {
    await using bench = await openBench();
    const big = plainLayer(textBytes(10, size));
    for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
      await bench.store.tagAndAdd(big.diffID, key, {
        digest: unknown,
        sourceRepository: `${bench.registry.host}/${name}/app`,
      });
    }
    await bench.push(imageOf([big]), 'a/target:1', { learn: 'off' });
    const tried = bench.registry.requests.filter(
      ({ method, query }) => method === 'POST' && /^[b-g]\//.test(query.get('from') ?? ''),
    );
    expect(tried).toHaveLength(mounts);
    await bench.registry.settled();
    expect(bench.registry.sessions()).toEqual([]);
  });

  test('a HEAD that fails is never fatal', async () => {
    await using bench = await openBench();
    await seed(bench, 'a/target', textBytes(11, 900), { there: false });
    bench.registry.misbehave({ match: { kind: 'blob-head' }, status: 401 });
    const [result] = await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(result?.ok).toBe(true);
  });

  test('a record in a form that is not canonical is no mount candidate', async () => {
    await using bench = await openBench();
    await bench.store.tagAndAdd(diffID, key, { digest: unknown, sourceRepository: 'busybox' });
    const [result] = await bench.push(image, 'a/target:1', { learn: 'off' });
    expect(result?.ok).toBe(true);
    expect(bench.registry.requests.some(({ query }) => query.get('from')?.includes('busybox'))).toBe(false);
  });
});

describe('learning', () => {
  test('a false pairing found by --verify-learnt is warned of and not used', async () => {
    await using bench = await openBench();
    await using liar = await openBench();
    const honest = imageOf([layer], { comment: 'ours' });
    await bench.push(honest, 'a/app:1');
    // The same config under a manifest that names another blob for the diffID.
    const other = plainLayer(textBytes(77, 4000));
    await liar.push(imageOf([other]), 'x/app:1');
    const held = await bench.registry.manifest('a/app', '1');
    const theirs = await liar.registry.manifest('x/app', '1');
    const wrong = JSON.parse(new TextDecoder().decode(theirs?.bytes)).layers[0];
    const blob = await liar.registry.blobBytes('x/app', wrong.digest);
    const forged = JSON.parse(new TextDecoder().decode(held?.bytes));
    forged.layers = [wrong];
    await bench.registry.seed('a/app', {
      blobs: [blob as Uint8Array],
      manifests: [
        { bytes: new TextEncoder().encode(JSON.stringify(forged)), mediaType: forged.mediaType, tags: ['1'] },
      ],
    });
    const { createMemoryMetadataStore } = await import('@slipway/metadata-store');
    const { createPusher } = await import('../src/index.ts');
    const warnings: string[] = [];
    const pusher = createPusher({
      transfers: bench.transfers,
      gzip: bench.gzip,
      metadataStore: createMemoryMetadataStore(),
    });
    const [result] = await pusher.push(imageOf([layer], { comment: 'next' }), [bench.destination('a/app:2')], {
      learn: 'verify',
      learnFrom: '1',
      onEvent: (event) => event.type === 'warning' && warnings.push(event.code),
    });
    expect(result?.ok).toBe(true);
    expect(warnings).toEqual(['learnt-pairing-false']);
    const pushed = JSON.parse(new TextDecoder().decode((await bench.registry.manifest('a/app', '2'))?.bytes));
    expect(pushed.layers[0].digest).not.toBe(wrong.digest);
  });

  test('a list of tags that does not come is not waited for', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'tags' }, stall: true });
    // Nothing else ends the wait.
    await using registry = openRegistry({ url: bench.registry.url, timeouts: { metadataMs: 3_600_000 } });
    const endpoint = { url: new URL(bench.registry.url), connect: async () => registry.repository('a/app') };
    const pusher = createPusher({ transfers: bench.transfers, gzip: bench.gzip });
    const [result] = await pusher.push(image, [{ ...bench.destination('a/app:1'), endpoints: [endpoint] }]);
    expect(result?.ok).toBe(true);
  });

  test('what a registry says that is not a manifest teaches nothing and stops nothing', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'manifest-get' }, status: 200, body: '<html>hello</html>' });
    bench.registry.misbehave({ match: { kind: 'tags' }, status: 500 });
    const [result] = await bench.push(image, 'a/app:1');
    expect(result?.ok).toBe(true);
  });
});
