import { gzipSync } from 'node:zlib';
import {
  type ByteStream,
  type Content,
  contentOf,
  createEstargzCompressor,
  createZstdChunkedCompressor,
  createZstdCompressor,
  digestBytes,
  type OpenOptions,
} from '@slipway/digest';
import type { SourceItem, SourceLayer } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import type { PushOptions } from '../src/index.ts';
import { type Bench, digestOf, imageOf, noiseBytes, openBench, plainLayer, textBytes } from './setup.ts';

const codecs = {
  zstd: createZstdCompressor(),
  zstdChunked: createZstdChunkedCompressor(),
  estargz: createEstargzCompressor(),
};
/** What can have a table of contents: the end of a tar, and nothing before it. */
const tar = new Uint8Array(1024);
const compressions = ['gzip', 'zstd', 'zstd:chunked', 'estargz', 'none', 'keep'] as const;

/** The same content, whose stream somebody has changed. */
type Change = (stream: ByteStream) => AsyncIterable<unknown>;

function changed(bytes: Uint8Array, change: Change, size = bytes.byteLength): Content {
  const content = contentOf(bytes);
  return { size, open: (options?: OpenOptions) => change(content.open(options)) as ByteStream };
}

function withContent(layer: SourceLayer, content: Content): SourceItem {
  return imageOf([{ ...layer, content }, plainLayer(tar)]);
}

/** A layer of gzip without a digest of its own: what it is, is found out by reading it. */
function gzipLayer(plain: Uint8Array): SourceLayer & { readonly content: Content } {
  const content = contentOf(new Uint8Array(gzipSync(plain)));
  return { diffID: digestBytes(plain), content, compression: 'gzip', descriptor: undefined };
}

async function expectBlamed(bench: Bench, item: SourceItem, message: RegExp, options?: PushOptions): Promise<void> {
  const [result] = await bench.push(item, 'demo/app:1', options);
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'ERR_PUSH_FAILED', op: 'read', origin: 'source', message: expect.stringMatching(message) },
  });
  // The tag names nothing.
  expect(
    bench.registry.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/')),
  ).toEqual([]);
}

const textOf: Change = async function* (stream) {
  for await (const chunk of stream) yield Buffer.from(chunk).toString('latin1');
};
const wordsOf: Change = async function* (stream) {
  for await (const chunk of stream) yield new Uint16Array(Uint8Array.from(chunk).buffer);
};
const halfText: Change = async function* (stream) {
  for await (const chunk of stream) {
    yield chunk.subarray(0, 100);
    yield Buffer.from(chunk.subarray(100)).toString('latin1');
  }
};

describe.each([
  ['texts', textOf, 'a string'],
  ['numbers of two bytes', wordsOf, 'a Uint16Array'],
  ['bytes, then a text', halfText, 'a string'],
])('a layer whose content yields %s', (_, change, got) => {
  const message = new RegExp(`Expected each chunk of a stream to be a Uint8Array, got ${got}`);

  test.each(compressions)('is the fault of the source: %s', async (compression) => {
    for (const plain of [tar, textBytes(1, 5000), noiseBytes(9 * 1024 * 1024)]) {
      if (plain !== tar && (compression === 'zstd:chunked' || compression === 'estargz')) continue;
      await using bench = await openBench(codecs);
      await expectBlamed(bench, withContent(plainLayer(plain), changed(plain, change)), message, { compression });
    }
  });

  test('and so it is unpacked first, or goes as it is', async () => {
    const layer = gzipLayer(textBytes(1, 5000));
    const { content } = layer;
    const packed = new Uint8Array(gzipSync(textBytes(1, 5000)));
    for (const options of [{}, { recompress: true, compression: 'zstd' }] satisfies PushOptions[]) {
      await using bench = await openBench(codecs);
      await expectBlamed(bench, withContent(layer, changed(packed, change, content.size)), message, options);
    }
  });

  test('pushed as schema 1', async () => {
    const plain = textBytes(1, 5000);
    await using bench = await openBench(codecs);
    await expectBlamed(bench, withContent(plainLayer(plain), changed(plain, change)), message, { format: 'schema1' });
  });
});

test('a file of an artifact that yields texts is the fault of the source', async () => {
  await using bench = await openBench();
  const bytes = textBytes(1, 3000);
  const named = (mediaType: string, of: Uint8Array) => ({ mediaType, digest: digestBytes(of), size: of.byteLength });
  const config = new TextEncoder().encode('{}');
  const blobs = [
    { descriptor: named('application/example', config), content: contentOf(config) },
    { descriptor: named('text/plain', bytes), content: changed(bytes, textOf) },
  ];
  const {
    mediaType,
    digest,
    bytes: json,
  } = buildOciManifest({
    config: blobs[0]!.descriptor,
    layers: [blobs[1]!.descriptor],
  });
  const item: SourceItem = { kind: 'artifact', names: [], manifest: { mediaType, digest, bytes: json }, blobs };
  await expectBlamed(bench, item, /Expected each chunk of a stream to be a Uint8Array, got a string/);
});

describe('a layer that has another size than it says', () => {
  const plain = textBytes(1, 5000);
  const endless: Change = async function* (stream) {
    yield* stream;
    for (;;) yield gzipSync(''); // of gzip, it may go on so
  };
  const same: Change = (stream) => stream;

  describe.each<[string, SourceLayer, Uint8Array]>([
    ['plain', plainLayer(plain), plain],
    ['gzip', gzipLayer(plain), new Uint8Array(gzipSync(plain))],
  ])('%s', (kind, layer, bytes) => {
    test.each<[string, Change, number, RegExp]>([
      ['goes on for ever', endless, bytes.byteLength, /expected \d+ bytes, got more/],
      ['has more', same, 1, /expected 1 bytes, got more/],
      ['has one more', same, bytes.byteLength - 1, /expected \d+ bytes, got more/],
      ['has one fewer', same, bytes.byteLength + 1, /expected \d+ bytes, got \d+/],
      ['has far fewer', same, 1e15, /expected 1000000000000000 bytes, got \d+/],
    ])('%s', async (_, change, size, message) => {
      for (const compression of ['gzip', 'zstd', 'none', 'keep'] as const) {
        // What goes as it is, is proven at its size: nobody asks for what is behind.
        if (compression === (kind === 'plain' ? 'none' : 'keep') && change === endless) continue;
        await using bench = await openBench(codecs);
        const item = withContent(layer, changed(bytes, change, size));
        await expectBlamed(bench, item, message, {
          compression,
          recompress: kind === 'gzip' && compression !== 'keep',
        });
      }
    });
  });

  test('a layer that a manifest names by its digest is held to it, too', async () => {
    const bytes = new Uint8Array(gzipSync(plain));
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestBytes(bytes), size: bytes.byteLength };
    const layer: SourceLayer = { ...plainLayer(plain), compression: 'gzip', descriptor };
    for (const size of [1, bytes.byteLength + 1, 1e15]) {
      await using bench = await openBench(codecs);
      await expectBlamed(
        bench,
        imageOf([{ ...layer, content: changed(bytes, same, size) }]),
        /expected \d+ bytes, got/,
      );
    }
    await using bench = await openBench(codecs);
    // What is behind the bytes that the digest proves is not asked for.
    digestOf(await bench.push(imageOf([{ ...layer, content: changed(bytes, endless) }]), 'demo/app:1'));
    await bench.registry.verify();
  });
});
