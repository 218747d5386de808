import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Content, type Digest, digestBytes, digestStream } from '@slipway/digest';
import { acquireFileLock } from '@slipway/file-lock';
import { type ImageSource, openSource } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openImageStore } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);
const gibibyte = 1024 ** 3;

/** Zeros that are made while they are read. */
function zeros(size: number): Content {
  const chunk = new Uint8Array(1024 * 1024);
  return {
    size,
    async *open({ from = 0 } = {}) {
      for (let left = size - from; left > 0; left -= chunk.byteLength)
        yield chunk.subarray(0, Math.min(left, chunk.byteLength));
    },
  };
}

/** A source of one image with one layer, without a manifest, as a docker archive gives it. */
function sourceOf(content: Content, diffID: Digest, compression: 'none' | 'gzip'): ImageSource {
  const rootfs = { type: 'layers', diff_ids: [diffID] };
  const bytes = new TextEncoder().encode(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs }));
  const config = { mediaType: mediaTypes.dockerConfig, digest: digestBytes(bytes), bytes };
  const layers = [{ diffID, content, compression, descriptor: undefined }];
  return {
    kind: 'docker-archive',
    name: 'large',
    items: [{ kind: 'image', names: ['large:1'], platform: undefined, config, layers, manifest: undefined }],
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The most memory that was in use while `work` ran, beyond what was in use before, in bytes. */
async function peakOf(work: (look: () => void) => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  await work(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  });
  return peak - before;
}

describe('memory is bounded', () => {
  const size = 2 * gibibyte;
  // What `head -c 2G /dev/zero | sha256sum` says.
  const diffID = 'sha256:a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51' as Digest;
  const bound = 200 * 1024 * 1024;

  test('a plain layer of 2 GiB is loaded and saved', { timeout: 120_000 }, async () => {
    await using store = await openImageStore({ folder: at('store') });
    const peak = await peakOf(async (look) => {
      await store.load(sourceOf(zeros(size), diffID, 'none'), { onProgress: look });
      let saved = 0;
      for await (const chunk of await store.save(['large:1'])) {
        saved += chunk.byteLength;
        look();
        if (saved > size / 8) break; // the rest is more of the same
      }
      expect(saved).toBeGreaterThan(bound);
    });
    expect(peak).toBeLessThan(bound);
  });

  test('a compressed layer that unpacks to 2 GiB is checked', { timeout: 120_000 }, async () => {
    await using store = await openImageStore({ folder: at('store') });
    const member = gzipSync(new Uint8Array(16 * 1024 * 1024));
    const packed = Buffer.concat(Array.from({ length: size / (16 * 1024 * 1024) }, () => member));
    const content: Content = {
      size: packed.byteLength,
      async *open() {
        for (let from = 0; from < packed.byteLength; from += 4096) yield packed.subarray(from, from + 4096);
      },
    };
    const peak = await peakOf(async (look) => {
      await store.load(sourceOf(content, diffID, 'gzip'), { onProgress: look });
    });
    expect(peak).toBeLessThan(bound);
  });
});

describe('what others hold', () => {
  test('a lock that is held by a living process is waited for, then told', async () => {
    await using store = await openImageStore({ folder: at('store'), lockTimeoutMs: 50 });
    await using _lock = await acquireFileLock(at('store/.slipway/lock'));
    await writeDockerArchive(at('image.tar'), [{ image: await randomImage() }]);
    await using source = await openSource(at('image.tar'));
    await expect(store.load(source)).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_LOCKED' });
    expect(await readdir(at('store/blobs/sha256'))).toEqual([]);
    expect(await store.list()).toEqual([]); // nobody who reads has to wait
  });

  test('a workspace of a living process stays, whoever opens the store', async () => {
    await using store = await openImageStore({ folder: at('store') });
    const [image] = await store.load(sourceOf(zeros(10), (await digestStream(zeros(10).open())).digest, 'none'));
    await using source = await store.open(image!.id);
    await using other = await openImageStore({ folder: at('store') });
    await other.collectGarbage({ graceMs: 0 });
    const folders = (await readdir(at('store/.slipway/work'))).filter((name) => !name.endsWith('.lock'));
    expect(folders).toHaveLength(1);
    expect(source.items).toHaveLength(1);
  });
});

test('blobs of another digest algorithm lie in their own folder, and are saved under their long names', async () => {
  const bytes = new TextEncoder().encode('a layer');
  const digest = digestBytes(bytes, 'sha512');
  const rootfs = { type: 'layers', diff_ids: [digestBytes(bytes)] };
  const config = new TextEncoder().encode(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs }));
  const manifest = buildOciManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: digestBytes(config), size: config.byteLength },
    layers: [{ mediaType: mediaTypes.ociLayer, digest, size: bytes.byteLength }],
  });
  for (const [name, content] of [
    [`sha512/${digest.slice(7)}`, bytes],
    [`sha256/${digestBytes(config).slice(7)}`, config],
    [`sha256/${manifest.digest.slice(7)}`, manifest.bytes],
  ] as const) {
    await mkdir(join(at('layout/blobs'), name, '..'), { recursive: true });
    await writeFile(join(at('layout/blobs'), name), content);
  }
  const { mediaType, digest: manifestDigest, size } = manifest;
  const annotations = { 'org.opencontainers.image.ref.name': 'demo/long:1' };
  const index = { schemaVersion: 2, manifests: [{ mediaType, digest: manifestDigest, size, annotations }] };
  await writeFile(at('layout/index.json'), JSON.stringify(index));
  await writeFile(at('layout/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');

  await using store = await openImageStore({ folder: at('store') });
  await using source = await openSource(at('layout'));
  await store.load(source);
  expect(await readdir(at('store/blobs/sha512'))).toEqual([digest.slice(7)]);
  const file = await open(at('saved.tar'), 'w');
  for await (const chunk of await store.save(['demo/long:1'])) await file.write(chunk);
  await file.close();
  await using saved = await openSource(`oci-archive:${at('saved.tar')}`);
  expect(saved.items).toMatchObject([{ manifest: { digest: manifestDigest }, layers: [{ descriptor: { digest } }] }]);
});
