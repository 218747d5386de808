import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { beginSession, collect, listOf, manifestOf, testBytes } from './push-through.ts';
import { type RawRequest, startRawServer } from './raw-server.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const layer = testBytes(200_000);
const digest = digestBytes(layer);
const manifest = manifestOf(layer);

/** What a registry with this one layer answers: the lines of the head, and the body. */
function answerTo({ method, path }: RawRequest): { readonly lines: readonly string[]; readonly body: Uint8Array } {
  const plain = (status: string, ...lines: string[]) => ({
    lines: [`HTTP/1.1 ${status}`, ...lines],
    body: Buffer.alloc(0),
  });
  if (path === '/v2/') return { lines: ['HTTP/1.1 200 OK', 'Content-Type: application/json'], body: Buffer.from('{}') };
  if (method === 'HEAD') return { ...plain('200 OK', `Docker-Content-Digest: ${digest}`), body: layer };
  if (method === 'GET') return { lines: ['HTTP/1.1 200 OK'], body: layer };
  if (method === 'POST') return plain('202 Accepted', 'Location: /u?state=1');
  return plain(method === 'PUT' ? '201 Created' : '202 Accepted', 'Location: /u?state=2');
}

type Form = (lines: readonly string[], body: Uint8Array, request: RawRequest) => readonly (string | Uint8Array)[];

const length = (body: Uint8Array): string => `Content-Length: ${body.byteLength}`;
const head = (lines: readonly string[], end = '\r\n'): string => lines.map((line) => line + end).join('') + end;
const chunked = (body: Uint8Array): Uint8Array =>
  Buffer.concat(
    body.length === 0
      ? [Buffer.from('0\r\n\r\n')]
      : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')],
  );

const forms: Readonly<Record<string, Form>> = {
  'as it should be': (lines, body) => [head([...lines, length(body)]), body],
  'after 100 Continue': (lines, body) => ['HTTP/1.1 100 Continue\r\n\r\n', head([...lines, length(body)]), body],
  'after 100 Continue in the same packet': (lines, body) => [
    `HTTP/1.1 100 Continue\r\n\r\n${head([...lines, length(body)])}`,
    body,
  ],
  'after interim answers of all kinds': (lines, body) => [
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
    'HTTP/1.1 100\r\nX: y\r\n\r\n',
    head([...lines, length(body)]),
    body,
  ],
  'with bare line feeds': (lines, body) => [head([...lines, length(body)], '\n'), body],
  'with its length twice': (lines, body) => [head([...lines, length(body), 'X: y', length(body)]), body],
  'with its length twice in one line': (lines, body) => [head([...lines, `${length(body)}, ${body.byteLength}`]), body],
  'with a length beside chunks': (lines, body, { method }) => [
    head([...lines, length(body), 'Transfer-Encoding: chunked']),
    method === 'HEAD' ? '' : chunked(body),
  ],
  'with space before the colon': (lines, body) => [head([...lines, `Content-Length : ${body.byteLength}`]), body],
};

describe('an answer', () => {
  test.each(Object.keys(forms))('%s is taken, in whatever pieces it comes', async (name) => {
    for (const size of [Number.POSITIVE_INFINITY, 7]) {
      await using server = await startRawServer((request, socket) => {
        const { lines, body } = answerTo(request);
        const form = forms[name] ?? (() => []);
        const bytes = Buffer.concat(
          form(lines, body, request).map((part, index, all) =>
            index === all.length - 1 && request.method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(part as string),
          ),
        );
        if (size === Number.POSITIVE_INFINITY) return void socket.write(bytes);
        socket.setNoDelay(true);
        for (let at = 0; at < Math.min(bytes.length, 300); at += size)
          socket.write(bytes.subarray(at, Math.min(at + size, 300)));
        socket.write(bytes.subarray(300));
      });
      await using registry = openRegistry({ url: server.url });
      const repository = registry.repository('a');
      expect(await repository.statBlob(digest)).toMatchObject({ digest });
      const session = await beginSession(repository);
      await session.append(contentOf(layer.subarray(0, 100_000)));
      await session.put(contentOf(layer), digest);
      expect(await repository.putManifest('v1', manifest, { mediaType: mediaTypes.ociManifest })).toMatchObject({
        status: 201,
      });
      expect(Buffer.compare(await collect(repository.openBlob(digest)), layer)).toBe(0);
      if (!name.includes('chunks')) expect(server.connections).toBe(1);
      expect(server.seen.map(({ method }) => method).join(' ')).toBe('GET HEAD POST PATCH PUT PUT GET');
    }
  });

  test.each([
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ])('with %s is no HTTP', async (_, text) => {
    await using server = await startRawServer((_request, socket) => void socket.write(text));
    await using registry = openRegistry({ url: server.url });
    await expect(registry.ping()).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('that is nothing but interim answers is given up when its time is over', async () => {
    let timer: NodeJS.Timeout | undefined;
    await using server = await startRawServer((_, socket) => {
      timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    await using registry = openRegistry({ url: server.url, timeouts: { metadataMs: 300 } });
    await expect(registry.ping()).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('no answer came within 300 ms'),
    });
    clearInterval(timer);
  });
});

describe('codings', () => {
  test('are not asked for', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.writeHead(404).end()));
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').statBlob(digest);
    expect(server.seen.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'identity']);
  });

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['GZIP', gzipSync],
  ])('%s is undone for tokens, manifests, lists and errors', async (coding, encode) => {
    await using server = await startScriptedServer((request, response) => {
      const send = (status: number, body: string | Uint8Array, type = 'application/json'): void =>
        void response.writeHead(status, { 'content-type': type, 'content-encoding': coding }).end(encode(body));
      if (request.url.startsWith('/token')) return send(200, '{"token":"t"}');
      if (request.headers.authorization !== 'Bearer t') {
        response.setHeader('www-authenticate', `Bearer realm="http://${request.headers.host}/token"`);
        return send(401, '{"errors":[{"code":"UNAUTHORIZED"}]}');
      }
      if (request.url.endsWith('/tags/list')) return send(200, '{"tags":["v1"]}');
      if (request.method === 'POST')
        return send(403, '{"errors":[{"code":"DENIED","message":"the quota is used up"}]}');
      return send(200, manifest, mediaTypes.ociManifest);
    });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    expect((await repository.getManifest('v1'))?.digest).toBe(digestBytes(manifest));
    expect(await listOf(repository.listTags())).toEqual(['v1']);
    await expect(repository.beginUpload()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DENIED',
      message: expect.stringContaining('the quota is used up'),
    });
    expect((await repository.statManifest('v1'))?.size).toBeUndefined(); // the length is that of the coded bytes
  });

  test.each(['gzip', 'x-gzip'])('%s as the label of bytes that are not coded changes nothing', async (coding) => {
    await using server = await startScriptedServer(
      afterPing((request, response) => {
        const body = request.url.includes('/blobs/') ? layer : manifest;
        response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'content-encoding': coding }).end(body);
      }),
    );
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    expect((await repository.getManifest('v1'))?.bytes).toEqual(manifest);
    expect(Buffer.compare(await collect(repository.openBlob(digest)), layer)).toBe(0);
  });

  test('a small answer that would fill the memory is stopped at the limit', async () => {
    const bomb = gzipSync(new Uint8Array(64 * 1_048_576));
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').getManifest('v1')).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('a coded answer that is cut short says so', async () => {
    const coded = gzipSync(manifest);
    await using server = await startScriptedServer(
      afterPing(
        (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(coded.subarray(0, 40)),
      ),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').getManifest('v1')).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('gzip'),
    });
  });
});
