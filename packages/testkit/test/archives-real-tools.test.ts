import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  faultProxy,
  randomImage,
  requireTool,
  runTool,
  skopeo,
  startRegistry,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
} from '../src/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-images-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(requireTool('skopeo'))('skopeo reads', () => {
  test.each([
    ['old', 'none', 'none'],
    // Debian's skopeo 1.9.3 fails on every gzip archive (`unexpected EOF`), also on one made by gzip itself.
    ['old', 'zstd', 'none'],
    ['old', 'none', 'gzip'],
    ['new', 'none', 'none'],
    ['new', 'none', 'gzip'],
  ] as const)('a docker archive: %s layout, %s archive, %s layers', async (layout, compression, layerCompression) => {
    const base = await randomImage({ seed: 'base' });
    const image = await randomImage({ layers: [...base.layers, { size: 100_000, kind: 'random' }, base.layers[0]!] });
    const path = join(folder, `${layout}-${compression}-${layerCompression}.tar`);
    await writeDockerArchive(path, [{ image, references: ['app:v1'] }], { layout, compression, layerCompression });
    await using registry = await startRegistry();
    const copied = await skopeo([
      'copy',
      '--dest-tls-verify=false',
      `docker-archive:${path}`,
      `docker://${registry.host}/app:v1`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
    expect(await registry.verify()).toEqual({ tags: 1, manifests: 1, blobs: 4 });
    expect(registry.hasBlob('app', image.imageID)).toBe(true);
  });

  test.each(['gzip', 'none', 'zstd'] as const)('an OCI layout and archive with %s layers', async (layerCompression) => {
    const image = await randomImage({ seed: layerCompression });
    await writeOciLayout(join(folder, layerCompression), [{ content: image, refName: 'v1' }], { layerCompression });
    await writeOciArchive(join(folder, `${layerCompression}.tar`), [{ content: image, refName: 'v1' }], {
      layerCompression,
    });
    await using registry = await startRegistry();
    for (const [source, tag] of [
      [`oci:${folder}/${layerCompression}:v1`, 'a'],
      [`oci-archive:${folder}/${layerCompression}.tar:v1`, 'b'],
    ]) {
      const copied = await skopeo([
        'copy',
        '--dest-tls-verify=false',
        `${source}`,
        `docker://${registry.host}/app:${tag}`,
      ]);
      expect(copied).toMatchObject({ code: 0 });
    }
    expect(await registry.verify()).toEqual({ tags: 2, manifests: 1, blobs: 3 });
  });
});

test.skipIf(requireTool('skopeo'))('skopeo pushes with a bearer token, over a bad network', async () => {
  const image = await randomImage({ seed: 'bearer', layers: [{ size: 2_000_000, kind: 'random' }] });
  await writeOciLayout(join(folder, 'bearer'), [{ content: image, refName: 'v1' }]);
  const users = { me: 'secret' };
  await using registry = await startRegistry({ auth: { kind: 'bearer', users, tokenServer: 'separate' } });
  await using proxy = await faultProxy({ target: registry.host, cutAfterSent: 1_000_000, cuts: 1 });
  const copy = [
    'copy',
    '--dest-tls-verify=false',
    '--dest-creds=me:secret',
    `oci:${folder}/bearer:v1`,
    `docker://${proxy.host}/app:v1`,
  ];
  expect(await skopeo(copy)).toMatchObject({ code: 1 });
  expect(await skopeo(copy)).toMatchObject({ code: 0 });
  expect(await registry.verify()).toEqual({ tags: 1, manifests: 1, blobs: 2 });
  expect([proxy.cuts, registry.tokensIssued > 0]).toEqual([1, true]);
});

test.skipIf(requireTool('umoci'))('umoci unpacks a layout', async () => {
  const image = await randomImage({ seed: 'umoci' });
  await writeOciLayout(join(folder, 'umoci'), [{ content: image, refName: 'v1' }]);
  const unpacked = await runTool('umoci', [
    'unpack',
    '--rootless',
    '--image',
    `${folder}/umoci:v1`,
    join(folder, 'bundle'),
  ]);
  expect(unpacked).toMatchObject({ code: 0 });
  expect(await readdir(join(folder, 'bundle', 'rootfs'))).toHaveLength(2);
});
