import { digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { quirkNames, resolveQuirks, startRegistry } from '../src/index.ts';
import { clientOf, codeOf, encode, seedImage, someBlob, textOf } from './client.ts';

/** For the Locations of gar. */
const largeHeaders = { maxHeaderSize: 64 * 1024 };

test.each(quirkNames)('%s still takes a blob and a manifest by the shape that works there', async (name) => {
  await using registry = await startRegistry({ quirks: name, repositories: ['app'] });
  const { send, patch, put } = clientOf(registry, largeHeaders);
  const push = async (bytes: Uint8Array): Promise<string> => {
    const begun = await send('/v2/app/blobs/uploads/', { method: 'POST' });
    const patched = await patch(begun.header('location') ?? '', bytes);
    expect([201, 202]).toContain(patched.status);
    const digest = digestBytes(bytes);
    expect((await put(patched.header('location') ?? '', digest)).status).toBe(201);
    return digest;
  };
  const [config, layer] = [await push(someBlob().bytes), await push(someBlob().bytes)];
  const body = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: config, size: 1000 },
    layers: [{ mediaType: mediaTypes.ociLayer, digest: layer, size: 1000 }],
  });
  const headers = { 'content-type': mediaTypes.ociManifest };
  expect((await send('/v2/app/manifests/v1', { method: 'PUT', body, headers })).status).toBe(201);
  expect(await registry.verify()).toEqual({ tags: 1, manifests: 1, blobs: 2 });
});

test('an unknown name in options is the plain registry with that one switch', () => {
  expect(resolveQuirks({ patchStatus: 201 })).toEqual({ ...resolveQuirks(), patchStatus: 201 });
});

describe('ecr', () => {
  test('drops later chunks, and says so at the commit only', async () => {
    await using registry = await startRegistry({ quirks: 'ecr', repositories: ['app'] });
    const { begin, patch, put } = clientOf(registry);
    const { bytes, digest } = someBlob();
    const ranges: unknown[] = [];
    let location = await begin();
    for (const from of [0, 400, 800]) {
      const chunk = bytes.subarray(from, from + 400);
      const patched = await patch(location, chunk, { 'content-range': `${from}-${from + chunk.byteLength - 1}` });
      ranges.push([patched.status, patched.header('range')]);
      location = patched.header('location') ?? '';
    }
    expect(ranges).toEqual([
      [201, '0-399'],
      [201, '0-399'],
      [201, '0-399'],
    ]);
    expect(codeOf(await put(location, digest))).toBe('DIGEST_INVALID');
  });

  test('refuses to start again on a session that broke, and does not tell of it', async () => {
    await using registry = await startRegistry({
      quirks: { ...resolveQuirks('ecr'), staleState: 'accepted' },
      repositories: ['app'],
    });
    registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, dropAfter: 100 });
    const { begin, patch, send } = clientOf(registry);
    const { bytes } = someBlob();
    const location = await begin();
    await expect(patch(location, bytes)).rejects.toThrow();
    expect((await send(location)).status).toBe(404);
    const again = await patch(location, bytes);
    expect([again.status, codeOf(again)]).toEqual([416, 'BLOB_UPLOAD_INVALID']);
  });

  test('knows only repositories that were made', async () => {
    await using registry = await startRegistry({ quirks: 'ecr', repositories: ['app'] });
    const answer = await clientOf(registry).send('/v2/other/blobs/uploads/', { method: 'POST' });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'NAME_UNKNOWN']);
  });

  test('refuses a tag that is there, even with the same digest', async () => {
    await using registry = await startRegistry({ quirks: 'ecr', repositories: ['app'] });
    const body = await seedImage(registry);
    const headers = { 'content-type': mediaTypes.ociManifest };
    const answer = await clientOf(registry).send('/v2/app/manifests/v1', { method: 'PUT', body, headers });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'TAG_INVALID']);
  });

  test('wants an OCI manifest to name its media type', async () => {
    await using registry = await startRegistry({ quirks: 'ecr', repositories: ['app'] });
    const { mediaType, ...nameless } = JSON.parse(new TextDecoder().decode(await seedImage(registry)));
    const put = { method: 'PUT', body: encode(nameless), headers: { 'content-type': mediaType } };
    expect((await clientOf(registry).send('/v2/app/manifests/v2', put)).status).toBe(400);
  });
});

test('gar sends headers beyond what Node reads unless told', async () => {
  await using registry = await startRegistry({ quirks: 'gar' });
  const begin = { method: 'POST' };
  await expect(clientOf(registry).send('/v2/app/blobs/uploads/', begin)).rejects.toMatchObject({
    code: 'HPE_HEADER_OVERFLOW',
  });
  const answer = await clientOf(registry, largeHeaders).send('/v2/app/blobs/uploads/', begin);
  expect(answer.header('location')?.length).toBeGreaterThan(20_000);
});

