import { connect } from 'node:net';
import { contentOf, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { startRegistry, temporaryFolder } from '../src/index.ts';
import { clientOf, codeOf, encode, seedImage, someBlob, textOf } from './client.ts';

describe('the record of requests', () => {
  test('tells what was asked, answered and carried', async () => {
    await using registry = await startRegistry();
    const { begin, patch, put, send } = clientOf(registry);
    const { bytes, digest } = someBlob();
    const patched = await patch(await begin(), bytes);
    await put(patched.header('location') ?? '', digest);
    await send(`/v2/app/blobs/${digest}`);
    await registry.settled();
    expect(
      registry.requests.map(({ method, kind, repository, status, requestBytes, responseBytes }) => [
        method,
        kind,
        repository,
        status,
        requestBytes,
        responseBytes,
      ]),
    ).toEqual([
      ['POST', 'upload-start', 'app', 202, 0, 0],
      ['PATCH', 'upload-patch', 'app', 202, 1000, 0],
      ['PUT', 'upload-put', 'app', 201, 0, 0],
      ['GET', 'blob-get', 'app', 200, 0, 1000],
    ]);
    expect(registry.requests[2]?.query.get('digest')).toBe(digest);
  });

  test('is listed on arrival and emptied on demand', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ delayAnswerMs: 20 });
    const answer = clientOf(registry).send('/v2/');
    while (registry.requests.length === 0) await new Promise(setImmediate);
    expect(registry.requests[0]?.status).toBe(0);
    await answer;
    await registry.settled();
    expect(registry.requests[0]?.status).toBe(200);
    registry.clearRequests();
    expect(registry.requests).toEqual([]);
  });
});

describe('Locations', () => {
  test.each([
    ['relative', /^\/v2\/app\/blobs\/uploads\//],
    ['absolute', /^http:\/\/127\.0\.0\.1:\d+\/v2\/app\/blobs\/uploads\//],
  ] as const)('%s', async (location, expected) => {
    await using registry = await startRegistry({ quirks: { location } });
    expect(await clientOf(registry).begin()).toMatch(expected);
  });

  test('are new at every step, and only the newest is good for writing', async () => {
    await using registry = await startRegistry();
    const { begin, patch, send } = clientOf(registry);
    const first = await begin();
    const second = (await patch(first, someBlob().bytes)).header('location') ?? '';
    const third = (await send(second)).header('location') ?? '';
    expect(new Set([first, second, third]).size).toBe(3);
    expect((await patch(first, someBlob().bytes)).status).toBe(416);
    expect((await patch(first.replace(/\?.*/, ''), someBlob().bytes)).status).toBe(400);
    expect((await send(first)).status).toBe(204);
    expect((await patch(third, someBlob().bytes)).status).toBe(202);
  });
});

describe('limits', () => {
  test('a manifest beyond the limit is 413, and the connection lives', async () => {
    await using registry = await startRegistry({ manifestMaxBytes: 100_000 });
    const answer = await clientOf(registry).send('/v2/app/manifests/v1', {
      method: 'PUT',
      body: encode({ filler: 'x'.repeat(1_000_000) }),
      headers: { 'content-type': mediaTypes.ociManifest },
    });
    expect([answer.status, codeOf(answer)]).toEqual([413, 'MANIFEST_INVALID']);
  });

  test.each([
    ['a size with a point', '"size":2.0', /whole number in digits, got 2\.0/],
    ['a size with an exponent', '"size":2e0', /whole number in digits, got 2e0/],
    ['a size twice', '"size":1,"size":2', /names .*size.* twice/],
  ])('a manifest with %s is refused', async (_, size, message) => {
    await using registry = await startRegistry();
    const text = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}","config":{${size}},"layers":[]}`;
    const answer = await clientOf(registry).send('/v2/app/manifests/v1', {
      method: 'PUT',
      body: new TextEncoder().encode(text),
      headers: { 'content-type': mediaTypes.ociManifest },
    });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'MANIFEST_INVALID']);
    expect(new TextDecoder().decode(answer.body)).toMatch(message);
  });

  test('chunkMinBytes is announced, and a short chunk must be the last', async () => {
    await using registry = await startRegistry({ chunkMinBytes: 500 });
    const { send, patch, put } = clientOf(registry);
    const { bytes, digest } = someBlob(700);
    const begun = await send('/v2/app/blobs/uploads/', { method: 'POST' });
    expect(begun.header('oci-chunk-min-length')).toBe('500');
    const first = await patch(begun.header('location') ?? '', bytes.subarray(0, 400), { 'content-range': '0-399' });
    expect(first.status).toBe(202);
    expect(
      (await patch(first.header('location') ?? '', bytes.subarray(400), { 'content-range': '400-699' })).status,
    ).toBe(416);
    expect((await put(first.header('location') ?? '', digest, bytes.subarray(400))).status).toBe(201);
  });

  test('a Content-Length that is not the range is refused', async () => {
    await using registry = await startRegistry();
    const { begin, patch } = clientOf(registry);
    const answer = await patch(await begin(), someBlob(10).bytes, { 'content-range': '0-10' });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'SIZE_INVALID']);
  });

  test.each([
    ['a path that is no URL', 'GET //[ HTTP/1.1', 404],
    ['a bad escape in a path', 'GET /v2/app/manifests/%zz HTTP/1.1', 404],
    ['a method nobody knows', 'PROPFIND /v2/app/tags/list HTTP/1.1', 405],
    ['another path', 'GET /v3/ HTTP/1.1', 404],
  ])('%s is answered', async (_, line, expected) => {
    await using registry = await startRegistry();
    const [host, port] = registry.host.split(':');
    const socket = connect(Number(port), host);
    socket.write(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toMatch(new RegExp(`^HTTP/1.1 ${expected} `));
  });
});

