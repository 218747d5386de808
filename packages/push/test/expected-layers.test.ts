import { type Compressor, createGzipCompressor, digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { openBench, plainLayer, randomImage, textBytes } from './setup.ts';

/** A compressor that notes what it is told to expect. */
function expecting(): Compressor & { readonly expected: () => readonly number[] } {
  const gzip = createGzipCompressor();
  let expected: number[] = [];
  return {
    ...gzip,
    expect(bytes) {
      expected.push(bytes);
      gzip.expect?.(bytes);
    },
    expected() {
      const told = expected.sort((a, b) => a - b);
      expected = [];
      return told;
    },
  };
}

test('the compressor hears of the layers that no push has sent anywhere, each once', async () => {
  const gzip = expecting();
  await using bench = await openBench({ gzip });
  const image = randomImage(51);
  expect(await bench.push(image, ['a/app:1', 'a/app:2'])).toMatchObject([{ ok: true }, { ok: true }]);
  expect(gzip.expected()).toEqual([3000, 50_000, 200_000]);
  await bench.push(image, ['a/app:1', 'b/app:1']);
  expect(gzip.expected()).toEqual([]);
  const changed = { ...image, layers: [...image.layers, plainLayer(textBytes(52, 70_000))] };
  const { bytes } = randomImage(53).config;
  const diffIDs = changed.layers.map(({ diffID }) => diffID);
  const config = { ...JSON.parse(new TextDecoder().decode(bytes)), rootfs: { type: 'layers', diff_ids: diffIDs } };
  const written = new TextEncoder().encode(JSON.stringify(config));
  const rebuilt = { ...changed, config: { ...image.config, bytes: written, digest: digestBytes(written) } };
  expect(await bench.push(rebuilt, 'a/app:3')).toMatchObject([{ ok: true }]);
  expect(gzip.expected()).toEqual([70_000]);
});

test('it hears of them where nothing the registry says is believed, too', async () => {
  const gzip = expecting();
  await using bench = await openBench({ gzip });
  await bench.push(randomImage(54), 'a/app:1', { force: true });
  expect(gzip.expected()).toEqual([3000, 50_000, 200_000]);
});