test('gar asks for a length where there is no body', async () => {
  await using registry = await startRegistry({ quirks: 'gar' });
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  const chunked = { method: 'POST', body: nothing(), headers: { 'transfer-encoding': 'chunked' } };
  const answer = await clientOf(registry).send('/v2/app/blobs/uploads/', chunked);
  expect(answer.status).toBe(411);
});

test.each([
  ['gar', { 'content-range': '0-999' }, 416],
  ['ghcr', { 'content-range': '0-999' }, 202],
  ['distribution-2', { 'content-range': '5-1004' }, 202],
  ['distribution-3', { 'content-type': 'text/plain' }, 400],
  ['distribution-3', { 'content-type': 'application/octet-stream' }, 202],
] as const)('%s answers a PATCH with %j', async (name, headers, expected) => {
  await using registry = await startRegistry({ quirks: name });
  const { begin, patch } = clientOf(registry, largeHeaders);
  expect((await patch(await begin(), someBlob().bytes, headers)).status).toBe(expected);
});

test.each([
  ['ghcr', 4 * 1024 * 1024 + 1, true, 416],
  ['ghcr', 4 * 1024 * 1024 + 1, false, 202],
  ['cloudflare', 100_000_001, false, 413],
] as const)('%s answers %d bytes in one PATCH, Content-Range %s, with %d', async (quirks, size, hasRange, expected) => {
  await using registry = await startRegistry({ quirks });
  const { begin, patch } = clientOf(registry);
  const headers = hasRange ? { 'content-range': `0-${size - 1}` } : undefined;
  const answer = patch(await begin(), new Uint8Array(size), headers);
  expect((await answer).status).toBe(expected);
});

test('quay tells of a session in its own words', async () => {
  await using registry = await startRegistry({ quirks: 'quay' });
  const { send, patch } = clientOf(registry);
  const begun = await send('/v2/app/blobs/uploads/', { method: 'POST' });
  expect(begun.header('range')).toBe('bytes=0--1');
  const location = begun.header('location') ?? '';
  expect((await patch(location, someBlob().bytes)).header('range')).toBe('0-999');
  const status = await send(location);
  expect([status.status, status.header('range'), status.header('location')]).toEqual([204, 'bytes=0-999', undefined]);
});

test('distribution-2 has no way back to a session whose PATCH broke', async () => {
  await using registry = await startRegistry({ quirks: 'distribution-2' });
  registry.misbehave({ match: { kind: 'upload-patch' }, times: 1, dropAfter: 100 });
  const { begin, patch, send } = clientOf(registry);
  const location = await begin();
  await expect(patch(location, someBlob().bytes)).rejects.toThrow();
  expect((await send(location)).status).toBe(416);
});

test.each([
  ['harbor', '?from=base&mount=DIGEST', 400],
  ['zot', '?from=base', 405],
  ['zot', '?mount=DIGEST', 201],
  ['artifactory', '?from=source&mount=DIGEST', 202],
  ['hub', '?from=source&mount=DIGEST', 201],
  ['hub', '?mount=DIGEST', 202],
  ['hub', '?from=me/base&mount=DIGEST', 202],
  ['hub', '?from=me/too/deep&mount=DIGEST', 400],
] as const)('%s answers a mount of %s with %d', async (quirks, query, expected) => {
  await using registry = await startRegistry({ quirks, repositories: ['app', 'source'] });
  const { bytes, digest } = someBlob();
  await registry.seed('source', { blobs: [bytes] });
  const answer = await clientOf(registry).send(`/v2/app/blobs/uploads/${query.replace('DIGEST', digest)}`, {
    method: 'POST',
  });
  expect(answer.status).toBe(expected);
});

test('nexus breaks the session that a refused mount began, and no other', async () => {
  await using registry = await startRegistry({ quirks: 'nexus' });
  const { begin, put } = clientOf(registry);
  const { bytes, digest } = someBlob();
  const broken = await put(await begin('app', `?from=source&mount=${digest}`), digest, bytes);
  expect([broken.status, codeOf(broken)]).toEqual([404, 'BLOB_UPLOAD_INVALID']);
  expect((await put(await begin(), digest, bytes)).status).toBe(201);
});

test.each([
  ['artifactory', 403],
  ['gitlab', 401],
  ['zot', 404],
] as const)('%s answers HEAD of an absent manifest with %d', async (quirks, expected) => {
  await using registry = await startRegistry({ quirks });
  expect((await clientOf(registry).send('/v2/app/manifests/v1', { method: 'HEAD' })).status).toBe(expected);
});

test('artifactory knows no PUT with a body', async () => {
  await using registry = await startRegistry({ quirks: 'artifactory' });
  const { begin, put } = clientOf(registry);
  const { bytes, digest } = someBlob();
  expect((await put(await begin(), digest, bytes)).status).toBe(404);
});

