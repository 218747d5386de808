import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry, type WireQuirks } from '../src/index.ts';
import { clientOf, seedImage, someBlob } from './client.ts';

/** All bytes that one connection brings, for as many requests; the last asks for its end. */
async function rawAnswers({ host }: EmbeddedRegistry, ...heads: readonly string[]): Promise<Buffer> {
  const [hostname = '', port] = host.split(':');
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  let isOver = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {}); // a reset ends it, too
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isOver = true;
      resolve();
    });
  });
  for (const [index, head] of heads.entries()) {
    const before = chunks.length;
    const close = index === heads.length - 1 ? 'Connection: close\r\n' : '';
    socket.write(`${head} HTTP/1.1\r\nHost: ${host}\r\n${close}\r\n`);
    await expect.poll(() => isOver || chunks.length > before, { interval: 5 }).toBe(true);
  }
  await closed;
  return Buffer.concat(chunks);
}

async function rawPing(wire: Partial<WireQuirks>, head = 'GET /v2/'): Promise<string> {
  await using registry = await startRegistry({ quirks: { wire } });
  return (await rawAnswers(registry, head)).toString('latin1');
}

describe('an answer on the wire', () => {
  test.each<[Partial<WireQuirks>, RegExp]>([
    [{}, /^HTTP\/1\.1 200 OK\r\n(?:\S+: .*\r\n)+\r\n\{\}$/],
    [{ interim: [100, 102] }, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK\r\n/],
    [{ interim: [103] }, /^HTTP\/1\.1 103 Early Hints\r\n[\s\S]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/],
    [{ lineEnd: 'lf' }, /^HTTP\/1\.1 200 OK\n(?:[^\r\n]+\n)+\n\{\}$/],
    [{ length: 'twice' }, /\r\nContent-Length: 2\r\nContent-Length: 2\r\n[\s\S]*\r\n\{\}$/],
    [{ length: 'twice-in-one-line' }, /\r\nContent-Length: 2, 2\r\n[\s\S]*\r\n\{\}$/],
    [
      { length: 'beside-chunks' },
      /\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n[\s\S]*\r\n2\r\n\{\}\r\n0\r\n\r\n$/,
    ],
    [{ spaceBeforeColon: true }, /^HTTP\/1\.1 200 OK\r\n(?:\S+ : .*\r\n)+\r\n\{\}$/],
    [{ reason: false }, /^HTTP\/1\.1 200 \r\n/],
    [{ http10: true }, /^HTTP\/1\.0 200 OK\r\n[\s\S]*\r\nConnection: close\r\n/],
    [{ lineEnd: 'lf', length: 'twice', interim: [100] }, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP[^\r]*\{\}$/],
  ])('%j', async (wire, form) => {
    expect(await rawPing(wire)).toMatch(form);
  });

  test('every head on a connection has the form, bodiless ones too', async () => {
    await using registry = await startRegistry({ quirks: { wire: { lineEnd: 'lf' } } });
    const { digest } = someBlob();
    const heads = ['GET /v2/', `HEAD /v2/app/blobs/${digest}`, 'GET /v2/', 'HEAD /v2/'];
    const text = (await rawAnswers(registry, ...heads)).toString('latin1');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(text).not.toContain('\r');
  });
});

describe('coded bodies', () => {
  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
    ['br', brotliDecompressSync],
  ] as const)('%s: of manifests, lists and errors, not of blobs', async (coding, decode) => {
    await using registry = await startRegistry({ quirks: { wire: { coding } } });
    const manifest = await seedImage(registry);
    const { bytes, digest } = someBlob();
    await registry.seed('app', { blobs: [bytes] });
    const { send } = clientOf(registry);
    const got = await send('/v2/app/manifests/v1');
    expect([got.header('content-encoding'), new Uint8Array(decode(got.body))]).toEqual([coding, manifest]);
    const missing = await send(`/v2/app/manifests/${digestBytes(new Uint8Array(9))}`);
    expect(decode(missing.body).toString()).toContain('MANIFEST_UNKNOWN');
    expect(decode((await send('/v2/app/tags/list')).body).toString()).toContain('v1');
    const blob = await send(`/v2/app/blobs/${digest}`);
    expect([blob.header('content-encoding'), new Uint8Array(blob.body)]).toEqual([undefined, bytes]);
  });

  test('the label alone is on everything, and changes nothing', async () => {
    await using registry = await startRegistry({ quirks: { wire: { coding: 'label' } } });
    const { bytes, digest } = someBlob();
    await registry.seed('app', { blobs: [bytes] });
    const blob = await clientOf(registry).send(`/v2/app/blobs/${digest}`);
    expect([blob.header('content-encoding'), new Uint8Array(blob.body)]).toEqual(['gzip', bytes]);
  });
});

test('a connection serves so many requests, and is reset at the next', async () => {
  await using registry = await startRegistry({ quirks: { wire: { requestsPerConnection: 2 } } });
  const bytes = await rawAnswers(registry, 'GET /v2/', 'GET /v2/', 'GET /v2/');
  expect(registry.requests).toHaveLength(3);
  expect(bytes.toString('latin1').match(/HTTP/g)).toHaveLength(2);
  expect((await clientOf(registry).send('/v2/')).status).toBe(200);
});

test('nothing but interim answers comes until the client leaves', async () => {
  await using registry = await startRegistry();
  registry.misbehave({ interimEveryMs: 5 });
  const [hostname = '', port] = registry.host.split(':');
  const socket = connect(Number(port), hostname);
  socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await expect.poll(() => text.match(/102 Processing/g)?.length ?? 0).toBeGreaterThan(3);
  expect(text).toMatch(/^(?:HTTP\/1\.1 102 Processing\r\n\r\n)+$/);
  socket.destroy();
  await registry.settled();
});
