import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, encodedOf } from '@slipway/digest';
import { openSource } from '@slipway/image-source';
import { openImageStore } from '@slipway/image-store';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { seenImages } from '../../src/security/seen-images.ts';

test('the beginning of an ID is looked for among the images that are seen', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-short-ids-'));
  try {
    await using store = await openImageStore({ folder: join(folder, 'store') });
    const load = async (seed: string, name: string): Promise<string> => {
      const path = join(folder, `${seed}.tar`);
      const image = await randomImage({ seed, layers: [{ size: 10 }] });
      await writeDockerArchive(path, [{ image, references: [name] }]);
      await using source = await openSource(path);
      return (await store.load(source))[0]?.id ?? '';
    };
    const own = await load('own', 'r.test/team-a/app:1');
    const [start = ''] = encodedOf(own as Digest);
    const foreign: string[] = [];
    // One of sixteen begins with the same digit.
    for (let seed = 0; foreign.at(-1)?.[7] !== start; seed += 1) {
      foreign.push(await load(`other-${seed}`, `r.test/team-b/app:${seed}`));
    }
    const images = seenImages(store, { name: 'token:a', scopes: [parseScope('push:r.test/team-a/**')] });
    const everybody = seenImages(store, { name: 'local', scopes: [parseScope('admin')] });
    for (const text of [start, `sha256:${start}`, own]) expect(await images.inspect(text)).toMatchObject({ id: own });
    const hidden = foreign.at(-1) ?? '';
    for (const text of [hidden, encodedOf(hidden as Digest).slice(0, 12)]) {
      const failure = await images.inspect(text).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'ERR_IMAGE_STORE_NOT_FOUND', hint: undefined });
    }
    await expect(everybody.inspect(start)).rejects.toMatchObject({ hint: expect.stringContaining('Several images') });
  } finally {
    await rm(folder, { recursive: true });
  }
});