test('harbor sends a HEAD of a blob elsewhere', async () => {
  await using registry = await startRegistry({ quirks: 'harbor', repositories: ['app'] });
  const { bytes, digest } = someBlob();
  await registry.seed('app', { blobs: [bytes] });
  const { send } = clientOf(registry);
  const redirect = await send(`/v2/app/blobs/${digest}`, { method: 'HEAD' });
  expect(redirect.status).toBe(307);
  expect((await send(redirect.header('location') ?? '', { method: 'HEAD' })).header('content-length')).toBe('1000');
});

test('zot refuses schema 2', async () => {
  await using registry = await startRegistry({ quirks: 'zot' });
  const headers = { 'content-type': mediaTypes.dockerManifest };
  const answer = await clientOf(registry).send('/v2/app/manifests/v1', { method: 'PUT', body: encode({}), headers });
  expect(answer.status).toBe(415);
});

test('gar refuses without naming a way to authenticate', async () => {
  await using registry = await startRegistry({ quirks: 'gar', auth: { kind: 'basic', users: {} } });
  const answer = await clientOf(registry).send('/v2/');
  expect([answer.status, answer.header('www-authenticate')]).toEqual([401, undefined]);
});

test.each(['distribution-2', 'distribution-3', 'ghcr'] as const)('%s has no referrers API', async (quirks) => {
  await using registry = await startRegistry({ quirks });
  expect((await clientOf(registry).send(`/v2/app/referrers/${someBlob().digest}`)).status).toBe(404);
});

test('nexus wants a length with a manifest', async () => {
  await using registry = await startRegistry({ quirks: 'nexus' });
  async function* body(): AsyncGenerator<Uint8Array> {
    yield encode({});
  }
  const headers = { 'content-type': mediaTypes.ociManifest };
  const answer = await clientOf(registry).send('/v2/app/manifests/v1', { method: 'PUT', body: body(), headers });
  expect(answer.status).toBe(411);
});

describe('deletions', () => {
  const remove = { method: 'DELETE' } as const;

  const expected = (status: number, left: readonly string[], manifests: number) => ({ status, left, manifests });

  test.each([
    ['distribution-2', expected(400, ['v1', 'v2'], 1)],
    [{ tagDelete: 'unsupported' }, expected(405, ['v1', 'v2'], 1)],
    [{ tagDelete: 'with-manifest' }, expected(202, [], 0)],
    [{ tagDelete: 'last-with-manifest' }, expected(202, ['v2'], 1)],
    [{}, expected(202, ['v2'], 1)],
  ] as const)('of a tag with the quirks %j', async (quirks, { status, left, manifests }) => {
    await using registry = await startRegistry({ quirks });
    const bytes = await seedImage(registry);
    await registry.seed('app', { manifests: [{ bytes, mediaType: mediaTypes.ociManifest, tags: ['v2'] }] });
    expect((await clientOf(registry).send('/v2/app/manifests/v1', remove)).status).toBe(status);
    expect([registry.tags('app'), registry.manifests('app').length]).toEqual([left, manifests]);
  });

  test.each([
    ['with-manifest', 0],
    ['last-with-manifest', 0],
    ['accepted', 1],
  ] as const)('of the last tag, when it is %s', async (tagDelete, manifests) => {
    await using registry = await startRegistry({ quirks: { tagDelete } });
    await seedImage(registry);
    expect((await clientOf(registry).send('/v2/app/manifests/v1', remove)).status).toBe(202);
    expect([registry.tags('app'), registry.manifests('app').length]).toEqual([[], manifests]);
  });

  test('of manifests and blobs may be switched off', async () => {
    await using registry = await startRegistry({
      quirks: { manifestDelete: 'unsupported', blobDelete: 'unsupported' },
    });
    const digest = digestBytes(await seedImage(registry));
    const { send } = clientOf(registry);
    expect((await send(`/v2/app/manifests/${digest}`, remove)).status).toBe(405);
    expect((await send(`/v2/app/blobs/${someBlob().digest}`, remove)).status).toBe(405);
    expect(registry.tags('app')).toEqual(['v1']);
  });
});

test.each([
  ['relative', (url: string) => url.startsWith('/v2/_catalog?')],
  ['absolute', (url: string) => url.startsWith('http://127.0.0.1:')],
] as const)('pages have a size of their own, and %s links', async (pageLink, isRight) => {
  await using registry = await startRegistry({ quirks: { pageMax: 2, pageLink }, repositories: ['a', 'b', 'c'] });
  const page = await clientOf(registry).send('/v2/_catalog');
  expect(JSON.parse(textOf(page))).toEqual({ repositories: ['a', 'b'] });
  const link = /<(.+)>; rel="next"/.exec(page.header('link') ?? '')?.[1] ?? '';
  expect(link).toSatisfy(isRight);
  const next = await clientOf(registry).send(link);
  expect([JSON.parse(textOf(next)), next.header('link')]).toEqual([{ repositories: ['c'] }, undefined]);
});

test('a registry may have no catalog', async () => {
  await using registry = await startRegistry({ quirks: { catalog: false }, repositories: ['a'] });
  expect((await clientOf(registry).send('/v2/_catalog')).status).toBe(404);
});
