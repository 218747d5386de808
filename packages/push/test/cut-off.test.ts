import { createMemoryLayerCache } from '@slipway/layer-cache';
import {
  type CuttingProxy,
  cuttingProxy,
  faultProxy,
  readBack,
  requireTool,
  startDebianRegistry,
  startRegistry,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { benchAt, digestOf, imageOf, noiseBytes, plainLayer, type WatchedRegistry } from './setup.ts';

const isDebianMissing = requireTool('docker-registry');

/** A registry behind something that cuts off. */
function behind(registry: WatchedRegistry, proxy: AsyncDisposable & { readonly host: string }): WatchedRegistry {
  return {
    host: proxy.host,
    url: `http://${proxy.host}`,
    requests: registry.requests,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Bytes that got through and bytes that were cut off. */
function bytesOf({ carried }: CuttingProxy): { readonly passed: number; readonly cuts: number } {
  const sum = (isCut: boolean): number =>
    carried
      .filter((one) => one.isCut === isCut && one.path.includes('/blobs/'))
      .reduce((all, { bytes }) => all + bytes, 0);
  return { passed: sum(false), cuts: carried.filter(({ isCut }) => isCut).length };
}

describe.each([
  ['the embedded registry', false],
  ["Debian's docker-registry", true],
])('%s behind a proxy that cuts uploads off', (_, isDebian) => {
  // limit, bytes of the two layers
  test.skipIf(isDebian && isDebianMissing).each([
    [50_000, 400_000, 130_000],
    [1_000_000, 3_500_000, 2_600_000],
    [9_000_000, 12_000_000, 1_000_000],
  ])('after %i bytes takes layers of %i and %i bytes whole', async (limit, large, small) => {
    const registry = await (isDebian ? startDebianRegistry() : startRegistry());
    const proxy = await cuttingProxy({ target: registry.host, bodyBytes: limit });
    await using bench = await benchAt(behind(registry, proxy), {
      layerCache: createMemoryLayerCache({ maxBytes: 64_000_000 }),
    });
    const image = imageOf([plainLayer(noiseBytes(large)), plainLayer(noiseBytes(small))]);

    const results = await bench.push(image, 'demo/app:1');
    const digest = digestOf(results);
    const back = await readBack(registry.host, 'demo/app', '1');
    expect(back.digest).toBe(digest);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));

    const sizes = bench.events.flatMap((event) => (event.type === 'blob:pushed' ? [event.size] : []));
    const { passed, cuts } = bytesOf(proxy);
    // no byte twice but those of requests that were cut off
    expect(passed).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(cuts).toBeGreaterThan(0);
    const warnings = bench.events.filter((event) => event.type === 'warning');
    expect(warnings).toMatchObject([{ code: 'upload-cut-off' }]);

    // What one push has found out, the next of the same run knows.
    await bench.push(imageOf([plainLayer(noiseBytes(limit + 100_000))]), 'demo/app:2');
    expect(bytesOf(proxy).cuts).toBe(cuts);
  });
});

test.skipIf(isDebianMissing)('a network that ends each connection after 1 MB', async () => {
  const registry = await startDebianRegistry();
  const proxy = await faultProxy({ target: registry.host, cutAfterSent: 1_000_000 });
  await using bench = await benchAt(behind(registry, proxy));
  const image = imageOf([plainLayer(noiseBytes(4_000_000))]);
  const digest = digestOf(await bench.push(image, 'demo/app:1'));
  expect((await readBack(registry.host, 'demo/app', '1')).digest).toBe(digest);
});
