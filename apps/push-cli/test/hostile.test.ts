import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type EmbeddedRegistry, startRegistry, type TemporaryFolder, temporaryFolder } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HandmadeMember, tarOf } from '../../../packages/image-source/test/handmade-tar.ts';
import { runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;

beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const layer = tarOf({ name: 'file', data: 'content' });
const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
});
const list = (layerPath: string): string =>
  JSON.stringify([{ Config: 'config.json', RepoTags: ['a:1'], Layers: [layerPath] }]);

function archive(layerPath: string, ...more: readonly HandmadeMember[]): Buffer {
  return tarOf({ name: 'config.json', data: config }, { name: 'manifest.json', data: list(layerPath) }, ...more);
}

const archives: readonly (readonly [name: string, bytes: Buffer, text: string])[] = [
  ['a layer outside of the archive', archive('../../../../etc/passwd'), 'etc/passwd'],
  ['a layer at an absolute path', archive('/etc/passwd'), 'etc/passwd'],
  ['a link that leads out', archive('l', { name: 'l', type: '2', link: '../../etc/passwd' }), '"l"'],
  ['links in a ring', archive('a', { name: 'a', type: '2', link: 'b' }, { name: 'b', type: '2', link: 'a' }), '"a"'],
  [
    'two lists of images',
    archive('l', { name: 'l', data: layer }, { name: 'manifest.json', data: list('l') }),
    'manifest.json',
  ],
  ['a size beyond all disks', archive('l', { name: 'l', size: 2 ** 60 }), ''],
  ['a size below zero', archive('l', { name: 'l', size: -512 }), ''],
  ['a broken header', archive('l', { name: 'l', data: layer, corrupt: true }), ''],
  [
    'a layer other than the config says',
    archive('l', { name: 'l', data: tarOf({ name: 'file', data: 'other' }) }),
    'expected',
  ],
  [
    'a compressed layer other than the config says',
    archive('l', { name: 'l', data: gzipSync(tarOf({ name: 'x' })) }),
    'as the image',
  ],
  ['a device in place of a layer', archive('l', { name: 'l', type: '3' }), '"l"'],
  ['a list that is no JSON', tarOf({ name: 'manifest.json', data: '[{' }), 'JSON'],
  ['a list nested without end', tarOf({ name: 'manifest.json', data: '['.repeat(200_000) }), ''],
];

test.each(archives)('a hostile archive is refused: %s', async (name, bytes, text) => {
  const path = join(folder.path, `${name.replaceAll(' ', '-')}.tar`);
  await writeFile(path, bytes);
  await expectRefused(path, text);
});

const ociManifest = (layers: readonly object[], configDigest = sha256(config)): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: configDigest, size: config.length },
    layers,
  });
const stored = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(layer), size: layer.byteLength };
const zipped = gzipSync(tarOf({ name: 'other' }));

const layouts: readonly (readonly [
  name: string,
  blobs: readonly (string | Uint8Array)[],
  manifest: string,
  text: string,
])[] = [
  ['a digest that is a path', [config], ociManifest([{ ...stored, digest: 'sha256:../../../etc/passwd' }]), 'digest'],
  ['a size that is not the layer’s', [config, layer], ociManifest([{ ...stored, size: 7 }]), 'bytes'],
  ['a layer that is missing', [config], ociManifest([stored]), 'missing'],
  ['a config that is missing', [layer], ociManifest([stored], sha256('nothing')), 'missing'],
  [
    'a layer that unpacks to another than the config says',
    [config, zipped],
    ociManifest([{ mediaType: `${stored.mediaType}+gzip`, digest: sha256(zipped), size: zipped.byteLength }]),
    'as the image',
  ],
];

test.each(layouts)('a hostile layout is refused: %s', async (name, blobs, manifest, text) => {
  const path = join(folder.path, `layout-${name.replaceAll(' ', '-')}`);
  await mkdir(join(path, 'blobs/sha256'), { recursive: true });
  for (const blob of [...blobs, manifest]) {
    await writeFile(join(path, 'blobs', sha256(blob).replace(':', '/')), blob);
  }
  const entry = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: sha256(manifest),
    size: manifest.length,
  };
  await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  await writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await expectRefused(path, text);
});

/** Exit code 4, one line that says why, and nothing in the registry. */
async function expectRefused(path: string, text: string): Promise<void> {
  const { code, stdout, stderr } = await runCli([
    'push',
    path,
    `${registry.host}/hostile/app:v1`,
    '--plain-http',
    '--no-cache',
    // Only this finds a layer that is well compressed and of another content.
    '--verify',
    'diffid',
  ]);
  expect({ code, stdout, stderr }).toEqual({ code: 4, stdout: '', stderr: expect.stringContaining(text) });
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(registry.tags('hostile/app')).toEqual([]);
}
