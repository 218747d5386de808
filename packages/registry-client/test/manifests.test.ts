import { digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { createTrustKey, signJSON } from '@slipway/manifest/schema1';
import { describe, expect, test } from 'vitest';
import { openRegistry, type RegistryError } from '../src/index.ts';
import { listOf } from './push-through.ts';
import { afterPing, type Script, startScriptedServer } from './scripted-server.ts';

const bytes = new TextEncoder().encode('{"schemaVersion":2}');
const digest = digestBytes(bytes);
const mediaType = mediaTypes.ociManifest;
const other = digestBytes(new Uint8Array(1));

describe('putManifest', () => {
  test.each<[number, Record<string, string>, { digest?: string; subject?: string; location?: string }]>([
    [200, {}, {}],
    [201, {}, {}],
    [202, {}, {}],
    [204, {}, {}],
    [201, { 'docker-content-digest': digest }, { digest }],
    [201, { 'docker-content-digest': other }, { digest: other }],
    [201, { 'docker-content-digest': 'not a digest' }, {}],
    [201, { 'content-type': 'text/html; charset=utf-8' }, {}],
    [201, { 'oci-subject': other }, { subject: other }],
    [201, { location: '/v2/demo/app/manifests/v1' }, { location: '/v2/demo/app/manifests/v1' }],
    [201, { location: 'https://elsewhere.example/m' }, { location: 'https://elsewhere.example/m' }],
    [201, { location: 'http://[' }, {}],
  ])('%d with %j is a success, told as it was said', async (status, headers, expected) => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        response.writeHead(status, headers).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    const { location, ...result } = await registry.repository('demo/app').putManifest('v1', bytes, { mediaType });
    expect(location?.href).toBe(expected.location && new URL(expected.location, server.url).href);
    expect({ ...result, location: expected.location }).toEqual({ status, digest: undefined, ...expected });
    expect(server.seen[1]).toMatchObject({
      method: 'PUT',
      url: '/v2/demo/app/manifests/v1',
      headers: { 'content-type': mediaType, 'content-length': `${bytes.byteLength}` },
    });
    expect(Buffer.compare(server.seen[1]?.body ?? Buffer.alloc(0), bytes)).toBe(0);
  });

  test.each([200, 201])('%d with a web page is no success', async (status) => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        response.writeHead(status, { 'content-type': 'text/html' }).end('<html><title>Sign in</title></html>');
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').putManifest('v1', bytes, { mediaType })).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('answers with web pages'),
    });
  });
});

test('a manifest that was accepted before all of it was sent is no success', async () => {
  await using server = await startScriptedServer(
    afterPing((request, response) => {
      request.raw.once('data', () => {
        request.raw.pause();
        response.writeHead(201, { 'docker-content-digest': digest }).end();
      });
    }),
  );
  await using registry = openRegistry({ url: server.url });
  const long = new Uint8Array(15 * 1024 * 1024); // more than sockets hold
  await expect(registry.repository('a').putManifest('v1', long, { mediaType })).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
    reason: 'answered-early',
  });
});

test.each([
  ['lists', (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`],
  ['objects', (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`],
])('a refusal whose detail nests without end, %s, keeps its status and its words', async (_, nested) => {
  const detail = `{"digest":"${other}","more":${nested(9_000)}}`;
  await using server = await startScriptedServer(
    afterPing(async (request, response) => {
      await request.read();
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(`{"errors":[{"code":"MANIFEST_INVALID","message":"the real reason","detail":${detail}}]}`);
    }),
  );
  await using registry = openRegistry({ url: server.url });
  const refused: unknown = await registry
    .repository('a')
    .putManifest('v1', bytes, { mediaType })
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 400, message: expect.stringContaining('the real reason') });
  const { diagnostics } = refused as RegistryError;
  expect(diagnostics).toMatchObject([{ code: 'MANIFEST_INVALID', detail: { digest: other } }]);
  expect(JSON.stringify(diagnostics).length).toBeLessThan(1_000); // its readers go as deep as it does
});

