import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { type OpenBlobOptions, openRegistry } from '../src/index.ts';
import { collect, testBytes } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const tar = testBytes(150_000);
const gzipped = gzipSync(testBytes(90_000));
const config = new TextEncoder().encode(JSON.stringify({ architecture: 'riscv64', os: 'linux' }));

interface Sent {
  readonly coding: string;
  readonly body: Uint8Array;
  /** Whether the head says how long the body is. */
  readonly hasLength?: boolean;
  readonly takesRanges?: boolean;
}

/** Reads a blob from a server that sends its bytes as told; also what the server was asked for. */
async function read(blob: Uint8Array, sent: Sent, options: OpenBlobOptions = {}) {
  const { coding, body, hasLength = true, takesRanges = false } = sent;
  await using server = await startScriptedServer(
    afterPing(({ headers }, response) => {
      response.setHeader('content-encoding', coding);
      const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
      if (!takesRanges || headers.range === undefined) {
        if (hasLength) response.setHeader('content-length', body.byteLength);
        return void response.end(body);
      }
      const end = to === '' ? body.byteLength : Number(to) + 1;
      response.setHeader('content-range', `bytes ${from}-${end - 1}/${hasLength ? body.byteLength : '*'}`);
      response.writeHead(206).end(body.subarray(Number(from), end));
    }),
  );
  await using registry = openRegistry({ url: server.url });
  const got = await collect(registry.repository('a').openBlob(digestBytes(blob), options));
  return { got: Buffer.from(got), ranges: server.seen.slice(1).map(({ headers }) => headers.range) };
}

const kinds = [
  ['a plain tar', tar],
  ['a layer of gzip', gzipped],
  ['a config', config],
] as const;

describe.each(kinds)('%s that is coded on the way', (_, blob) => {
  const { byteLength: size } = blob;

  test.each([
    ['gzip', gzipSync],
    ['X-GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('%s is undone, whoever says how long it is', async (coding, encode) => {
    const body = encode(blob);
    for (const hasLength of [true, false]) {
      expect((await read(blob, { coding, body, hasLength }, { size })).got.equals(blob)).toBe(true);
      expect((await read(blob, { coding, body, hasLength })).got.equals(blob)).toBe(true);
    }
  });

  test.each([
    ['that takes ranges of what it sends', true, ['bytes=7-18', undefined]],
    ['that takes no ranges', false, ['bytes=7-18']],
  ] as const)('a part of it is a part of the blob, from a server %s', async (__, takesRanges, ranges) => {
    const sent = { coding: 'gzip', body: gzipSync(blob), takesRanges };
    const part = await read(blob, sent, { from: 7, to: 19, size });
    expect(part.got.equals(blob.subarray(7, 19))).toBe(true);
    expect(part.ranges).toEqual(ranges);
    const unsized = await read(blob, { ...sent, hasLength: false }, { from: size - 5 });
    expect(unsized.got.equals(blob.subarray(size - 5))).toBe(true);
  });
});

describe('a storage that labels the gzip of a layer itself', () => {
  const { byteLength: size } = gzipped;
  const sent = { coding: 'gzip', body: gzipped, takesRanges: true };

  test('the layer is what it holds, as long as its descriptor says', async () => {
    expect((await read(gzipped, sent, { size })).got.equals(gzipped)).toBe(true);
  });

  test('its ranges are those of the layer', async () => {
    const { got, ranges } = await read(gzipped, sent, { from: 100, size });
    expect(got.equals(gzipped.subarray(100))).toBe(true);
    expect(ranges).toEqual(['bytes=100-']);
  });
});

test('a coded blob that is damaged is told as that', async () => {
  const body = gzipSync(gzipped).fill(0, 100, 200);
  await expect(read(gzipped, { coding: 'gzip', body }, { size: 90_000 })).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
    message: expect.stringContaining('cannot be decoded'),
  });
});

test('of a small answer that unpacks without end, no more is unpacked than is taken', async () => {
  const body = gzipSync(new Uint8Array(64 * 1_048_576));
  await using server = await startScriptedServer(
    afterPing((_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(body)),
  );
  await using registry = openRegistry({ url: server.url });
  let taken = 0;
  for await (const chunk of registry.repository('a').openBlob(digestBytes(tar), { size: tar.byteLength })) {
    taken += chunk.byteLength;
    if (taken > tar.byteLength) break;
  }
  expect(taken).toBeLessThan(1_048_576);
});
