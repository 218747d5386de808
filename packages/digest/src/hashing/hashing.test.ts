import type { Digest, DigestAlgorithm } from '@slipway/digest-value';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked, collect, noise, stuck, watched } from '../../test/support.ts';
import type { Compressor } from '../compression/compressor.ts';
import { contentOf } from '../streams/content.ts';
import * as node from './hashing.ts';
import * as portable from './portable-hashing.ts';

const plainCopy: Compressor = { compression: 'gzip', recipe: 'none', compress: (source) => source };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe.each([
  ['node:crypto', node],
  ['portable', portable],
])('%s', (_, { compressionPass, createDigester, digestBytes, digestStream, measured, verified }) => {
  describe.each(['bean', 'md5', 'sha1', 'sha224', 'SHA256', 'sha-256', 'constructor', '', null, 7])(
    'the algorithm %j is refused',
    (name) => {
      const algorithm = name as DigestAlgorithm;
      const refusal = { code: 'ERR_DIGEST_UNSUPPORTED', rule: 'unsupported digest algorithm' };
      const untouched = { [Symbol.asyncIterator]: () => expect.unreachable('nothing is to be read') };

      test.each<[string, () => unknown]>([
        ['createDigester', () => createDigester(algorithm)],
        ['digestBytes', () => digestBytes(text('abc'), algorithm)],
        ['measured', () => measured(untouched, { algorithm })],
      ])('by %s', (_name, call) => {
        expect(call).toThrow(expect.objectContaining(refusal));
      });

      test('by digestStream', async () => {
        await expect(digestStream(untouched, { algorithm })).rejects.toMatchObject(refusal);
      });
    },
  );

  test.each<[string, string]>([
    ['bean:0123', 'ERR_DIGEST_UNSUPPORTED'],
    ['md5:d41d8cd98f00b204e9800998ecf8427e', 'ERR_DIGEST_UNSUPPORTED'],
    ['nothing', 'ERR_DIGEST_INVALID'],
    ['sha256:abc', 'ERR_DIGEST_INVALID'],
  ])('content is not promised by %s', async (promised, code) => {
    const digest = promised as Digest;
    const source = (): AsyncIterable<Uint8Array> => contentOf(text('abc')).open();
    expect(() => verified(source(), { digest })).toThrow(expect.objectContaining({ code }));
    expect(() => compressionPass(source(), plainCopy, { expected: { digest } })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test.each<[string, DigestAlgorithm, string]>([
    ['', 'sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abc',
      'sha384',
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    ],
    [
      'abc',
      'sha512',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
  ])('%j has its %s digest', async (content, algorithm, encoded) => {
    const bytes = text(content);
    const expected = `${algorithm}:${encoded}`;
    expect(digestBytes(bytes, algorithm)).toBe(expected);
    const measured = await digestStream(contentOf(bytes).open(), { algorithm });
    expect(measured).toEqual({ digest: expected, size: bytes.byteLength });
  });

  test('1024 zeros are the empty tar, whose digest everybody knows', () => {
    const emptyTar = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';
    expect(digestBytes(new Uint8Array(1024))).toBe(emptyTar);
  });

  test('any chunking gives the same digest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 }),
        async (bytes, sizes) => {
          const measured = await digestStream(chunked(bytes, ...sizes));
          expect(measured).toEqual({ digest: digestBytes(bytes), size: bytes.byteLength });
        },
      ),
    );
  });

  test('a digester counts bytes', () => {
    const digester = createDigester();
    digester.update(text('ab'));
    digester.update(text('c'));
    expect(digester.size).toBe(3);
    expect(digester.digest()).toBe(digestBytes(text('abc')));
  });

  test('digestStream ends with the reason of its signal, even if the source is stuck', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = digestStream(stuck(), { signal: controller.signal });
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await expect(digestStream(contentOf(text('a')).open(), { signal: controller.signal })).rejects.toBe(reason);
  });

  test('measured passes chunks through and knows at the end, and not before, what they were', async () => {
    const bytes = noise(1000);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const { stream, result } = measured(chunked(bytes, 300), { algorithm });
      expect(result).toThrow('read to its end');
      expect(await collect(stream)).toEqual(Buffer.from(bytes));
      expect(result()).toEqual({ digest: digestBytes(bytes, algorithm), size: 1000 });
    }
  });

  describe('verified', () => {
    const bytes = noise(1000);
    const digest = digestBytes(bytes);
    const wrong = digestBytes(text('something else'));

    test('passes the very chunks through when all is as promised', async () => {
      const chunks = [bytes.subarray(0, 300), bytes.subarray(300)];
      const seen: Uint8Array[] = [];
      for await (const chunk of verified(chunked(bytes, 300, 700), { digest, size: 1000 })) seen.push(chunk);
      expect(seen).toEqual(chunks);
    });

    test('needs no size', async () => {
      expect(await collect(verified(chunked(bytes, 300), { digest }))).toEqual(Buffer.from(bytes));
    });

    test('checks in the algorithm of the promise', async () => {
      const expected = { digest: digestBytes(bytes, 'sha512'), size: 1000 };
      expect(await collect(verified(chunked(bytes, 300), expected))).toHaveLength(1000);
    });

    test.each<[string, number, Digest, string, string]>([
      ['a short end', 1001, digest, 'ERR_SIZE_MISMATCH', `Reading ${digest}: expected 1001 bytes, got 1000`],
      ['a surplus byte', 999, digest, 'ERR_SIZE_MISMATCH', `Reading ${digest}: expected 999 bytes, got more`],
      ['another digest', 1000, wrong, 'ERR_DIGEST_MISMATCH', `expected ${wrong}, got ${digest} (1000 bytes)`],
    ])('%s is refused', async (_, size, digest, code, message) => {
      const reading = collect(verified(chunked(bytes, 300), { digest, size }));
      await expect(reading).rejects.toMatchObject({ name: 'ContentMismatchError', code });
      await expect(reading).rejects.toThrow(message);
    });

    test('the first surplus byte closes the source', async () => {
      const source = watched(new Uint8Array(100));
      const thousand = digestBytes(new Uint8Array(1000));
      await expect(collect(verified(source, { digest: thousand, size: 1000 }))).rejects.toMatchObject({
        code: 'ERR_SIZE_MISMATCH',
      });
      expect(source).toMatchObject({ given: 11, closed: 1 });
    });

    test('the last chunk is handed out only when all are proven, before the next one is asked for', async () => {
      const source = watched(new Uint8Array(100));
      const chunks: Uint8Array[] = [];
      const reading = (async () => {
        for await (const chunk of verified(source, { digest, size: 1000 })) chunks.push(chunk);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' });
      expect(chunks).toHaveLength(9);
      expect(source).toMatchObject({ given: 10, closed: 1 });
    });

    test('leaving early closes the source', async () => {
      const source = watched(new Uint8Array(100));
      for await (const chunk of verified(source, { digest, size: 1000 })) if (chunk.byteLength > 0) break;
      expect(source).toMatchObject({ given: 1, closed: 1 });
    });
  });
});