describe('getManifest and statManifest', () => {
  function holding(headers: Record<string, string>, content: Uint8Array = bytes): Script {
    return afterPing(
      (_, response) =>
        void response.writeHead(200, { 'content-length': `${content.byteLength}`, ...headers }).end(content),
    );
  }

  test('ask for every type but schema 1, unless told otherwise', async () => {
    await using server = await startScriptedServer(holding({ 'content-type': mediaType }));
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').statManifest('v1');
    await registry.repository('a').getManifest('v1', { accept: ['application/x'] });
    expect(server.seen.slice(1).map(({ headers }) => headers.accept)).toEqual([
      [mediaTypes.dockerManifest, mediaTypes.dockerManifestList, mediaTypes.ociManifest, mediaTypes.ociIndex].join(
        ', ',
      ),
      'application/x',
    ]);
  });

  test('the digest of what was read is computed, and the header must not claim another', async () => {
    let claimed: string = digestBytes(bytes, 'sha512');
    await using server = await startScriptedServer((request, response) =>
      holding({ 'content-type': `${mediaType}; charset=utf-8`, 'docker-content-digest': claimed })(request, response),
    );
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    for (claimed of [claimed, 'no digest', digest]) {
      expect(await repository.getManifest('v1')).toEqual({ mediaType, digest, bytes });
    }
    claimed = digestBytes(new Uint8Array(1));
    await expect(repository.getManifest('v1')).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('a manifest of another digest than the one asked for breaks the protocol', async () => {
    await using server = await startScriptedServer(holding({ 'content-type': mediaType }));
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').getManifest(digestBytes(new Uint8Array(1)))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
    });
  });

  test('of a signed manifest of schema 1, what was signed is read, under its digest', async () => {
    const payload = new TextEncoder().encode('{\n   "schemaVersion": 1,\n   "name": "a"\n}');
    const signed = await signJSON(payload, [createTrustKey()]);
    const type = mediaTypes.schema1SignedManifest;
    await using server = await startScriptedServer(
      holding({ 'content-type': type, 'docker-content-digest': digestBytes(payload) }, signed.bytes),
    );
    await using registry = openRegistry({ url: server.url });
    const expected = { mediaType: type, digest: digestBytes(payload), bytes: payload };
    for (const name of ['v1', digestBytes(payload)]) {
      expect(await registry.repository('a').getManifest(name)).toEqual(expected);
    }
    await expect(registry.repository('a').getManifest(digest)).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('a stat without a digest or length has none', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(200, { 'transfer-encoding': 'chunked' }).end()),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('a').statManifest('v1')).toEqual({
      mediaType: '',
      digest: undefined,
      size: undefined,
    });
    expect(await registry.repository('a').statBlob(digest)).toEqual({ digest, size: undefined });
  });

  test('absence is a value, refusal an error', async () => {
    let status = 404;
    await using server = await startScriptedServer(afterPing((_, response) => void response.writeHead(status).end()));
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    expect(await repository.statManifest('v1')).toBeUndefined();
    expect(await repository.getManifest('v1')).toBeUndefined();
    status = 403;
    await expect(repository.statManifest('v1')).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DENIED',
      message: expect.stringMatching(/answered 403: Forbidden$/),
    });
  });

  test('seventeen megabytes are no manifest', async () => {
    await using server = await startScriptedServer(
      holding({ 'content-type': mediaType }, new Uint8Array(17 * 1_048_576)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').getManifest('v1')).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });
});

describe('listTags', () => {
  test('pages follow one another by their links, relative or absolute', async () => {
    await using server = await startScriptedServer(
      afterPing((request, response) => {
        const { searchParams } = new URL(request.url, 'http://x');
        const last = searchParams.get('last');
        if (last === null) response.setHeader('link', '</v2/a/tags/list?n=1&last=x>; rel="next"').end('{"tags":["x"]}');
        else if (last === 'x')
          response
            .setHeader('link', `<http://${request.headers.host}/v2/a/tags/list?n=1&last=y>; rel="next"`)
            .end('{"tags":["y"]}');
        else response.end('{"tags":["z"]}');
      }),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await listOf(registry.repository('a').listTags({ pageSize: 1 }))).toEqual(['x', 'y', 'z']);
    expect(server.seen[1]?.url).toBe('/v2/a/tags/list?n=1');
  });

  test.each([
    ['null', '{"name":"a","tags":null}', []],
    ['an empty list', '{"tags":[]}', []],
  ])('%s is no tag', async (_, body, expected) => {
    await using server = await startScriptedServer(afterPing((_request, response) => void response.end(body)));
    await using registry = openRegistry({ url: server.url });
    expect(await listOf(registry.repository('a').listTags())).toEqual(expected);
  });

  test('pages without a tag end somewhere, and those with some go on', async () => {
    let asked = 0;
    const script: Script = (request, response) => {
      asked += 1;
      const page = Number(new URL(request.url, 'http://x').searchParams.get('last') ?? 0);
      const tags = page === 90 || page === 180 ? [`t${page}`] : [];
      response.setHeader('link', `</v2/a/tags/list?last=${page + 1}>; rel="next"`);
      response.end(JSON.stringify({ tags }));
    };
    await using server = await startScriptedServer(afterPing(script));
    await using registry = openRegistry({ url: server.url });
    const found: string[] = [];
    const reading = (async () => {
      for await (const tag of registry.repository('a').listTags()) found.push(tag);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('100 pages in a row without an entry'),
    });
    expect(found).toEqual(['t90', 't180']);
    expect(asked).toBe(281);
  });

  test.each<[string, string, Record<string, string>]>([
    ['no JSON', '<html>', {}],
    ['no tags', '{}', {}],
    ['tags that are no texts', '{"tags":[1]}', {}],
    ['a next page that is this page', '{"tags":["x"]}', { link: '</v2/a/tags/list?last=x>; rel="next"' }],
    ['a next page elsewhere', '{"tags":["x"]}', { link: '<http://elsewhere.example/>; rel="next"' }],
  ])('%s breaks the protocol', async (_, body, headers) => {
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(200, headers).end(body)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(listOf(registry.repository('a').listTags())).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });
});

describe('beginUpload', () => {
  test.each([
    ['from a neighbour', { digest, from: 'demo/base' }, `from=demo%2Fbase&mount=${encodeURIComponent(digest)}`],
    ['from anywhere', { digest }, `mount=${encodeURIComponent(digest)}`],
  ])('asks for a mount %s with the keys in docker’s order', async (_, mount, query) => {
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(201, { 'docker-content-digest': digest }).end()),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('demo/app').beginUpload({ mount })).toEqual({ kind: 'mounted', digest });
    expect(server.seen[1]).toMatchObject({
      method: 'POST',
      url: `/v2/demo/app/blobs/uploads/?${query}`,
      headers: { 'content-length': '0' },
    });
  });

  test.each<[string, number, Record<string, string>, object]>([
    [
      'a blob that nobody asked to mount',
      201,
      { location: `/v2/a/blobs/${digest}` },
      { code: 'ERR_REGISTRY_PROTOCOL' },
    ],
    ['no location', 202, {}, { code: 'ERR_REGISTRY_PROTOCOL' }],
    ['a location that is no URL', 202, { location: 'http://' }, { code: 'ERR_REGISTRY_PROTOCOL' }],
    ['a refusal', 403, {}, { code: 'ERR_REGISTRY_DENIED', hint: expect.stringContaining('slipway login') }],
    ['a repository that does not exist', 404, {}, { code: 'ERR_REGISTRY_NOT_FOUND' }],
  ])('%s is an error', async (_, status, headers, expected) => {
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(status, headers).end()),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').beginUpload()).rejects.toMatchObject(expected);
  });

  test('ends the session that the registry opened when the caller had left already', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using server = await startScriptedServer(
      afterPing(({ method }, response) => {
        if (method === 'DELETE') return void response.writeHead(204).end();
        controller.abort(reason);
        response.writeHead(202, { location: '/v2/a/blobs/uploads/one' }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').beginUpload({ signal: controller.signal })).rejects.toBe(reason);
    expect(server.seen.slice(1).map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v2/a/blobs/uploads/',
      'DELETE /v2/a/blobs/uploads/one',
    ]);
  });

  test('does not wait for ever for a registry that says nothing', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using server = await startScriptedServer(afterPing(() => controller.abort(reason)));
    await using registry = openRegistry({ url: server.url, timeouts: { disposalMs: 20 } });
    await expect(registry.repository('a').beginUpload({ signal: controller.signal })).rejects.toBe(reason);
    expect(server.seen.slice(1).map(({ method }) => method)).toEqual(['POST']);
  });
});