describe('what it holds', () => {
  test('is told without HTTP', async () => {
    await using registry = await startRegistry({ repositories: ['empty'] });
    const manifest = await seedImage(registry, 'app', 'v1');
    const digest = digestBytes(manifest);
    const { config } = JSON.parse(new TextDecoder().decode(manifest));
    expect(registry.repositories()).toEqual(['app', 'empty']);
    expect(registry.manifests('app')).toEqual([digest]);
    expect(await registry.manifest('app', 'v1')).toEqual({
      digest,
      mediaType: mediaTypes.ociManifest,
      bytes: manifest,
    });
    expect(await registry.manifest('app', 'v2')).toBeUndefined();
    expect([registry.hasBlob('app', config.digest), registry.hasBlob('empty', config.digest)]).toEqual([true, false]);
    expect(await registry.blobBytes('empty', config.digest)).toBeUndefined();
    expect(registry.tags('nothing')).toEqual([]);
    expect(registry.requests).toEqual([]);
  });

  test('is listed by the catalog', async () => {
    await using registry = await startRegistry({ repositories: ['b', 'a'] });
    const answer = await clientOf(registry).send('/v2/_catalog?n=1');
    expect([textOf(answer), answer.header('link')]).toEqual([
      '{"repositories":["a"]}',
      '</v2/_catalog?last=a&n=1>; rel="next"',
    ]);
  });

  test('can be seeded from Content', async () => {
    await using registry = await startRegistry();
    const { bytes, digest } = someBlob();
    expect((await registry.seed('app', { blobs: [contentOf(bytes)] })).blobs).toEqual([
      { mediaType: 'application/octet-stream', digest, size: 1000 },
    ]);
    expect(await registry.blobBytes('app', digest)).toEqual(bytes);
  });

  test('sessions expire on demand', async () => {
    await using registry = await startRegistry();
    const { begin, send } = clientOf(registry);
    const [kept, lost] = [await begin('kept'), await begin('lost')];
    const id = registry.sessions().find(({ repository }) => repository === 'lost')?.id;
    await registry.expireSessions(id);
    expect([(await send(kept)).status, (await send(lost)).status]).toEqual([204, 404]);
    await registry.expireSessions();
    expect(registry.sessions()).toEqual([]);
  });
});

describe('sessions', () => {
  test('a request that waited for another finds out that the session has ended', async () => {
    await using registry = await startRegistry();
    const { begin, put, send } = clientOf(registry);
    const { bytes, digest } = someBlob();
    const location = await begin();
    const answers = await Promise.all([
      put(location, digest, bytes),
      put(location, digest, bytes),
      send(location, { method: 'DELETE' }),
    ]);
    const statuses = answers.map(({ status }) => status).sort();
    // One of them came first; the others find nothing.
    expect([
      [201, 404, 404],
      [204, 404, 404],
    ]).toContainEqual(statuses);
  });

  test('a POST with a whole blob that fails leaves no session', async () => {
    await using registry = await startRegistry();
    const { send } = clientOf(registry);
    const path = `/v2/app/blobs/uploads/?digest=${someBlob().digest}`;
    expect(codeOf(await send(path, { method: 'POST', body: someBlob().bytes }))).toBe('DIGEST_INVALID');
    registry.misbehave({ dropAfter: 10, times: 1 });
    await expect(send(path, { method: 'POST', body: someBlob().bytes })).rejects.toThrow();
    await registry.settled();
    expect(registry.sessions()).toEqual([]);
  });
});

describe('schema 1', () => {
  // Signed by nobody: the registry reads only what the digest needs.
  const payload = '{"fsLayers":[],"history":[],"schemaVersion":1';
  const tail = '}';
  const header = Buffer.from(
    JSON.stringify({ formatLength: payload.length, formatTail: Buffer.from(tail).toString('base64url') }),
  ).toString('base64url');
  const body = new TextEncoder().encode(`${payload},"signatures":[{"protected":"${header}"}]}`);
  const put = { method: 'PUT', body, headers: { 'content-type': mediaTypes.schema1SignedManifest } };

  test('is refused unless asked for', async () => {
    await using registry = await startRegistry();
    expect((await clientOf(registry).send('/v2/app/manifests/v1', put)).status).toBe(400);
  });

  test('is named by what was signed', async () => {
    await using registry = await startRegistry({ schema1: true });
    const answer = await clientOf(registry).send('/v2/app/manifests/v1', put);
    expect([answer.status, answer.header('docker-content-digest')]).toEqual([
      201,
      digestBytes(new TextEncoder().encode(payload + tail)),
    ]);
    expect(await registry.verify()).toEqual({ tags: 1, manifests: 1, blobs: 0 });
  });
});

test('a port that is taken is an error, after which the folder is free', async () => {
  await using folder = await temporaryFolder();
  await using other = await startRegistry();
  const port = Number(other.host.split(':')[1]);
  await expect(startRegistry({ port, folder: folder.path })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await using registry = await startRegistry({ folder: folder.path });
  expect((await clientOf(registry).send('/v2/')).status).toBe(200);
});

test('disposing twice is disposing once, and frees the port', async () => {
  const registry = await startRegistry();
  await registry[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await using again = await startRegistry({ port: Number(registry.host.split(':')[1]) });
  expect(again.host).toBe(registry.host);
});
