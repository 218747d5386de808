import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import {
  buildIndex,
  buildOciManifest,
  type Descriptor,
  emptyDescriptor,
  mediaTypes,
  type Platform,
} from '@slipway/manifest';
import {
  type EmbeddedRegistry,
  multiPlatformImage,
  randomImage,
  requireTool,
  startDebianRegistry,
  startRegistry,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openRegistry, RegistryError, type Repository, wrapRepository } from '../src/index.ts';
import { beginSession, collect, listOf, manifestOf, testBytes } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const mediaType = mediaTypes.ociManifest;
const layer = testBytes(1_000);
const manifest = manifestOf(layer);
const digest = digestBytes(manifest);
const stat: Descriptor = { mediaType, digest, size: manifest.byteLength };

describe('resolve', () => {
  test('one HEAD tells what a tag and a digest name', async () => {
    await using server = await startRegistry();
    await server.seed('app', { manifests: [{ bytes: manifest, mediaType, tags: ['v1'] }] });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    expect(await repository.resolve('v1')).toEqual(stat);
    expect(await repository.resolve(digest)).toEqual(stat);
    expect(await repository.resolve('v2')).toBeUndefined();
    expect(server.requests.map(({ kind }) => kind)).toEqual(['ping', ...Array(3).fill('manifest-head')]);
    expect(await repository.resolve('v1', { verify: true })).toEqual(stat);
    expect(server.requests.at(-1)?.kind).toBe('manifest-get');
  });

  test.each<[string, object]>([
    ['says no digest', { omitHeaders: ['docker-content-digest'] }],
    ['says no length', { omitHeaders: ['content-length'] }],
    ['is refused (403)', { status: 403 }],
    ['is refused (401)', { status: 401 }],
    ['is not there (405)', { status: 405 }],
  ])('where the HEAD %s, a GET tells', async (_, rule) => {
    await using server = await startRegistry();
    await server.seed('app', { manifests: [{ bytes: manifest, mediaType, tags: ['v1'] }] });
    server.misbehave({ match: { kind: 'manifest-head' }, ...rule });
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('app').resolve('v1')).toEqual(stat);
  });

  test.each(['artifactory', 'gitlab'] as const)('what %s denies to a HEAD is not there', async (quirks) => {
    await using server = await startRegistry({ quirks });
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('app').resolve('v1')).toBeUndefined();
  });

  test('a digest of another manifest is not believed, in a HEAD or in a GET', async () => {
    await using server = await startRegistry();
    await server.seed('app', { manifests: [{ bytes: manifest, mediaType, tags: ['v1'] }] });
    server.misbehave({ match: { kind: ['manifest-head', 'manifest-get'] }, wrongDigest: true });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    const code = 'ERR_REGISTRY_PROTOCOL';
    await expect(repository.resolve(digest)).rejects.toMatchObject({ code });
    await expect(repository.statManifest(digest)).rejects.toMatchObject({ code });
    await expect(repository.getManifest('v1')).rejects.toMatchObject({ code });
    await expect(repository.resolve('v1', { verify: true })).rejects.toMatchObject({ code });
  });
});

const arm: Platform = { os: 'linux', architecture: 'arm64' };
const amd: Platform = { os: 'linux', architecture: 'amd64' };
const windows: Platform = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2227' };

/** Puts an image with one layer into a registry. */
async function seedImage(
  server: EmbeddedRegistry,
  platform: Platform,
  tags: readonly string[] = [],
): Promise<Descriptor> {
  const { configBytes } = await randomImage({ seed: platform.architecture, platform, config: { Env: ['A=b'] } });
  const { blobs } = await server.seed('app', { blobs: [configBytes, layer] });
  const [config, blob] = blobs as [Descriptor, Descriptor];
  const built = buildOciManifest({
    config: { ...config, mediaType: mediaTypes.ociConfig },
    layers: [{ ...blob, mediaType: mediaTypes.ociLayer }],
  });
  await server.seed('app', { manifests: [{ bytes: built.bytes, mediaType, tags }] });
  return { mediaType, digest: built.digest, size: built.bytes.byteLength };
}

async function seedIndex(
  server: EmbeddedRegistry,
  manifests: readonly Descriptor[],
  tag = 'multi',
): Promise<Descriptor> {
  const built = buildIndex({ manifests });
  await server.seed('app', { manifests: [{ bytes: built.bytes, mediaType: built.mediaType, tags: [tag] }] });
  return { mediaType: built.mediaType, digest: built.digest, size: built.bytes.byteLength };
}