test('an abort before a request sends nothing', async () => {
  await using server = await startScriptedServer(afterPing(() => {}));
  await using registry = openRegistry({ url: server.url });
  const repository = registry.repository('a');
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  const calls = [
    registry.ping({ signal }),
    repository.statBlob(digest, { signal }),
    repository.beginUpload({ signal }),
    repository.resumeUpload(new URL(server.url), { signal }),
    repository.statManifest('v1', { signal }),
    repository.getManifest('v1', { signal }),
    repository.putManifest('v1', bytes, { mediaType, signal }),
    listOf(repository.listTags({ signal })),
    listOf(repository.openBlob(digest, { signal })),
  ];
  for (const call of calls) await expect(call).rejects.toBe(reason);
  expect(server.seen).toEqual([]);
});

describe('what would lead out of the repository is refused before anything is sent', () => {
  test.each(['', '/a', 'a/', 'a//b', '../a', 'a/..', 'a/./b', 'a?b', 'a#b', 'a b', 'a%2fb'])(
    'the path %j',
    async (path) => {
      await using registry = openRegistry({ url: 'http://127.0.0.1:9' });
      expect(() => registry.repository(path)).toThrow(TypeError);
    },
  );

  test.each(['', 'a/b', '../x', 'a?b', '.a', 'a'.repeat(129), 'sha256:abc', 'a b'])(
    'the tag or digest %j',
    async (tagOrDigest) => {
      await using registry = openRegistry({ url: 'http://127.0.0.1:9' });
      await expect(registry.repository('a').getManifest(tagOrDigest)).rejects.toThrow(TypeError);
      await expect(registry.repository('a').putManifest(tagOrDigest, bytes, { mediaType })).rejects.toThrow(TypeError);
    },
  );

  test('a kept location that leaves https for http', async () => {
    await using registry = openRegistry({ url: 'https://127.0.0.1:9' });
    await expect(registry.repository('a').resumeUpload(new URL('http://127.0.0.1:9/u'))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    });
  });
});
