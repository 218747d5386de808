import { describe, expect, test } from 'vitest';
import { openV1Session, type V1Session } from '../src/v1.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const id = 'ab'.repeat(32);
const page = '<!doctype html><html><head><title>Sign in</title></head></html>';
const checksums = { tarsum: `tarsum+sha256:${id}`, payload: `sha256:${id}` };
const layer = async function* (): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(7);
};

async function startAnswering(headers: Readonly<Record<string, string>>, body: string): Promise<ScriptedServer> {
  return await startScriptedServer(async (request, response) => {
    await request.read();
    response.writeHead(200, headers).end(body);
  });
}

const steps: readonly [string, (session: V1Session, endpoint: URL) => Promise<unknown>][] = [
  ['the index', (session) => session.putIndex('a/b', [{ id }])],
  ['a json', (session, endpoint) => session.putJSON(endpoint, id, new Uint8Array(2))],
  ['a layer', (session, endpoint) => session.putLayer(endpoint, id, layer())],
  ['checksums', (session, endpoint) => session.putChecksums(endpoint, id, checksums)],
  ['a tag', (session, endpoint) => session.putTag(endpoint, 'a/b', '1', id)],
  ['the question for a tag', (session, endpoint) => session.getTag(endpoint, 'a/b', '1')],
];

describe.each([
  ['labelled as one', { 'content-type': 'text/html; charset=utf-8' }],
  ['labelled in upper case', { 'content-type': 'TEXT/HTML' }],
  ['without a label', {}],
  ['with the header that a proxy adds for v2', { 'docker-distribution-api-version': 'registry/2.0' }],
])('a web page %s', (_label, headers) => {
  test.each(steps)('in answer to %s is told', async (_step, send) => {
    await using server = await startAnswering(headers, page);
    await using session = openV1Session({ url: server.url });
    await expect(send(session, new URL('/v1/', server.url))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      reason: 'web-page',
      message: expect.stringContaining('its proxy does not pass /v1/ on'),
    });
  });
});

test.each([
  ['true as plain text', { 'content-type': 'text/plain' }, 'true'],
  ['nothing, labelled as HTML', { 'content-type': 'text/html' }, ''],
  ['"" labelled as HTML', { 'content-type': 'text/html' }, '""'],
])('%s is an answer of a registry', async (_, headers, body) => {
  await using server = await startAnswering(headers, body);
  await using session = openV1Session({ url: server.url });
  const endpoint = new URL('/v1/', server.url);
  expect(await session.putJSON(endpoint, id, new Uint8Array(2))).toBe(true);
  await session.putLayer(endpoint, id, layer());
  await session.putChecksums(endpoint, id, checksums);
  await session.putTag(endpoint, 'a/b', '1', id);
});

describe('an image is there', () => {
  test.each([
    [true, 'its json', JSON.stringify({ id, parent: 'x' })],
    [false, 'the json of another', JSON.stringify({ id: 'cd'.repeat(32) })],
    [false, 'an object that says nothing', '{}'],
    [false, 'a web page', page],
    [false, 'nothing', ''],
  ])('is %s where the registry shows %s', async (isThere, _what, body) => {
    await using server = await startAnswering({}, body);
    await using session = openV1Session({ url: server.url });
    expect(await session.hasImage(new URL('/v1/', server.url), id)).toBe(isThere);
  });
});

describe('a tag names', () => {
  test.each([
    ['a JSON text', `"${id}"`],
    ['the bare id, as the first registries wrote it', `${id}\n`],
  ])('the id that comes as %s', async (_, body) => {
    await using server = await startAnswering({ 'content-type': 'text/html' }, body);
    await using session = openV1Session({ url: server.url });
    expect(await session.getTag(new URL('/v1/', server.url), 'a/b', '1')).toBe(id);
    expect(server.seen.map(({ url }) => url)).toEqual(['/v1/repositories/a/b/tags/1']);
  });

  test.each(['""', '{}', 'null', '"latest"', ''])('nothing that anybody knows in %j', async (body) => {
    await using server = await startAnswering({ 'content-type': 'application/json' }, body);
    await using session = openV1Session({ url: server.url });
    await expect(session.getTag(new URL('/v1/', server.url), 'a/b', '1')).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('what is no image ID'),
    });
  });
});