describe('getImage', () => {
  async function withImages(run: (repository: Repository, server: EmbeddedRegistry) => Promise<void>): Promise<void> {
    await using server = await startRegistry();
    await using registry = openRegistry({ url: server.url });
    await run(registry.repository('app'), server);
  }

  test('has manifest and config of an image', async () => {
    await withImages(async (repository, server) => {
      const image = await seedImage(server, arm, ['v1']);
      const got = await repository.getImage('v1');
      expect(got).toMatchObject({
        digest: image.digest,
        manifest: { kind: 'oci-manifest', layers: [{ digest: digestBytes(layer) }] },
        config: { ...arm, config: { Env: ['A=b'] }, rootfs: { type: 'layers' } },
        index: undefined,
      });
      expect(await repository.getImage(image.digest, { platform: arm })).toMatchObject({ digest: image.digest });
      expect(await repository.getImage('v2')).toBeUndefined();
      await expect(repository.getImage('v1', { platform: amd })).rejects.toMatchObject({
        code: 'ERR_REGISTRY_NO_IMAGE',
        platforms: [arm],
        message: `${server.host}/app:v1 is for linux/arm64, not for linux/amd64`,
      });
    });
  });

  test('chooses from an index by platform: the one asked for, or else linux/amd64', async () => {
    await withImages(async (repository, server) => {
      const images = {
        arm: await seedImage(server, arm),
        amd: await seedImage(server, amd),
        win: await seedImage(server, windows),
      };
      const entries = [
        { ...images.win, platform: windows },
        { ...images.arm, platform: arm },
        { ...images.amd, platform: amd },
        {
          ...stat,
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
        },
      ];
      const index = await seedIndex(server, entries);
      expect(await repository.getImage('multi')).toMatchObject({
        digest: images.amd.digest,
        config: amd,
        index: { digest: index.digest, document: { kind: 'oci-index' } },
      });
      expect(await repository.getImage('multi', { platform: { ...arm, variant: 'v8' } })).toMatchObject({
        digest: images.arm.digest,
      });
      const build = { ...windows, 'os.version': '10.0.20348' };
      expect(await repository.getImage(index.digest, { platform: build })).toMatchObject({ digest: images.win.digest });
      await expect(
        repository.getImage('multi', { platform: { os: 'linux', architecture: 's390x' } }),
      ).rejects.toMatchObject({
        code: 'ERR_REGISTRY_NO_IMAGE',
        platforms: [windows, arm, amd],
      });
    });
  });

  test('takes the only image of an index whatever it is for, and looks into images that do not say', async () => {
    await withImages(async (repository, server) => {
      const [armImage, amdImage] = [await seedImage(server, arm), await seedImage(server, amd)];
      await seedIndex(server, [{ ...armImage, platform: arm }], 'single');
      expect(await repository.getImage('single')).toMatchObject({ digest: armImage.digest });
      await seedIndex(server, [armImage, amdImage], 'silent');
      expect(await repository.getImage('silent')).toMatchObject({ digest: amdImage.digest });
      expect(await repository.getImage('silent', { platform: arm })).toMatchObject({ digest: armImage.digest });
      await expect(repository.getImage('silent', { platform: windows })).rejects.toMatchObject({
        platforms: [arm, amd],
      });
      const inner = await seedIndex(server, [{ ...armImage, platform: arm }], 'inner');
      await seedIndex(server, [{ ...amdImage, platform: amd }, inner], 'outer');
      expect(await repository.getImage('outer', { platform: arm })).toMatchObject({ digest: armImage.digest });
    });
  });

  test('says of what is no image what it is', async () => {
    await withImages(async (repository, server) => {
      const { bytes } = buildOciManifest({
        config: emptyDescriptor,
        layers: [emptyDescriptor],
        artifactType: 'x/sbom',
      });
      await server.seed('app', { manifests: [{ bytes, mediaType, tags: ['sbom'] }] });
      await seedIndex(server, [], 'empty');
      await expect(repository.getImage('sbom')).rejects.toMatchObject({
        code: 'ERR_REGISTRY_NO_IMAGE',
        message: `${server.host}/app:sbom is no image but an artifact of type "x/sbom"`,
      });
      await expect(repository.getImage('empty')).rejects.toMatchObject({
        code: 'ERR_REGISTRY_NO_IMAGE',
        platforms: [],
      });
      await seedIndex(server, [{ ...stat, platform: amd }], 'hollow');
      await expect(repository.getImage('hollow')).rejects.toMatchObject({ code: 'ERR_REGISTRY_NOT_FOUND' });
    });
  });

  test('proves the config', async () => {
    await withImages(async (repository, server) => {
      await seedImage(server, amd, ['v1']);
      const { config } = (await repository.getImage('v1'))?.manifest ?? {};
      if (config === undefined) throw new Error('unreachable');
      const forged = (bytes: number) => ({
        getImage: wrapRepository(repository, {
          openBlob: async function* () {
            yield new Uint8Array(bytes);
          },
        }).getImage,
      });
      await expect(forged(config.size).getImage('v1')).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' });
      await expect(forged(config.size + 1).getImage('v1')).rejects.toMatchObject({ code: 'ERR_SIZE_MISMATCH' });
      await expect(forged(1).getImage('v1')).rejects.toMatchObject({ code: 'ERR_SIZE_MISMATCH' });
    });
  });

  test('refuses a config that nobody should have to read', async () => {
    await withImages(async (repository, server) => {
      const { bytes } = buildOciManifest({
        config: { mediaType: mediaTypes.ociConfig, digest, size: 4_194_305 },
        layers: [],
      });
      await server.seed('app', { manifests: [{ bytes, mediaType, tags: ['v1'] }] });
      await expect(repository.getImage('v1')).rejects.toMatchObject({
        code: 'ERR_MANIFEST_TOO_LARGE',
        size: 4_194_305,
      });
    });
  });
});

