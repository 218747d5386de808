import { mkdir, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { flipByte, randomLayer, startRegistry, temporaryFolder } from '../src/index.ts';
import { clientOf, seedImage, someBlob } from './client.ts';

describe('a folder', () => {
  test('keeps blobs, manifests, tags and open sessions for the next registry', async () => {
    await using folder = await temporaryFolder();
    const { bytes, digest } = someBlob();
    let location: string;
    let manifest: Uint8Array;
    {
      await using registry = await startRegistry({ folder: folder.path });
      manifest = await seedImage(registry, 'team/app', 'v1');
      const { begin, patch } = clientOf(registry);
      location = (await patch(await begin('team/app'), bytes.subarray(0, 400))).header('location') ?? '';
    }
    await using registry = await startRegistry({ folder: folder.path });
    expect(registry.repositories()).toEqual(['team/app']);
    expect(registry.tags('team/app')).toEqual(['v1']);
    expect((await registry.manifest('team/app', 'v1'))?.digest).toBe(digestBytes(manifest));
    expect(await registry.verify()).toEqual({ tags: 1, manifests: 1, blobs: 2 });
    const { patch, put } = clientOf(registry);
    const rest = await patch(location, bytes.subarray(400), { 'content-range': '400-999' });
    expect([rest.status, rest.header('range')]).toEqual([202, '0-999']);
    expect((await put(rest.header('location') ?? '', digest)).status).toBe(201);
    expect(await readdir(join(folder.path, 'uploads'))).toEqual([]);
  });

  test('is empty again after everything was deleted', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({ folder: folder.path });
    const manifest = await seedImage(registry);
    const { send } = clientOf(registry);
    const { config, layers } = JSON.parse(new TextDecoder().decode(manifest));
    for (const path of [`manifests/${digestBytes(manifest)}`, `blobs/${config.digest}`, `blobs/${layers[0].digest}`]) {
      expect((await send(`/v2/app/${path}`, { method: 'DELETE' })).status).toBe(202);
    }
    expect(await readdir(join(folder.path, 'blobs', 'sha256'))).toEqual([]);
    expect(registry.tags('app')).toEqual([]);
  });

  test('a content that another repository holds stays', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({ folder: folder.path });
    const { bytes, digest } = someBlob();
    await registry.seed('a', { blobs: [bytes] });
    await registry.seed('b', { blobs: [bytes] });
    await clientOf(registry).send(`/v2/a/blobs/${digest}`, { method: 'DELETE' });
    expect([registry.hasBlob('a', digest), await registry.blobBytes('b', digest)]).toEqual([false, bytes]);
  });

  test('rubbish of an upload that never began is cleared away', async () => {
    await using folder = await temporaryFolder();
    await (await startRegistry({ folder: folder.path }))[Symbol.asyncDispose]();
    await mkdir(join(folder.path, 'uploads', 'rubbish'));
    await using registry = await startRegistry({ folder: folder.path });
    expect([registry.sessions(), await readdir(join(folder.path, 'uploads'))]).toEqual([[], []]);
  });

  test.each([
    ['flipped', (path: string) => flipByte(path, 0), /holds sha256:/],
    ['removed', (path: string) => rm(path), /holds nothing[\s\S]*has 0 bytes/],
    [
      'shortened',
      (path: string) => truncate(path, 10),
      /holds sha256:[0-9a-f]+[\s\S]*has 10 bytes, 1000 were promised/,
    ],
  ] as const)('verify finds a blob that was %s', async (_, harm, expected) => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({ folder: folder.path });
    const { layers } = JSON.parse(new TextDecoder().decode(await seedImage(registry)));
    await harm(join(folder.path, 'blobs', ...layers[0].digest.split(':')));
    await expect(registry.verify()).rejects.toMatchObject({
      code: 'ERR_TESTKIT_INCONSISTENT',
      message: expect.stringMatching(expected),
    });
  });
});

test('verify finds what a manifest names and the repository has not', async () => {
  await using registry = await startRegistry();
  const manifest = await seedImage(registry);
  const { layers } = JSON.parse(new TextDecoder().decode(manifest));
  await clientOf(registry).send(`/v2/app/blobs/${layers[0].digest}`, { method: 'DELETE' });
  await expect(registry.verify()).rejects.toThrow(`${layers[0].digest} is missing`);
});

test('a layer is stored as it streams, a quarter of a GiB in little memory', async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry({ folder: folder.path });
  const layer = await randomLayer({ size: 256 * 1024 * 1024, kind: 'zeros', files: 1 });
  const { begin, send, put } = clientOf(registry);
  let peak = 0;
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of layer.tar.open()) {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
      yield chunk;
    }
  }
  const before = process.memoryUsage().arrayBuffers;
  const patched = await send(await begin(), { method: 'PATCH', body: watched() });
  expect((await put(patched.header('location') ?? '', layer.diffID)).status).toBe(201);
  expect(peak - before).toBeLessThan(128 * 1024 * 1024);
});
