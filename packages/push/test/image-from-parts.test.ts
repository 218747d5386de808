import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  imageFrom,
  layerFrom,
  openRegistrySource,
  openSource,
  type RegistryReader,
  type SourceImage,
} from '@slipway/image-source';
import { mediaTypes, parseManifest } from '@slipway/manifest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { openRegistry, type RequestRecord } from '@slipway/registry-client';
import {
  multiPlatformImage,
  randomImage,
  readBack,
  requireTool,
  runTool,
  skopeo,
  startDebianRegistry,
  temporaryFolder,
  writeOciLayout,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { createPusher, type PushEvent } from '../src/index.ts';
import { type Bench, benchAt, countOf, digestOf, openBench, outcomes, type WatchedRegistry } from './setup.ts';

/** Pushes an OCI layout with a base image, of several platforms if more than one is given. */
async function pushBase(
  bench: Bench<WatchedRegistry>,
  folder: string,
  format: 'oci' | 'docker' = 'oci',
): Promise<void> {
  const layout = join(folder, 'base');
  const content = await randomImage({
    layers: [
      { seed: 1, size: 200_000 },
      { seed: 2, size: 50_000 },
    ],
  });
  await writeOciLayout(layout, [{ content, refName: 'v1' }], { format });
  await using source = await openSource(layout);
  digestOf(await bench.push(source.items[0]!, 'base/app:1'));
}

/**
 * Opens an image of the bench's registry as a program that has nothing of it does; `requests` tells what it asked for.
 */
function baseFrom(
  bench: Bench<WatchedRegistry>,
  requests: RequestRecord[] = [],
): (text: string) => ReturnType<typeof openRegistrySource> {
  return async (text) => {
    const reference = parseReference(`${bench.registry.host}/${text.replace('docker://', '')}`);
    const registry = openRegistry({ url: bench.registry.url, onRequest: (record) => requests.push(record) });
    const repository = registry.repository(reference.repository);
    const reader: RegistryReader = {
      registry: reference.registry,
      path: reference.repository,
      getManifest: (tagOrDigest, options) => repository.getManifest(tagOrDigest, options),
      openBlob: (digest, options) => repository.openBlob(digest, options),
      listReferrers: async () => [],
    };
    return await openRegistrySource(reader, reference);
  };
}

const app = layerFrom(
  { 'index.js': 'console.log("hello")\n', 'bin/run': { content: '#!/bin/sh\n', mode: 0o755 } },
  { to: '/app' },
);

describe.skipIf(requireTool('docker-registry'))('against a real registry', () => {
  test('the layers of a base are mounted, and neither read nor sent', async () => {
    await using folder = await temporaryFolder();
    await using bench = await benchAt(await startDebianRegistry());
    await pushBase(bench, folder.path);
    bench.events.length = 0;
    const asked: RequestRecord[] = [];
    await using source = await imageFrom({
      base: 'docker://base/app:1',
      layers: [app],
      config: { Cmd: ['/app/bin/run'], Env: { A: 'b' } },
      annotations: { 'com.example': 'yes' },
    }).open({ openBase: baseFrom(bench, asked) });
    const image = source.items[0] as SourceImage;
    // Without any memory of the base: only what the source says of it helps.
    const { transfers, gzip } = bench;
    const pusher = createPusher({ transfers, gzip, metadataStore: createMemoryMetadataStore() });
    const onEvent = (event: PushEvent): number => bench.events.push(event);
    const digest = digestOf(await pusher.push(image, [bench.destination('team/app:1')], { onEvent }));
    expect(outcomes(bench.events)).toMatchObject({ 'blob:mounted': 2, 'blob:pushed': 2 });
    expect(countOf(asked.map(({ url }) => /\/(manifests|blobs)\//.exec(String(url))?.[1] ?? 'ping'))).toMatchObject({
      manifests: 1,
      blobs: 1, // the config
    });
    const back = await readBack(bench.registry.host, 'team/app', '1');
    expect(back.digest).toBe(digest);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    const raw = await skopeo(['inspect', '--raw', '--tls-verify=false', `docker://${bench.registry.host}/team/app:1`]);
    const manifest = parseManifest(new TextEncoder().encode(raw.stdout), undefined);
    expect(manifest).toMatchObject({
      kind: 'oci-manifest',
      annotations: { 'com.example': 'yes', 'org.opencontainers.image.base.digest': expect.any(String) },
      layers: [{ mediaType: mediaTypes.ociLayerGzip }, {}, { mediaType: mediaTypes.ociLayerGzip }],
    });
  });

  test.skipIf(requireTool('umoci'))('umoci and skopeo unpack and describe what was built', async () => {
    await using folder = await temporaryFolder();
    await using bench = await benchAt(await startDebianRegistry());
    const below = layerFrom({ 'etc/motd': 'old', 'etc/keep': 'kept', 'var/cache/x': 'y' });
    const above = layerFrom(
      { 'etc/new': 'new', link: { type: 'symlink', target: 'etc/new' } },
      { remove: ['/etc/motd', '/var/cache/'] },
    );
    await using source = await imageFrom({
      layers: [below, app, above],
      config: {
        Entrypoint: ['/app/bin/run'],
        User: '1000',
        Labels: { a: 'b' },
        ExposedPorts: [80],
        WorkingDir: '/app',
      },
    }).open();
    digestOf(await bench.push(source.items[0]!, 'built/app:1'));
    const reference = `docker://${bench.registry.host}/built/app:1`;
    const config = JSON.parse((await skopeo(['inspect', '--config', '--tls-verify=false', reference])).stdout);
    expect(config).toMatchObject({
      os: 'linux',
      config: {
        Entrypoint: ['/app/bin/run'],
        User: '1000',
        Labels: { a: 'b' },
        ExposedPorts: { '80/tcp': {} },
        WorkingDir: '/app',
      },
      history: [{ created_by: 'slipway' }, {}, {}],
    });
    const layout = join(folder.path, 'layout');
    expect((await skopeo(['copy', '-q', '--src-tls-verify=false', reference, `oci:${layout}:1`])).code).toBe(0);
    const bundle = join(folder.path, 'bundle');
    expect(await runTool('umoci', ['unpack', '--rootless', '--image', `${layout}:1`, bundle])).toMatchObject({
      code: 0,
    });
    const text = (path: string): Promise<string> => readFile(join(bundle, 'rootfs', path), 'utf8');
    expect(await text('app/index.js')).toBe('console.log("hello")\n');
    expect(await text('link')).toBe('new');
    expect(await text('etc/keep')).toBe('kept');
    await expect(text('etc/motd')).rejects.toThrow('ENOENT');
    await expect(text('var/cache/x')).rejects.toThrow('ENOENT');
  });

  test('every platform of a base gets the layer', async () => {
    await using folder = await temporaryFolder();
    await using bench = await benchAt(await startDebianRegistry());
    const layout = join(folder.path, 'multi');
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    await writeOciLayout(layout, [{ content: await multiPlatformImage(platforms), refName: 'v1' }]);
    await using source = await imageFrom({ base: layout, layers: [app] }).open();
    digestOf(await bench.push(source.items[0]!, 'multi/app:1'));
    const raw = await skopeo(['inspect', '--raw', '--tls-verify=false', `docker://${bench.registry.host}/multi/app:1`]);
    const index = parseManifest(new TextEncoder().encode(raw.stdout), undefined);
    if (index.kind !== 'oci-index') throw new Error(`expected an index, got ${index.kind}`);
    expect(index.manifests.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64']);
    for (const { digest } of index.manifests) {
      const { layers } = await readBack(bench.registry.host, 'multi/app', digest);
      expect(layers.at(-1)?.diffID).toBe((await app.open()).layer.diffID);
    }
  });
});

test('the family of the base is kept, also without a manifest', async () => {
  for (const [format, kind] of [
    ['oci', 'oci-manifest'],
    ['docker', 'docker-manifest'],
  ] as const) {
    await using folder = await temporaryFolder();
    await using bench = await openBench();
    await pushBase(bench, folder.path, format);
    await using source = await imageFrom({ base: 'docker://base/app:1', layers: [app] }).open({
      openBase: baseFrom(bench),
    });
    digestOf(await bench.push(source.items[0]!, 'team/app:1'));
    const manifest = await bench.registry.manifest('team/app', '1');
    const base = await bench.registry.manifest('base/app', '1');
    const parsed = parseManifest(manifest!.bytes, manifest!.mediaType);
    if (parsed.kind !== kind) throw new Error(`expected ${kind}, got ${parsed.kind}`);
    const given = parseManifest(base!.bytes, base!.mediaType);
    if (given.kind !== kind) throw new Error(`expected ${kind}, got ${given.kind}`);
    expect(parsed.layers.slice(0, 2)).toEqual(given.layers);
  }
});

test.each(['docker', 'oci'] as const)('it can go out as %s, whatever its own family', async (format) => {
  await using bench = await openBench();
  await using source = await imageFrom({
    layers: [app],
    annotations: { a: 'b' },
    format: format === 'oci' ? 'docker' : 'oci',
  }).open();
  digestOf(await bench.push(source.items[0]!, 'team/app:1', { format }));
  const { mediaType } = (await bench.registry.manifest('team/app', '1'))!;
  expect(mediaType).toBe(format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest);
  expect(bench.events.filter(({ type }) => type === 'warning')).toHaveLength(format === 'docker' ? 1 : 0);
});

test('layers that are not compressed stay so in a base, and are compressed on top', async () => {
  await using folder = await temporaryFolder();
  await using bench = await openBench();
  const layout = join(folder.path, 'plain');
  await writeOciLayout(layout, [{ content: await randomImage({ layers: [{ seed: 1 }] }) }], {
    layerCompression: 'none',
  });
  await using source = await imageFrom({ base: layout, layers: [app] }).open();
  digestOf(await bench.push(source.items[0]!, 'team/app:1'));
  const manifest = await bench.registry.manifest('team/app', '1');
  const parsed = parseManifest(manifest!.bytes, manifest!.mediaType);
  if (parsed.kind !== 'oci-manifest') throw new Error(parsed.kind);
  expect(parsed.layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.ociLayer, mediaTypes.ociLayerGzip]);
});

test('a file that changes between the diffID and the upload fails the push, and names the file', async () => {
  await using folder = await temporaryFolder();
  await using bench = await openBench();
  const file = join(folder.path, 'data');
  await writeFile(file, 'one');
  await using source = await imageFrom({ layers: [layerFrom(file)] }).open();
  await writeFile(file, 'other');
  const [result] = await bench.push(source.items[0]!, 'team/app:1');
  expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
  expect(String((result as { error: Error }).error.cause)).toContain('data');
  expect(await bench.registry.manifest('team/app', '1')).toBeUndefined();
});
