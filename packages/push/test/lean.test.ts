import { gunzipSync } from 'node:zlib';
import {
  type Content,
  compressionPass,
  contentOf,
  createGzipCompressor,
  digestBytes,
  storedSize,
} from '@slipway/digest';
import type { LayerCache } from '@slipway/layer-cache';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { looksIncompressible, mostShrunk, sureBytes } from '../src/form/incompressible-layer.ts';
import { LeanForm, NotLean } from '../src/form/lean-form.ts';
import { PlainReader } from '../src/form/plain-reader.ts';
import { countedContent } from './counted-content.ts';
import { type Bench, imageOf, noiseBytes, openBench, plainLayer, textBytes } from './setup.ts';

const MiB = 1024 * 1024;
const noise = noiseBytes(20 * MiB);

/** A cache that is asked, and keeps nothing without being told of it. */
function watchedCache(): LayerCache & { readonly begun: () => number } {
  const cache = createMemoryLayerCache({ maxBytes: 256 * MiB });
  let begun = 0;
  return {
    begun: () => begun,
    find: (...query) => cache.find(...query),
    remove: (...layer) => cache.remove(...layer),
    begin(...layer) {
      begun += 1;
      return cache.begin(...layer);
    },
  };
}

async function compressed(plain: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createGzipCompressor().compress(contentOf(plain).open())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Has the registry say how large a body may be: chunks are promised before they are made then. */
function limitBodies({ registry }: Bench, bytes: number): void {
  registry.misbehave({ match: { kind: 'upload-start' }, headers: { 'oci-chunk-max-length': `${bytes}` } });
}

/** The one layer of what is in the registry now. */
async function pushedLayer({ registry }: Bench): Promise<unknown> {
  const manifest = await registry.manifest('demo/app', '1');
  return JSON.parse(new TextDecoder().decode(manifest?.bytes)).layers[0];
}

describe('a layer that cannot be compressed', () => {
  test.each([
    ['in one request', undefined, 1],
    ['in chunks', 3 * MiB, 7],
  ])('is sent out of its source %s, which is read once, and not kept', async (_, chunkSize, patches) => {
    const layerCache = watchedCache();
    await using bench = await openBench({ layerCache });
    if (chunkSize !== undefined) limitBodies(bench, chunkSize);
    const content = countedContent(noise, { chunkSize: 16 * 1024 });
    const [result] = await bench.push(imageOf([{ ...plainLayer(noise), content }]), 'demo/app:1');
    if (result?.ok !== true) throw result?.error;
    const expected = await compressed(noise);
    expect(await pushedLayer(bench)).toMatchObject({ digest: digestBytes(expected), size: expected.byteLength });
    await bench.registry.verify();
    expect(bench.gzip.runs()).toBe(1);
    expect(layerCache.begun()).toBe(0);
    const looks = (16 * 64 + 14 * 16) * 1024;
    expect(content.handedOut()).toBeGreaterThanOrEqual(noise.byteLength);
    expect(content.handedOut()).toBeLessThanOrEqual(noise.byteLength + looks);
    expect(bench.registry.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(patches);
  });

  test('whose end shrinks where nobody looked begins anew, and goes whole', async () => {
    const { byteLength } = noise;
    const plain = noise.map((letter, at) => (at < 15 * MiB || isLookedAt(at) ? letter : 0));
    expect(await looksIncompressible(contentOf(plain))).toBe(true);
    const expected = await compressed(plain);
    expect(await sureBytes(contentOf(plain))).toBeGreaterThan(expected.byteLength);
    const layerCache = watchedCache();
    await using bench = await openBench({ layerCache });
    limitBodies(bench, 3 * MiB);
    const [result] = await bench.push(imageOf([plainLayer(plain)]), 'demo/app:1');
    if (result?.ok !== true) throw result?.error;
    expect(await pushedLayer(bench)).toMatchObject({ digest: digestBytes(expected), size: expected.byteLength });
    await bench.registry.verify();
    expect(bench.gzip.runs()).toBe(1);
    expect(layerCache.begun()).toBe(0);

    function isLookedAt(at: number): boolean {
      const stride = (byteLength - 64 * 1024) / 15;
      return at % stride < 64 * 1024 || at % (1.5 * MiB) < 16 * 1024;
    }
  });

  test('goes on after a break where it was, and is not compressed again', async () => {
    await using bench = await openBench({ layerCache: watchedCache(), chunkSize: 3 * MiB });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, dropAfter: 6 * MiB });
    const [result] = await bench.push(imageOf([plainLayer(noise)]), 'demo/app:1');
    expect(result).toMatchObject({ ok: true });
    expect(bench.events.find(({ type }) => type === 'blob:resumed')).toMatchObject({ offset: 6 * MiB });
    expect(bench.gzip.runs()).toBe(1);
    await bench.registry.verify();
  });

  test('goes to several repositories from one computation', async () => {
    await using bench = await openBench({ layerCache: watchedCache() });
    const results = await bench.push(imageOf([plainLayer(noise)]), ['demo/one:1', 'demo/two:1']);
    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
    expect(bench.gzip.runs()).toBe(1);
    await bench.registry.verify();
  });

  test('that turns out to be compressible after all is kept, and the same bytes go', async () => {
    const plain = noise.map((letter, at) => (isLookedAt(at) ? letter : letter & 0x7f));
    expect(await looksIncompressible(contentOf(plain))).toBe(true);
    const layerCache = watchedCache();
    await using bench = await openBench({ layerCache, chunkSize: 3 * MiB });
    const [result] = await bench.push(imageOf([plainLayer(plain)]), 'demo/app:1');
    if (result?.ok !== true) throw result?.error;
    const expected = await compressed(plain);
    expect(await pushedLayer(bench)).toMatchObject({ digest: digestBytes(expected) });
    await bench.registry.verify();
    expect(layerCache.begun()).toBe(1);
    expect(bench.gzip.runs()).toBe(2);

    function isLookedAt(at: number): boolean {
      const stride = (noise.byteLength - 64 * 1024) / 15;
      return at - Math.floor(Math.floor(at / stride) * stride) < 64 * 1024;
    }
  });

  test('that is not what its diffID says is refused', async () => {
    await using bench = await openBench();
    const wrong = { ...plainLayer(noise), diffID: digestBytes(textBytes(1, 10)) };
    const [result] = await bench.push(imageOf([wrong]), 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_FAILED' } });
    expect(await bench.registry.manifest('demo/app', '1')).toBeUndefined();
  });
});

describe('LeanForm', () => {
  const block = 64 * 1024;

  async function leanOf(plain: Uint8Array, mostHeld?: number): Promise<{ form: LeanForm; whole: Uint8Array }> {
    const form = new LeanForm(mostHeld);
    const pass = compressionPass(contentOf(plain).open(), createGzipCompressor({ blockSize: block }), {
      reuse: true,
      onStored: (range) => form.tell(range),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of pass.stream) {
      form.append(chunk);
      chunks.push(new Uint8Array(chunk));
    }
    return { form, whole: Buffer.concat(chunks) };
  }

  test('reads from anywhere what was compressed, whatever is stored of it', async () => {
    const piece = fc.record({ isNoise: fc.boolean(), size: fc.integer({ min: 1, max: 3 * block }), seed: fc.nat(99) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (pieces, places, reuse) => {
          const plain = Buffer.concat(
            pieces.map(({ isNoise, size, seed }) =>
              isNoise ? noise.subarray(seed * 1000, seed * 1000 + size) : textBytes(seed, size),
            ),
          );
          const { form, whole } = await leanOf(plain);
          expect(Buffer.compare(gunzipSync(whole), plain)).toBe(0);
          expect(form.size).toBe(whole.byteLength);
          for (const place of places) {
            const from = Math.floor(place * whole.byteLength);
            const read: Uint8Array[] = [];
            await using reader = new PlainReader(contentOf(plain), undefined);
            for await (const chunk of form.read(reader, { from, reuse })) read.push(new Uint8Array(chunk));
            expect(Buffer.compare(Buffer.concat(read), whole.subarray(from))).toBe(0);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('holds next to nothing of noise, and no more than it may of the rest', async () => {
    await expect(leanOf(noise.subarray(0, 4 * MiB), 100)).resolves.toBeDefined();
    await expect(leanOf(noise.subarray(0, 4 * MiB), 15)).rejects.toThrow(NotLean);
    await expect(leanOf(textBytes(1, MiB), 100_000)).rejects.toThrow(NotLean);
  });

  test('ends when its reader leaves or the signal aborts', async () => {
    let open = 0;
    const source: Content = {
      size: noise.byteLength,
      async *open({ from = 0 } = {}) {
        open += 1;
        try {
          for (let at = from; at < noise.byteLength; at += 100_000) yield noise.subarray(at, at + 100_000);
        } finally {
          open -= 1;
        }
      },
    };
    const { whole } = await leanOf(noise.subarray(0, MiB));
    const form = new LeanForm();
    form.tell({ offset: 0, plainOffset: 0, plainSize: block });
    form.append(whole.subarray(0, block + 10));
    {
      await using reader = new PlainReader(source, undefined);
      for await (const _ of form.read(reader)) {
        expect(open).toBe(1);
        break;
      }
      expect(open).toBe(1); // who goes on from there opens nothing anew
    }
    expect(open).toBe(0);
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const { signal } = controller;
    await using reader = new PlainReader(source, signal);
    await expect(form.read(reader, { signal }).next()).rejects.toThrow('enough');
    expect(open).toBe(0);
  });
});

describe('looksIncompressible', () => {
  test('tells noise, with the beginning and the end of a tar, from everything else', async () => {
    const tar = noise.slice();
    tar.fill(0, 0, 512);
    tar.fill(0, tar.byteLength - 2048);
    expect(await looksIncompressible(contentOf(tar))).toBe(true);
    const mixed = noise.slice();
    mixed.fill(65, 6 * MiB, 12 * MiB);
    expect(await looksIncompressible(contentOf(mixed))).toBe(false);
    expect(await looksIncompressible(contentOf(noise.subarray(0, 1000)))).toBe(false);
  });
});

describe('sureBytes', () => {
  test('promises nothing of a layer whose end can be compressed, but for the zeros of its tar', async () => {
    const tar = noise.slice();
    tar.fill(0, tar.byteLength - 10_000);
    expect(await sureBytes(contentOf(tar))).toBe(storedSize(tar.byteLength) - mostShrunk);
    tar.fill(0, tar.byteLength - 4 * MiB);
    expect(await sureBytes(contentOf(tar))).toBe(1);
    expect(await sureBytes(contentOf(noise.subarray(0, MiB)))).toBe(1);
  });

  test('looks at the end only', async () => {
    const size = 200 * MiB;
    const places: number[] = [];
    const content: Content = {
      size,
      async *open({ from = 0 } = {}) {
        places.push(from);
        yield noise.subarray(0, 16 * 1024);
      },
    };
    expect(await sureBytes(content)).toBe(storedSize(size) - mostShrunk);
    expect(Math.min(...places)).toBe(size - 36 * MiB);
    expect(places).toHaveLength(24);
  });
});
