import { type Digest, digestBytes } from '@slipway/digest';
import { buildIndex, buildOciManifest, type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { requireTool, startDebianRegistry, startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { ensureReferrers, openRegistry, type Repository, referrersTag } from '../src/index.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const subject = descriptorOf(
  buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor], artifactType: 'x/subject' }),
);

function descriptorOf({ mediaType, digest, bytes }: ReturnType<typeof buildOciManifest>): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

function referrer(name: string): ReturnType<typeof buildOciManifest> {
  const annotations = { name };
  return buildOciManifest({
    config: emptyDescriptor,
    layers: [emptyDescriptor],
    artifactType: 'x/y',
    subject,
    annotations,
  });
}

/** Puts a referrer, with the empty blob it names. */
async function put(repository: Repository, name: string): Promise<Descriptor> {
  const manifest = referrer(name);
  if ((await repository.statBlob(emptyDescriptor.digest)) === undefined) {
    const begun = await repository.beginUpload();
    if (begun.kind !== 'session') throw new Error('expected a session');
    const bytes = new TextEncoder().encode('{}');
    await begun.session.put(
      {
        size: 2,
        open: async function* () {
          yield bytes;
        },
      },
      emptyDescriptor.digest,
    );
  }
  await repository.putManifest(manifest.digest, manifest.bytes, { mediaType: manifest.mediaType });
  return descriptorOf(manifest);
}

const digestsOf = (list: readonly Descriptor[]): readonly Digest[] => list.map(({ digest }) => digest).sort();

describe('a registry with the referrers API', () => {
  test('lists what it was given, says so at once, and gets no tag', async () => {
    await using registry = await startRegistry();
    await using client = openRegistry({ url: registry.url });
    const repository = client.repository('demo/app');
    const one = await put(repository, 'one');
    const manifest = referrer('one');
    const result = await repository.putManifest(manifest.digest, manifest.bytes, { mediaType: manifest.mediaType });
    expect(result).toMatchObject({ digest: manifest.digest, subject: subject.digest });
    await ensureReferrers(repository, subject.digest, [one]);
    expect(digestsOf(await repository.listReferrers(subject.digest))).toEqual([one.digest]);
    expect(registry.tags('demo/app')).toEqual([]);
  });
});

describe('a registry without it', () => {
  const missing = requireTool('docker-registry');
  test.skipIf(missing)('keeps them under the fallback tag: Debian’s registry', async () => {
    await using registry = await startDebianRegistry();
    await using client = openRegistry({ url: registry.url });
    await proveFallback(client.repository('demo/app'));
  });

  test('keeps them under the fallback tag: the embedded one', async () => {
    await using registry = await startRegistry({ quirks: { referrers: false } });
    await using client = openRegistry({ url: registry.url });
    await proveFallback(client.repository('demo/app'));
    expect(registry.tags('demo/app')).toEqual([referrersTag(subject.digest)]);
  });

  async function proveFallback(repository: Repository): Promise<void> {
    expect(await repository.listReferrers(subject.digest)).toEqual([]);
    const one = await put(repository, 'one');
    const two = await put(repository, 'two');
    await ensureReferrers(repository, subject.digest, [one]);
    await ensureReferrers(repository, subject.digest, [one, two]);
    expect(await repository.listReferrers(subject.digest)).toEqual([one, two]);
  }

  test('an entry that somebody else overwrites is written again', async () => {
    await using registry = await startRegistry({ quirks: { referrers: false } });
    await using client = openRegistry({ url: registry.url });
    const repository = client.repository('demo/app');
    const [one, two] = [await put(repository, 'one'), await put(repository, 'two')];
    let overwritten = 0;
    const contested: Repository = Object.assign(Object.create(repository) as Repository, {
      referrers: async () => undefined,
      getManifest: repository.getManifest.bind(repository),
      async putManifest(...args: Parameters<Repository['putManifest']>) {
        const result = await repository.putManifest(...args);
        if (overwritten++ > 0) return result;
        const { bytes, mediaType } = buildIndex({ manifests: [two] });
        return await repository.putManifest(args[0], bytes, { mediaType });
      },
    });
    await ensureReferrers(contested, subject.digest, [one]);
    expect(digestsOf(await repository.listReferrers(subject.digest))).toEqual(digestsOf([one, two]));
  });

  test('a tag that names something else is left alone', async () => {
    await using registry = await startRegistry({ quirks: { referrers: false } });
    await using client = openRegistry({ url: registry.url });
    const repository = client.repository('demo/app');
    const one = await put(repository, 'one');
    const manifest = referrer('one');
    await repository.putManifest(referrersTag(subject.digest), manifest.bytes, { mediaType: manifest.mediaType });
    await expect(ensureReferrers(repository, subject.digest, [one])).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('names no index'),
    });
  });
});

test('the fallback tag is the digest with a dash, cut to what a tag may be', () => {
  expect(referrersTag(digestBytes(new Uint8Array(), 'sha256'))).toMatch(/^sha256-[0-9a-f]{64}$/);
  expect(referrersTag(digestBytes(new Uint8Array(), 'sha512'))).toMatch(/^sha512-[0-9a-f]{64}$/);
});

describe('a registry that takes the fallback tag for the digest of the manifest itself', () => {
  const index = buildIndex({ manifests: [subject] });
  const image = buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor], artifactType: 'x/subject' });

  test.each([
    ['an image', image, subject.digest],
    ['an index, which looks like a list of referrers', index, index.digest],
  ])('has no referrers of %s, and nothing is written there', async (_, manifest, digest) => {
    await using server = await startRegistry({ quirks: 'gitlab' });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('demo/app');
    await put(repository, 'one'); // brings the empty blob
    await repository.putManifest(subject.digest, image.bytes, { mediaType: image.mediaType });
    await repository.putManifest(digest, manifest.bytes, { mediaType: manifest.mediaType });
    const one = descriptorOf(referrer('one'));
    expect(await repository.listReferrers(digest)).toEqual([]);
    server.clearRequests();
    expect(await ensureReferrers(repository, digest, [one])).toBe(false);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
    expect(server.tags('demo/app')).toEqual([]);
  });
});

test('a list of referrers whose pages are empty and lead to no end is refused', async () => {
  let asked = 0;
  await using server = await startScriptedServer(
    afterPing((_, response) => {
      asked += 1;
      response.setHeader('content-type', mediaTypes.ociIndex);
      response.setHeader('link', `</v2/a/referrers/${subject.digest}?n=${asked}>; rel="next"`);
      response.end(buildIndex({ manifests: [] }).bytes);
    }),
  );
  await using registry = openRegistry({ url: server.url });
  await expect(registry.repository('a').referrers(subject.digest)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
    message: expect.stringContaining('100 pages in a row without an entry'),
  });
  expect(asked).toBe(100);
});
