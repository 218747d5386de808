import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type ByteStream, type Content, contentOf, digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { artifactFrom, imageFrom, layerFrom } from '../../src/index.ts';
import { tarOf } from '../handmade-tar.ts';
import { bytesOf } from '../read-content.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const folder = temporaryFolder();
const hello = new TextEncoder().encode('hello');
const tar = new Uint8Array(tarOf({ name: 'a', data: 'x' }));
const diffID = digestBytes(tar);
const forgotten = Promise.resolve({ a: 'x' });

test.each<[string, unknown]>([
  ['a Promise', forgotten],
  ['a ArrayBuffer', new ArrayBuffer(512)],
  ['a URL', new URL('file:///srv/app')],
  ['a Blob', new Blob(['x'])],
  ['a Response', new Response('x')],
  ['a Map', new Map([['a', 'x']])],
  ['a Set', new Set(['a'])],
  ['a Date', new Date(0)],
  ['a Uint16Array', new Uint16Array(4)],
  ['a AbortController', new AbortController()],
  ['an array', []],
  ['a function', () => ({ a: 'x' })],
  ['a string', ''],
  ['null', null],
])('%s is no layer', (_name, source) => {
  expect(() => layerFrom(source as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_ARGUMENT',
      message: expect.stringMatching(
        /^Expected `source` to be a path, a plain object of files, or a tar as a Uint8Array/,
      ),
    }),
  );
});

test.each([forgotten, new Map(), new Date(0), new URL('file:///x'), new Blob(['x'])])('%s is no parts', (parts) => {
  for (const from of [imageFrom, artifactFrom]) {
    expect(() => from(parts as never)).toThrow(/Expected `parts` to be a plain object, got a /);
  }
});

test('files in an object of another realm, or of none, are files', async () => {
  for (const files of [runInNewContext('({ a: "x" })'), Object.assign(Object.create(null), { a: 'x' })]) {
    const recipe = layerFrom(files);
    await using opened = await recipe.open();
    await using same = await layerFrom({ a: 'x' }).open();
    expect(opened.layer.diffID).toBe(same.layer.diffID);
  }
});

test('a file that is read as a stream of Node is a tar, which can be read once', async () => {
  const path = join(folder(), 'layer.tar');
  await writeFile(path, tar);
  const recipe = layerFrom(createReadStream(path));
  await using opened = await recipe.open();
  expect(opened.layer.diffID).toBe(diffID);
  await expect(recipe.open()).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' });
});

test('a tar in bytes of another realm is a tar', async () => {
  const foreign: Uint8Array = runInNewContext(`Uint8Array.from([${tar.join()}])`);
  await using opened = await layerFrom(foreign).open();
  expect(opened.layer.diffID).toBe(diffID);
  await using image = await layerFrom({ a: runInNewContext('Uint8Array.of(120)') }).open();
  await using same = await layerFrom({ a: 'x' }).open();
  expect(image.layer.diffID).toBe(same.layer.diffID);
});

/** Content of another size than it says, or of chunks that are no bytes. */
function lying(bytes: Uint8Array, size: number, change: (stream: ByteStream) => unknown = (same) => same): Content {
  return { size, open: (options) => change(contentOf(bytes).open(options)) as ByteStream };
}

async function* endless(stream: ByteStream): ByteStream {
  yield* stream;
  for (;;) yield new Uint8Array(65_536);
}

async function read({ content }: { readonly content?: Content | undefined }): Promise<Uint8Array> {
  return await bytesOf(content!);
}

const packed = new Uint8Array(gzipSync(tar));
type Open = (content: Content) => Promise<unknown>;
const ways: readonly (readonly [string, string, Uint8Array, Open])[] = [
  ['a tar', 'The tar of a layer', tar, (content) => layerFrom(content).open()],
  ['a tar of gzip', 'The tar of a layer', packed, (content) => layerFrom(content).open()],
  ['a file of a layer', 'The content of "etc/a"', hello, (content) => layerFrom({ 'etc/a': content }).open()],
  [
    'a file of a layer, with a mode',
    'The content of "etc/a"',
    hello,
    (content) => layerFrom({ 'etc/a': { content, mode: 0o600 } }).open(),
  ],
  [
    'a file of an artifact',
    'The content of "a.txt"',
    hello,
    (content) => artifactFrom({ files: [{ title: 'a.txt', content }] }).open(),
  ],
  ['the config of an artifact', 'The config', hello, (content) => artifactFrom({ config: { content } }).open()],
];

test.each(ways)('%s has the size that it says', async (_name, label, bytes, open) => {
  const cases = [
    ['more', lying(bytes, 1)],
    ['more', lying(bytes, bytes.byteLength - 1)],
    ['fewer', lying(bytes, bytes.byteLength + 1)],
    ['fewer', lying(bytes, 1e15)],
    ['more', lying(bytes, bytes.byteLength, label === 'The tar of a layer' ? members : endless)],
  ] as const;
  for (const [what, content] of cases) {
    await expect(open(content)).rejects.toMatchObject({
      code: 'ERR_SOURCE_CHANGED',
      origin: 'source',
      message: `${label} has ${what} bytes than it said`,
    });
  }
});

/** What may follow a tar, and what may follow gzip: more of it. */
async function* members(stream: ByteStream): ByteStream {
  for await (const chunk of stream) {
    yield chunk;
    for (;;) yield chunk;
  }
}

test.each(ways)('%s has bytes, and no texts', async (_name, _label, bytes, open) => {
  const texts = (stream: ByteStream): unknown => Readable.from(stream).setEncoding('latin1');
  await expect(open(lying(bytes, bytes.byteLength, texts))).rejects.toThrow(
    /^Expected each chunk of a stream to be a Uint8Array, got a string$/,
  );
});

test('a tar that is read as texts is none', async () => {
  const path = join(folder(), 'layer.tar');
  await writeFile(path, tar);
  await expect(layerFrom(createReadStream(path, 'utf8')).open()).rejects.toThrow(/each chunk of a stream/);
});

test('what was right when it was opened is held to its word later, too', async () => {
  let reads = 0;
  const content: Content = {
    size: tar.byteLength,
    open: (options) => {
      reads += 1;
      return reads > 2 ? endless(contentOf(tar).open(options)) : contentOf(tar).open(options);
    },
  };
  await using opened = await layerFrom(content).open();
  await expect(read(opened.layer)).rejects.toThrow('The tar of a layer has more bytes than it said');
});
