import { type Content, contentOf, createGzipCompressor, digestBytes } from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { describe, expect, test } from 'vitest';
import { CheckedForm, type DiffIDProofs, storedProofs } from '../src/form/diff-id-check.ts';
import { storedForm } from '../src/form/form.ts';
import { imageOf, openBench, textBytes } from './setup.ts';

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const plain = textBytes(7, 3_000_000);
const gzipped = await collect(createGzipCompressor().compress(contentOf(plain).open()));
const identity = { digest: digestBytes(gzipped), size: gzipped.byteLength };

/** Content in small chunks that counts the bytes it has handed out. */
function counted(bytes: Uint8Array): Content & { readonly handedOut: () => number } {
  let handedOut = 0;
  return {
    size: bytes.byteLength,
    handedOut: () => handedOut,
    async *open({ from = 0 } = {}) {
      for (let at = from; at < bytes.byteLength; at += 10_000) {
        const chunk = bytes.subarray(at, at + 10_000);
        handedOut += chunk.byteLength;
        yield chunk;
      }
    },
  };
}

function checked(diffID = digestBytes(plain), proofs: DiffIDProofs = storedProofs(undefined)) {
  const content = counted(gzipped);
  const signal = new AbortController().signal;
  return {
    content,
    form: new CheckedForm(storedForm(content, identity), { diffID, compression: 'gzip', proofs, signal }),
  };
}

describe('a compressed layer that goes as it is', () => {
  test('is read once, and passes when it unpacks to its diffID', async () => {
    const { form, content } = checked();
    expect(digestBytes(await collect(form.open()))).toBe(identity.digest);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('fails in place of its last bytes when it does not', async () => {
    const { form } = checked(digestBytes(new Uint8Array(1)));
    let seen = 0;
    await expect(async () => {
      for await (const chunk of form.open()) seen += chunk.byteLength;
    }).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH', message: expect.stringContaining('as the image') });
    expect(seen).toBeLessThan(identity.size);
  });

  test('in chunks, each opened anew, is read and unpacked once all the same', async () => {
    const { form, content } = checked();
    for (let from = 0; from < identity.size; from += 200_000) {
      let taken = 0;
      for await (const chunk of form.open({ from })) {
        taken += chunk.byteLength;
        if (taken >= 200_000) break;
      }
    }
    expect(content.handedOut()).toBeLessThan(identity.size * 1.1);
  });

  test.each([digestBytes(plain), digestBytes(new Uint8Array(1))])(
    'taken up in the middle, the beginning is read beside it',
    async (diffID) => {
      const { form, content } = checked(diffID);
      const reading = collect(form.open({ from: identity.size - 1000 }));
      if (diffID === digestBytes(plain)) expect((await reading).byteLength).toBe(1000);
      else await expect(reading).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' });
      expect(content.handedOut()).toBeGreaterThanOrEqual(identity.size);
    },
  );

  test('for two readers at once is unpacked once', async () => {
    const { form } = checked();
    const both = await Promise.all([collect(form.open()), collect(form.open())]);
    expect(both.map((bytes) => digestBytes(bytes))).toEqual([identity.digest, identity.digest]);
  });

  test('is not unpacked again once it was proven, also by a later run', async () => {
    await using store = createMemoryMetadataStore();
    await collect(checked(digestBytes(plain), storedProofs(store)).form.open());
    expect(await store.isProven(identity.digest, digestBytes(plain))).toBe(true);
    expect(await store.isProven(identity.digest, digestBytes(new Uint8Array(1)))).toBe(false);
  });

  test('one reader that leaves early robs the other of nothing', async () => {
    const { form } = checked();
    for await (const _ of form.open()) break;
    expect((await collect(form.open())).byteLength).toBe(identity.size);
  });
});

describe('a push of an image whose config lies about a layer', () => {
  const layer: SourceLayer = {
    diffID: digestBytes(new Uint8Array(9)),
    content: contentOf(gzipped),
    compression: 'gzip',
    descriptor: { mediaType: mediaTypes.ociLayerGzip, ...identity },
  };
  const base = imageOf([layer]);
  const config = { mediaType: mediaTypes.ociConfig, digest: base.config.digest, size: base.config.bytes.byteLength };
  const manifest = buildOciManifest({ config, layers: layer.descriptor ? [layer.descriptor] : [] });
  const image: SourceImage = { ...base, manifest };

  test('fails at once, says so, and leaves no tag', async () => {
    await using bench = await openBench();
    const [result] = await bench.push(image, 'lie/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } } });
    expect(bench.registry.tags('lie/app')).toEqual([]);
    expect(bench.registry.hasBlob('lie/app', identity.digest)).toBe(false);
  });

  test('goes through when only digests are asked for', async () => {
    await using bench = await openBench();
    expect(await bench.push(image, 'lie/app:1', { verify: 'digest' })).toMatchObject([{ ok: true }]);
  });
});
