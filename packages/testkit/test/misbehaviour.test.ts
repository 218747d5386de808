import { describe, expect, test } from 'vitest';
import { openAnswer } from '../src/http-request.ts';
import { startRegistry } from '../src/index.ts';
import { clientOf, codeOf, encode, seedImage, someBlob, textOf } from './client.ts';

describe('dropAfter', () => {
  test('the bytes before the cut are kept, and the session tells of them', async () => {
    await using registry = await startRegistry();
    using rule = registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, dropAfter: 600 });
    const { begin, send, patch, put } = clientOf(registry);
    const { bytes, digest } = someBlob();
    const location = await begin();
    await expect(patch(location, bytes)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const status = await send(location);
    expect([status.status, status.header('range')]).toEqual([204, '0-599']);
    const rest = await patch(status.header('location') ?? '', bytes.subarray(600), { 'content-range': '600-999' });
    expect(rest.status).toBe(202);
    expect((await put(rest.header('location') ?? '', digest)).status).toBe(201);
    expect(rule.hits).toBe(1);
    expect(registry.requests[1]).toMatchObject({ kind: 'upload-patch', status: 0, requestBytes: 600 });
  });

  test('a shorter body is treated well', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'upload-patch' }, dropAfter: 1001 });
    const { begin, patch } = clientOf(registry);
    expect((await patch(await begin(), someBlob().bytes)).status).toBe(202);
  });

  test.each([
    ['gone', 404],
    ['kept', 204],
  ] as const)('a broken session is %s where the registry is that way', async (brokenSession, expected) => {
    await using registry = await startRegistry({ quirks: { brokenSession } });
    registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, dropAfter: 1 });
    const { begin, patch, send } = clientOf(registry);
    const location = await begin();
    await expect(patch(location, someBlob().bytes)).rejects.toThrow();
    await registry.settled();
    expect((await send(location)).status).toBe(expected);
  });
});

test('dropResponse does the work and says nothing', async () => {
  await using registry = await startRegistry();
  const bytes = await seedImage(registry);
  registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, dropResponse: true });
  const { send } = clientOf(registry);
  const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
  await expect(send('/v2/app/manifests/v2', { method: 'PUT', body: bytes, headers })).rejects.toThrow();
  expect(registry.tags('app')).toEqual(['v1', 'v2']);
});

test('reset ends the connection before anything is read', async () => {
  await using registry = await startRegistry();
  registry.misbehave({ reset: true, times: 1 });
  const { send } = clientOf(registry);
  await expect(send('/v2/')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await send('/v2/')).status).toBe(200);
});

test('stall never answers, and ends with the registry', async () => {
  const registry = await startRegistry();
  const rule = registry.misbehave({ stall: true });
  const answer = clientOf(registry).send('/v2/');
  const ended = expect(answer).rejects.toThrow();
  while (rule.hits === 0) await new Promise(setImmediate);
  await registry[Symbol.asyncDispose]();
  await ended;
});

describe('status', () => {
  test.each([
    ['an error body of the spec', { status: 503 }, 'application/json', '"UNAVAILABLE"'],
    ['HTML', { status: 502, body: '<html>bad gateway</html>' }, 'text/html', '<html>bad gateway</html>'],
    ['plain text', { status: 429, body: 'slow down' }, 'text/plain', 'slow down'],
    ['JSON of any kind', { status: 401, body: { details: 'no' } }, 'application/json', '{"details":"no"}'],
  ] as const)('%s', async (_, rule, type, text) => {
    await using registry = await startRegistry();
    registry.misbehave({ ...rule, headers: { 'Retry-After': '7' } });
    const answer = await clientOf(registry).send('/v2/');
    expect([answer.status, answer.header('content-type'), answer.header('retry-after')]).toEqual([
      rule.status,
      type,
      '7',
    ]);
    expect(textOf(answer)).toContain(text);
  });

  test('no work is done', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, status: 500, readFirst: true });
    const { begin, patch } = clientOf(registry);
    expect((await patch(await begin(), someBlob().bytes)).status).toBe(500);
    expect(registry.sessions()).toMatchObject([{ offset: 0 }]);
  });
});

describe('delays', () => {
  test.each(['delayMs', 'delayAnswerMs'] as const)('%s holds the answer back', async (name) => {
    await using registry = await startRegistry();
    registry.misbehave({ [name]: 30 });
    const before = performance.now();
    expect((await clientOf(registry).send('/v2/')).status).toBe(200);
    // A timer never fires early, but Node counts whole milliseconds.
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
  });

  test('a registry that ends does not wait for a delay', async () => {
    const registry = await startRegistry();
    const rule = registry.misbehave({ delayAnswerMs: 3_600_000 });
    const ended = expect(clientOf(registry).send('/v2/')).rejects.toThrow();
    while (rule.hits === 0) await new Promise(setImmediate);
    await registry[Symbol.asyncDispose]();
    await ended;
  });
});

