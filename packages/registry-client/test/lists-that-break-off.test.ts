import { buildIndex, buildOciManifest, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { openRegistry, type Registry } from '../src/index.ts';
import { listOf } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const { digest, bytes, mediaType } = buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor] });
const referrers = buildIndex({ manifests: [{ mediaType, digest, size: bytes.byteLength }] });

/** A list, how it is asked for, and its first page. */
const lists: readonly [string, (registry: Registry) => Promise<unknown>, string | Uint8Array][] = [
  ['tags', (registry) => listOf(registry.repository('a/b').listTags()), '{"tags":["1"]}'],
  ['repositories', (registry) => listOf(registry.listRepositories()), '{"repositories":["a/b"]}'],
  ['referrers', (registry) => registry.repository('a/b').referrers(digest), referrers.bytes],
  ['referrers, by API or tag', (registry) => registry.repository('a/b').listReferrers(digest), referrers.bytes],
];

describe.each(lists)('a list of %s', (_list, ask, firstPage) => {
  test.each([
    [400, 'ERR_REGISTRY_PROTOCOL'],
    [404, 'ERR_REGISTRY_PROTOCOL'],
    [405, 'ERR_REGISTRY_PROTOCOL'],
    [406, 'ERR_REGISTRY_PROTOCOL'],
    [410, 'ERR_REGISTRY_PROTOCOL'],
    [501, 'ERR_REGISTRY_PROTOCOL'],
    [204, 'ERR_REGISTRY_UNEXPECTED'],
    [403, 'ERR_REGISTRY_DENIED'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
  ])('whose third page is answered %i has broken off, and is no shorter list', async (status, code) => {
    await using server = await startScriptedServer(
      afterPing(({ url }, response) => {
        const { pathname, searchParams } = new URL(url, 'http://registry');
        const page = Number(searchParams.get('page') ?? 1);
        if (page === 3) return void response.writeHead(status).end();
        response.setHeader('content-type', mediaTypes.ociIndex);
        response.setHeader('link', `<${pathname}?page=${page + 1}>; rel="next"`);
        response.end(firstPage);
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(ask(registry)).rejects.toMatchObject({
      code,
      status,
      message: expect.stringMatching(new RegExp(`answered ${status}.* \\(page 3 of a list\\)$`)),
    });
  });

  test('whose second page is a web page has broken off', async () => {
    await using server = await startScriptedServer(
      afterPing(({ url }, response) => {
        response.setHeader('content-type', url.includes('page=2') ? 'text/html' : mediaTypes.ociIndex);
        response.setHeader('link', '<?page=2>; rel="next"');
        response.end(url.includes('page=2') ? '<html>Sign in</html>' : firstPage);
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(ask(registry)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('(page 2 of a list)'),
    });
  });
});

test.each([
  ['in upper case', mediaTypes.ociIndex.toUpperCase()],
  ['with a charset', `${mediaTypes.ociIndex};charset=UTF-8`],
  ['in mixed case with a charset', 'Application/vnd.OCI.Image.Index.v1+JSON ; Charset=utf-8'],
])('a list of referrers whose media type is written %s is one', async (_, type) => {
  await using server = await startScriptedServer(
    afterPing((_request, response) => void response.setHeader('content-type', type).end(referrers.bytes)),
  );
  await using registry = openRegistry({ url: server.url });
  expect(await registry.repository('a').referrers(digest)).toHaveLength(1);
});

test('a manifest whose media type is written in upper case is of that type', async () => {
  await using server = await startScriptedServer(
    afterPing((_request, response) => void response.setHeader('content-type', mediaType.toUpperCase()).end(bytes)),
  );
  await using registry = openRegistry({ url: server.url });
  const repository = registry.repository('a');
  expect(await repository.getManifest('1')).toMatchObject({ mediaType, digest });
  expect(await repository.statManifest('1')).toMatchObject({ mediaType });
});