describe('lists', () => {
  test('tags come a page at a time, from where one wants', async () => {
    await using server = await startRegistry({ quirks: { pageMax: 2 } });
    const tags = ['a', 'b', 'c', 'd', 'e'];
    await server.seed('app', { manifests: [{ bytes: manifest, mediaType, tags }] });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    expect(await listOf(repository.listTags())).toEqual(tags);
    expect(await listOf(repository.listTags({ last: 'b' }))).toEqual(['c', 'd', 'e']);
    expect(await listOf(repository.listTags({ pageSize: 1, last: 'c' }))).toEqual(['d', 'e']);
    server.clearRequests();
    for await (const tag of repository.listTags({ pageSize: 2 })) if (tag === 'b') break;
    expect(server.requests).toHaveLength(1);
    for (const pageSize of [0, -1, 1.5, Number.NaN])
      expect(() => repository.listTags({ pageSize })).toThrow(RangeError);
  });

  test.each(['relative', 'absolute'] as const)('repositories of the whole registry, by %s links', async (pageLink) => {
    const repositories = ['a', 'b/c', 'd'];
    await using server = await startRegistry({ repositories, quirks: { pageLink, pageMax: 1 } });
    await using registry = openRegistry({ url: server.url });
    expect(await listOf(registry.listRepositories())).toEqual(repositories);
    expect(await listOf(registry.listRepositories({ pageSize: 1, last: 'a' }))).toEqual(['b/c', 'd']);
  });

  test('the catalog asks for a right of its own', async () => {
    const users = { ann: 'secret-word' };
    await using server = await startRegistry({ repositories: ['a'], auth: { kind: 'bearer', users } });
    const credentials = async () => ({ kind: 'basic', username: 'ann', password: 'secret-word' }) as const;
    await using registry = openRegistry({ url: server.url, credentials });
    expect(await listOf(registry.listRepositories())).toEqual(['a']);
  });

  test('what is not there has a code', async () => {
    await using server = await startRegistry({ quirks: { catalog: false } });
    await using registry = openRegistry({ url: server.url });
    await expect(listOf(registry.repository('none').listTags())).rejects.toMatchObject({
      code: 'ERR_REGISTRY_NOT_FOUND',
      diagnostics: [{ code: 'NAME_UNKNOWN' }],
    });
    await expect(listOf(registry.listRepositories())).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNSUPPORTED',
      operation: 'list-repositories',
    });
  });

  test('a list of repositories without any breaks the protocol', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.end('{"tags":[]}')));
    await using registry = openRegistry({ url: server.url });
    await expect(listOf(registry.listRepositories())).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });
});

describe('a part of a blob', () => {
  const blob = digestBytes(layer);

  test.each([
    [{ from: 10, to: 20 }, layer.subarray(10, 20)],
    [{ to: 1 }, layer.subarray(0, 1)],
    [{ from: 990 }, layer.subarray(990)],
    [{ from: 990, to: 5_000 }, layer.subarray(990)],
    [{ from: 7, to: 7 }, new Uint8Array()],
    [{}, layer],
  ])('%j is read, from a registry with ranges and from one without', async (range, expected) => {
    await using server = await startRegistry();
    await server.seed('app', { blobs: [layer] });
    await using plain = await startScriptedServer(afterPing((_, response) => void response.end(layer)));
    for (const { url } of [server, plain]) {
      await using registry = openRegistry({ url });
      expect(await collect(registry.repository('app').openBlob(blob, range))).toEqual(expected);
    }
  });

  test('more than was asked for is cut, and another range is refused', async () => {
    let range = 'bytes 10-29/1000';
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(206, { 'content-range': range }).end(layer.subarray(10, 30))),
    );
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    expect(await collect(repository.openBlob(blob, { from: 10, to: 20 }))).toEqual(layer.subarray(10, 20));
    range = 'bytes 0-19/1000';
    await expect(collect(repository.openBlob(blob, { from: 10, to: 20 }))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
    });
  });

  test('a part that nobody asked for is refused, and none of its bytes are quoted', async () => {
    const binary = new Uint8Array(1_000).map((_, at) => at % 256);
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(206, { 'content-range': 'bytes 0-999/2000' }).end(binary)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(collect(registry.repository('app').openBlob(blob))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringMatching(/answered 206 with a part of the blob, where all of it was asked for$/),
    });
  });

  test.each([
    ['a blob', new Uint8Array(500).map((_, at) => at % 256)],
    ['what is cut in the middle of gzip', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])],
  ])('a refusal whose body is %s is told by its status alone', async (_, body) => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(410, { 'content-type': 'text/plain' }).end(body)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(collect(registry.repository('app').openBlob(blob))).rejects.toThrow(/ answered 410: Gone$/);
  });

  test.each([{ from: -1 }, { from: 0.5 }, { from: 5, to: 4 }, { to: Number.NaN }])('%j is no range', async (range) => {
    await using registry = openRegistry({ url: 'http://127.0.0.1:9' });
    await expect(collect(registry.repository('app').openBlob(blob, range))).rejects.toThrow(RangeError);
  });
});

