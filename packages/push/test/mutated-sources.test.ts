import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { digestBytes } from '@slipway/digest';
import { openSource } from '@slipway/image-source';
import { mutatedSource, writeMutatedSource } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench } from './setup.ts';

let folder: string;
let bench: Bench;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-mutated-'));
  bench = await openBench();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Whether a tag is there, and all that it names is what the documents say. */
async function isTagged(repository: string): Promise<boolean> {
  const get = async (path: string): Promise<Response> =>
    await fetch(`http://${bench.registry.host}/v2/${repository}/${path}`, {
      headers: {
        accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json',
      },
    });
  const answer = await get('manifests/1');
  if (answer.status !== 200) return false;
  const { config, layers } = (await answer.json()) as {
    config: { digest: string };
    layers: { digest: string; mediaType: string }[];
  };
  const blobOf = async (digest: string): Promise<Buffer> => {
    const bytes = Buffer.from(await (await get(`blobs/${digest}`)).arrayBuffer());
    expect(digestBytes(bytes)).toBe(digest);
    return bytes;
  };
  const { rootfs } = JSON.parse(String(await blobOf(config.digest))) as { rootfs?: { diff_ids?: string[] } };
  for (const [at, { digest, mediaType }] of layers.entries()) {
    const bytes = await blobOf(digest);
    if (!mediaType.includes('tar')) continue; // nobody knows what it unpacks to
    const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
    if (rootfs?.diff_ids !== undefined) expect(digestBytes(plain)).toBe(rootfs.diff_ids[at]);
  }
  return true;
}

// benchmarks/fuzz-sources.mjs does more of them.
test.each([1, 41, 81, 121])('of mutated sources from seed %i, none arrives wrong', async (first) => {
  for (let seed = first; seed < first + 40; seed += 1) {
    const path = join(folder, String(seed));
    await writeMutatedSource(path, mutatedSource(seed));
    const source = await openSource(path, { spoolFolder: folder }).catch(() => undefined);
    const [item, ...others] = source?.items ?? [];
    if (item !== undefined && others.length === 0 && item.kind !== 'index') {
      const [result] = await bench.push(item, `f/s${seed}:1`, { verify: 'diffid' });
      expect(await isTagged(`f/s${seed}`), `seed ${seed}`).toBe(result?.ok);
      if (result?.ok === false) expect(result.error, `seed ${seed}`).toMatchObject({ code: expect.any(String) });
    }
    await source?.[Symbol.asyncDispose]();
    await rm(path, { recursive: true, force: true });
  }
});
