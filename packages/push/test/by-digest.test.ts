import { digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { requireTool, skopeo, startDebianRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { benchAt, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

const missing = requireTool('docker-registry', 'skopeo');
const other = `sha256:${'a'.repeat(64)}`;

/** An image that has its manifest already, as layouts have it. */
function keptImage(): SourceImage & { readonly manifest: NonNullable<SourceImage['manifest']> } {
  const layer = plainLayer(textBytes(5, 4000));
  const descriptor = { mediaType: mediaTypes.ociLayer, digest: layer.diffID, size: 4000 };
  const base = imageOf([{ ...layer, descriptor }]);
  const config = { mediaType: mediaTypes.ociConfig, digest: base.config.digest, size: base.config.bytes.byteLength };
  return {
    ...base,
    config: { ...base.config, mediaType: mediaTypes.ociConfig },
    manifest: buildOciManifest({ config, layers: [descriptor] }),
  };
}

const image = keptImage();
const { digest } = image.manifest;

describe('a destination that names a digest', () => {
  test.skipIf(missing)('gets the image without a tag, in a real registry too', async () => {
    await using bench = await benchAt(await startDebianRegistry());
    const results = await bench.push(image, `demo/app@${digest}`);
    expect(results).toMatchObject([{ ok: true, digest, unchanged: false, reference: { tag: undefined, digest } }]);
    expect(bench.events).toContainEqual(expect.objectContaining({ type: 'manifest:pushed', tag: undefined, digest }));
    const tags = await fetch(`${bench.registry.url}/v2/demo/app/tags/list`);
    expect(((await tags.json()) as { readonly tags?: unknown }).tags ?? []).toEqual([]);
    const name = `docker://${bench.registry.host}/demo/app@${digest}`;
    const read = await skopeo(['inspect', '--tls-verify=false', '--raw', name]);
    expect(read.stdout).toBe(new TextDecoder().decode(image.manifest.bytes));
    expect(await bench.push(image, `demo/app@${digest}`)).toMatchObject([{ ok: true, unchanged: true }]);
  });

  test('goes beside one that names a tag', async () => {
    await using bench = await openBench();
    const results = await bench.push(image, [`demo/app@${digest}`, 'demo/app:1', `other/app@${digest}`]);
    expect(results.map((result) => result.ok && result.reference.tag)).toEqual([undefined, '1', undefined]);
    expect(bench.registry.tags('demo/app')).toEqual(['1']);
    expect(bench.registry.tags('other/app')).toEqual([]);
    await bench.registry.verify();
  });

  test('is told when the source has another, and nothing is sent for it', async () => {
    await using bench = await openBench();
    const results = await bench.push(image, `demo/app@${other}`);
    expect(results).toMatchObject([
      {
        ok: false,
        error: {
          code: 'ERR_PUSH_DIGEST_REFERENCE',
          message: `Could not push ${bench.registry.host}/demo/app@${other}: the image is ${digest}`,
          hint: expect.stringContaining(`push to @${digest}`),
        },
      },
    ]);
    expect(bench.requests()).toEqual(['GET ping']);
  });

  test('stops no other', async () => {
    await using bench = await openBench();
    const results = await bench.push(image, [`demo/app@${other}`, 'demo/app:1']);
    expect(results.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test.each([
    ['converted', { format: 'docker' }],
    ['compressed', { compression: 'gzip' }],
  ] as const)('is told when the image is %s, and has another digest then', async (_name, options) => {
    await using bench = await openBench();
    const refused = await bench.push(image, `demo/app@${digest}`, options);
    expect(refused).toMatchObject([{ ok: false, error: { code: 'ERR_PUSH_DIGEST_REFERENCE' } }]);
    expect(bench.registry.manifests('demo/app')).toEqual([]);
    const [tagged] = await bench.push(image, 'demo/app:1', options);
    if (tagged?.ok !== true) throw tagged?.error;
    const again = await bench.push(image, [`demo/app@${digest}`, `demo/app@${tagged.digest}`], options);
    expect(again.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test('is looked at by a dry run', async () => {
    await using bench = await openBench();
    const plan = { dryRun: true } as const;
    expect(await bench.push(image, `demo/app@${digest}`, plan)).toMatchObject([{ ok: true, unchanged: false }]);
    expect(await bench.push(image, `demo/app@${other}`, plan)).toMatchObject([{ ok: false }]);
    expect(bench.registry.manifests('demo/app')).toEqual([]);
  });

  test('may say it in the algorithm of the source', async () => {
    await using bench = await openBench();
    const digest512 = digestBytes(image.manifest.bytes, 'sha512');
    const wrong = `sha512:${'a'.repeat(128)}`;
    const results = await bench.push(image, [`demo/app@${digest512}`, `demo/app@${wrong}`], { dryRun: true });
    expect(results.map(({ ok }) => ok)).toEqual([true, false]);
  });

  test.each([
    ['a registry of old', `demo/app@${digest}`, { protocol: 'auto' }, 'not pushed by digest'],
    ['schema 1', `demo/app@${digest}`, { format: 'schema1' }, 'not pushed by digest'],
    ['a tag beside it', `demo/app:1@${digest}`, {}, 'not both'],
  ] as const)('is refused before any request with %s', async (_name, reference, options, message) => {
    await using bench = await openBench();
    await expect(bench.push(image, reference, options)).rejects.toMatchObject({
      code: 'ERR_PUSH_DIGEST_REFERENCE',
      message: expect.stringContaining(message),
    });
    expect(bench.requests()).toEqual([]);
  });
});

test.skipIf(missing)(
  'an image that its layout names by SHA-512 is told by the digest that the registry has',
  async () => {
    await using bench = await benchAt(await startDebianRegistry());
    const named = { ...image, manifest: { ...image.manifest, digest: digestBytes(image.manifest.bytes, 'sha512') } };
    const [first] = await bench.push(named, 'demo/app:1');
    expect(first).toMatchObject({ ok: true, digest, unchanged: false });
    const name = `docker://${bench.registry.host}/demo/app@${digest}`;
    expect(await skopeo(['inspect', '--tls-verify=false', '--raw', name])).toMatchObject({ code: 0 });
    expect(await bench.push(named, 'demo/app:1')).toMatchObject([{ ok: true, digest, unchanged: true }]);
    expect(await bench.push(named, 'demo/app:1', { dryRun: true })).toMatchObject([{ digest, unchanged: true }]);
  },
);
