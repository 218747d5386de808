import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import * as node from '../src/index.ts';
import * as portable from '../src/portable.ts';
import { createTarSum, tarSum } from '../src/tarsum.ts';
import { collect } from './support.ts';

/** What callers without types yield: streams with an encoding, numbers of several bytes, parsed JSON. */
const wrong: readonly (readonly [string, unknown])[] = [
  ['a text', 'abc'],
  ['an empty text', ''],
  ['numbers of two bytes', Uint16Array.of(1, 258)],
  ['a DataView', new DataView(new ArrayBuffer(3))],
  ['an ArrayBuffer', new ArrayBuffer(3)],
  ['a list of numbers', [97, 98]],
  ['a number', 97],
];
const refused = { code: 'ERR_ARGUMENT', message: expect.stringContaining('each chunk of a stream') };
const abc = new TextEncoder().encode('abc');
const digest = node.digestBytes(abc);

async function* streamOf(...chunks: readonly unknown[]): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks as Uint8Array[];
}

describe.each(wrong)('%s is no chunk of a stream', (_name, chunk) => {
  describe.each([
    ['node', node],
    ['portable', portable],
  ])('%s', (_entry, { compressionPass, createDigester, decompress, digestStream, measured, verified }) => {
    test('to be hashed', async () => {
      expect(() => createDigester().update(chunk as Uint8Array)).toThrow(expect.objectContaining(refused));
      await expect(digestStream(streamOf(chunk))).rejects.toMatchObject(refused);
      await expect(collect(measured(streamOf(chunk)).stream)).rejects.toMatchObject(refused);
    });

    test('to be compared, before the last byte or behind it', async () => {
      await expect(collect(verified(streamOf(chunk), { digest }))).rejects.toMatchObject(refused);
      const behind = collect(verified(streamOf(abc, chunk), { digest, size: abc.byteLength }));
      await expect(behind).rejects.toThrow(/each chunk of a stream|expected 3 bytes, got more/);
    });

    test.each(['none', 'gzip', 'zstd'] as const)('to be unpacked: %s', async (compression) => {
      await expect(collect(decompress(streamOf(chunk), compression))).rejects.toMatchObject(refused);
    });

    test('to be compressed, as a stream or as content', async () => {
      const pass = compressionPass(streamOf(chunk), node.createGzipCompressor());
      await expect(collect(pass.stream)).rejects.toMatchObject(refused);
      expect(() => pass.result()).toThrow('read to its end');
      const content = { size: 3, open: () => streamOf(chunk) };
      const again = compressionPass(content, portable.createPortableGzipCompressor());
      await expect(collect(again.stream)).rejects.toMatchObject(refused);
    });
  });

  test.each([
    ['gzip', node.createGzipCompressor()],
    ['zlib', node.createGzipCompressor({ compressor: 'zlib' })],
    ['fflate', node.createPortableGzipCompressor()],
    ['zstd', node.createZstdCompressor()],
    ['zstd:chunked', node.createZstdChunkedCompressor()],
    ['estargz', node.createEstargzCompressor()],
  ])('for the compressor alone: %s', async (_compressor, compressor) => {
    await expect(collect(compressor.compress(streamOf(chunk)))).rejects.toMatchObject(refused);
  });

  test('to sum a tar', async () => {
    expect(() => createTarSum('1').update(chunk as Uint8Array)).toThrow(expect.objectContaining(refused));
    await expect(tarSum(streamOf(chunk), '1')).rejects.toMatchObject(refused);
  });

  test.each(['none', 'gzip', 'zstd'] as const)('for an unpack digester, which goes on without it: %s', async (kind) => {
    using digester = node.createUnpackDigester(kind);
    await expect(digester.feed(chunk as Uint8Array)).rejects.toMatchObject(refused);
    const compressor = { none: node.createPlainCompressor(), gzip: node.createGzipCompressor() };
    const { compress } = kind === 'zstd' ? node.createZstdCompressor() : compressor[kind];
    for await (const made of compress(streamOf(abc))) await digester.feed(made);
    expect(await digester.end()).toEqual({ digest, size: 3 });
  });
});

test('bytes of another realm are bytes', async () => {
  const foreign: Uint8Array = runInNewContext('new Uint8Array([97, 98, 99])');
  expect(node.digestBytes(foreign)).toBe(digest);
  expect(await node.digestStream(streamOf(foreign))).toEqual({ digest, size: 3 });
  const pass = node.compressionPass(node.contentOf(foreign), node.createGzipCompressor());
  expect(gunzipSync(await collect(pass.stream)).toString()).toBe('abc');
  expect(pass.result()).toMatchObject({ diffID: digest, uncompressedSize: 3 });
});

test('a plain compressor ends its wait when the signal aborts', async () => {
  const controller = new AbortController();
  async function* stuck(): AsyncGenerator<Uint8Array, void, void> {
    yield abc;
    controller.abort(new Error('enough'));
    await new Promise(() => {});
  }
  for (const { compressionPass, createPlainCompressor } of [node, portable]) {
    const { signal } = controller;
    await expect(collect(compressionPass(stuck(), createPlainCompressor(), { signal }).stream)).rejects.toThrow(
      'enough',
    );
    await expect(collect(createPlainCompressor().compress(stuck(), { signal }))).rejects.toThrow('enough');
  }
});

test('a limit that is none is told by its own name', () => {
  for (const compression of ['gzip', 'zstd', 'none'] as const) {
    for (const name of ['maxBytes', 'maxRatio', 'ratioFromBytes']) {
      const make = (): unknown => node.createUnpackDigester(compression, { [name]: Number.NaN });
      expect(make).toThrow(`Expected \`${name}\` to be a number from 0, got NaN`);
    }
  }
});