describe('answers', () => {
  test('truncateAfter cuts the body', async () => {
    await using registry = await startRegistry();
    const { blobs } = await registry.seed('app', { blobs: [someBlob(500_000).bytes] });
    registry.misbehave({ match: { kind: 'blob-get' }, times: 1, truncateAfter: 100_000 });
    const response = await openAnswer(`${registry.url}/v2/app/blobs/${blobs[0]?.digest}`);
    let received = 0;
    const reading = (async () => {
      for await (const chunk of response as AsyncIterable<Uint8Array>) received += chunk.byteLength;
    })();
    await expect(reading).rejects.toThrow('aborted');
    expect(received).toBe(100_000);
    await registry.settled();
    expect(registry.requests.at(-1)).toMatchObject({ status: 200, responseBytes: 100_000 });
  });

  test('drip sends the body in small pieces', async () => {
    await using registry = await startRegistry();
    const { bytes } = someBlob();
    const { blobs } = await registry.seed('app', { blobs: [bytes] });
    registry.misbehave({ match: { kind: 'blob-get' }, drip: { bytes: 300, everyMs: 1 } });
    const answer = await clientOf(registry).send(`/v2/app/blobs/${blobs[0]?.digest}`);
    expect(Buffer.compare(answer.body, bytes)).toBe(0);
  });

  test('omitHeaders leaves headers out, in any case', async () => {
    await using registry = await startRegistry();
    await seedImage(registry);
    registry.misbehave({ omitHeaders: ['docker-content-digest', 'Location', 'range', 'content-length'] });
    const { send } = clientOf(registry);
    const head = await send('/v2/app/manifests/v1', { method: 'HEAD' });
    expect([head.status, head.header('docker-content-digest'), head.header('content-length')]).toEqual([
      200,
      undefined,
      undefined,
    ]);
    const begun = await send('/v2/app/blobs/uploads/', { method: 'POST' });
    expect([begun.status, begun.header('location'), begun.header('range')]).toEqual([202, undefined, undefined]);
  });

  test('wrongDigest names another content', async () => {
    await using registry = await startRegistry();
    await seedImage(registry);
    registry.misbehave({ match: { kind: 'manifest-head' }, wrongDigest: true });
    const head = await clientOf(registry).send('/v2/app/manifests/v1', { method: 'HEAD' });
    expect(head.header('docker-content-digest')).toBe(`sha256:${'0'.repeat(64)}`);
  });

  test.each([
    ['an origin', 'http://127.0.0.1:1', /^http:\/\/127\.0\.0\.1:1\/v2\/app\/blobs\/uploads\/[^?]+\?_state=/],
    ['a function', (url: URL) => url.href.replace('/v2/', '/elsewhere/'), /^http:\/\/127\.0\.0\.1:\d+\/elsewhere\/app/],
  ] as const)('moveLocation rewrites by %s', async (_, moveLocation, expected) => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'upload-start' }, moveLocation });
    expect(await clientOf(registry).begin()).toMatch(expected);
  });
});

describe('matching', () => {
  test.each([
    ['method', { method: 'post' }, [false, true, false]],
    ['kind', { kind: 'blob-head' }, [false, false, true]],
    ['several kinds', { kind: ['ping', 'blob-head'] }, [true, false, true]],
    ['a prefix', { path: '/v2/app/' }, [false, true, true]],
    ['an expression', { path: /uploads\/\?mount=/ }, [false, true, false]],
    ['a repository', { repository: 'app' }, [false, true, true]],
    ['everything', {}, [true, true, true]],
    ['method and kind', { method: 'GET', kind: 'blob-head' }, [false, false, false]],
  ] as const)('by %s', async (_, match, expected) => {
    await using registry = await startRegistry();
    registry.misbehave({ match, status: 418 });
    const { send } = clientOf(registry);
    const { digest } = someBlob();
    const answers = [
      await send('/v2/'),
      await send(`/v2/app/blobs/uploads/?mount=${digest}`, { method: 'POST' }),
      await send(`/v2/app/blobs/${digest}`, { method: 'HEAD' }),
    ];
    expect(answers.map(({ status }) => status === 418)).toEqual(expected);
  });

  test('`after` lets requests pass, `times` ends the rule, rules take turns in order', async () => {
    await using registry = await startRegistry();
    const first = registry.misbehave({ after: 1, times: 2, status: 500 });
    const second = registry.misbehave({ times: 1, status: 503 });
    const { send } = clientOf(registry);
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await send('/v2/')).status);
    expect(statuses).toEqual([503, 500, 500, 200, 200]);
    expect([first.hits, second.hits]).toEqual([2, 1]);
  });

  test('a removed rule does nothing', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ status: 500 }).remove();
    expect((await clientOf(registry).send('/v2/')).status).toBe(200);
  });
});

test('a status in the middle of an upload leaves the connection usable', async () => {
  await using registry = await startRegistry();
  registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 429 });
  const { send } = clientOf(registry);
  const answer = await send('/v2/app/manifests/v1', { method: 'PUT', body: encode({ filler: 'x'.repeat(1_000_000) }) });
  expect([answer.status, codeOf(answer)]).toEqual([429, 'TOOMANYREQUESTS']);
});