describe('a repository is an object of its own functions', () => {
  test('it spreads, its functions go alone, and one may be replaced', async () => {
    await using server = await startRegistry();
    await server.seed('app', { blobs: [layer], manifests: [{ bytes: manifest, mediaType, tags: ['v1'] }] });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    const asked: string[] = [];
    const mine: Repository = {
      ...repository,
      getManifest: (name, options) => {
        asked.push(name);
        return repository.getManifest(name, options);
      },
    };
    const { getManifest, statBlob, listTags, openBlob } = mine;
    expect((await getManifest('v1'))?.digest).toBe(digest);
    expect(await statBlob(digestBytes(layer))).toMatchObject({ size: 1_000 });
    expect(await listOf(listTags())).toEqual(['v1']);
    expect(await collect(openBlob(digestBytes(layer)))).toEqual(layer);
    expect([mine.registry, mine.path, asked]).toEqual([server.host, 'app', ['v1']]);
  });

  test('what is wrapped is used by what is made of it', async () => {
    await using server = await startRegistry();
    await seedImage(server, amd, ['v1']);
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('app');
    const asked: string[] = [];
    const counted = wrapRepository(repository, {
      getManifest: async (name, options) => {
        asked.push(name);
        if (asked.length === 1) throw new RegistryError('once', { code: 'ERR_REGISTRY_UNAVAILABLE' });
        return await repository.getManifest(name, options);
      },
      referrers: async () => undefined,
    });
    await expect(counted.getImage('v1')).rejects.toThrow('once');
    expect(await counted.getImage('v1')).toMatchObject({ config: amd });
    expect(await counted.listReferrers(digest)).toEqual([]);
    expect(asked).toEqual(['v1', 'v1', `sha256-${digest.slice(7)}`]);
  });
});

describe.skipIf(requireTool('docker-registry'))('Debian’s docker-registry', () => {
  test('shows manifest, config, tags and repositories', async () => {
    await using server = await startDebianRegistry();
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('demo/app');
    const images = await multiPlatformImage([arm, amd], { seed: 'debian' });
    const entries: Descriptor[] = [];
    for (const { configBytes, platform } of images) {
      const config = await put(repository, configBytes);
      const blob = await put(repository, layer);
      const built = buildOciManifest({
        config: { mediaType: mediaTypes.ociConfig, digest: config, size: configBytes.byteLength },
        layers: [{ mediaType: mediaTypes.ociLayer, digest: blob, size: layer.byteLength }],
      });
      await repository.putManifest(built.digest, built.bytes, { mediaType });
      entries.push({ mediaType, digest: built.digest, size: built.bytes.byteLength, platform });
    }
    const index = buildIndex({ manifests: entries });
    for (const tag of ['v1', 'v2', 'v3'])
      await repository.putManifest(tag, index.bytes, { mediaType: index.mediaType });
    expect(await repository.resolve('v1')).toEqual({
      mediaType: index.mediaType,
      digest: index.digest,
      size: index.bytes.byteLength,
    });
    expect(await repository.getImage('v1', { platform: arm })).toMatchObject({
      digest: entries[0]?.digest,
      config: arm,
    });
    expect(await listOf(repository.listTags({ pageSize: 2 }))).toEqual(['v1', 'v2', 'v3']);
    expect(await listOf(registry.listRepositories({ pageSize: 1 }))).toEqual(['demo/app']);
    const blob = digestBytes(layer);
    expect(await collect(repository.openBlob(blob, { from: 100, to: 200 }))).toEqual(layer.subarray(100, 200));
  });
});

async function put(repository: Repository, bytes: Uint8Array): Promise<Digest> {
  await using session = await beginSession(repository);
  const named = digestBytes(bytes);
  await session.put(contentOf(bytes), named);
  return named;
}
