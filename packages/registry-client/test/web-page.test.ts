import { text } from 'node:stream/consumers';
import { digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));
const page = '<!DOCTYPE html>\n<html><head><title>Welcome</title></head></html>';
const html = { 'content-type': 'text/html; charset=utf-8' };
const refusal = {
  code: 'ERR_REGISTRY_PROTOCOL',
  transient: false,
  message: expect.stringContaining('answers with web pages: no registry, or its proxy does not pass /v2/ on'),
};

describe('GET /v2/', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a page', html, page],
    [
      'a page in capitals, after blank lines',
      { 'content-type': 'TEXT/HTML' },
      '\n\n <HTML><body>It works!</body></HTML>',
    ],
    ['a fragment labelled as HTML', html, '<h1>It works</h1>'],
    ['XHTML', { 'content-type': 'application/xhtml+xml' }, `<?xml version="1.0"?>${page}`],
    ['a page without a label', {}, page],
    ['a page labelled as plain text, behind a comment', { 'content-type': 'text/plain' }, `<!-- 1 -->\n${page}`],
  ])('that answers 200 with %s is told as no registry', async (_, headers, body) => {
    await using server = await startScriptedServer(
      (_request, response) => void response.writeHead(200, headers).end(body),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.ping()).rejects.toMatchObject(refusal);
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject(refusal);
    expect(server.seen.every(({ url }) => url === '/v2/')).toBe(true);
  });

  test('that leads to a page elsewhere is told as no registry', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url === '/v2/') response.writeHead(302, { location: '/login' }).end();
      else response.writeHead(200, html).end(page);
    });
    await using registry = openRegistry({ url: server.url });
    await expect(registry.ping()).rejects.toMatchObject(refusal);
  });

  test.each<[string, number, Record<string, string>, string]>([
    ['nothing', 200, {}, ''],
    ['an empty object', 200, { 'content-type': 'application/json' }, '{}'],
    ['true as plain text', 200, { 'content-type': 'text/plain' }, 'true'],
    ['true labelled as HTML, as Quay', 200, html, 'true'],
    ['nothing labelled as HTML', 200, html, ''],
    [
      'a page with the header that registries send',
      200,
      { ...html, 'docker-distribution-api-version': 'registry/2.0' },
      page,
    ],
    ['a page that says 404', 404, html, page],
    ['a page that says 503', 503, html, page],
    ['some JSON', 200, {}, '{"name":"<html>"}'],
  ])('that answers with %s is a registry’s', async (_, status, headers, body) => {
    await using server = await startScriptedServer(
      (_request, response) => void response.writeHead(status, headers).end(body),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.ping()).toMatchObject({ status });
  });
});

describe('once the ping is good', () => {
  test('pages in place of blobs, manifests and sessions are told as no registry', async () => {
    await using server = await startScriptedServer(
      afterPing(
        (request, response) => void response.writeHead(200, html).end(request.method === 'HEAD' ? undefined : page),
      ),
    );
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    await expect(repository.statBlob(digest)).rejects.toMatchObject(refusal);
    await expect(repository.statManifest('v1')).rejects.toMatchObject(refusal);
    await expect(repository.getManifest('v1')).rejects.toMatchObject(refusal);
    await expect(repository.beginUpload()).rejects.toMatchObject(refusal);
    await expect(repository.beginUpload({ mount: { digest, from: 'b' } })).rejects.toMatchObject(refusal);
  });

  test('a registry whose framework labels everything as HTML is believed by its own headers', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(200, { ...html, 'docker-content-digest': digest }).end()),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('a').statBlob(digest)).toMatchObject({ digest });
    expect(await registry.repository('a').statManifest('v1')).toMatchObject({ digest });
  });

  test.each<[string, Record<string, string>, string]>([
    ['labelled as such', html, '<h1>Sign in</h1>'],
    ['labelled as anything', { 'content-type': 'application/octet-stream' }, page],
    ['with the registry’s own header', { ...html, 'docker-distribution-api-version': 'registry/2.0' }, page],
  ])('a page %s in place of a blob’s bytes is named', async (_, headers, body) => {
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(200, headers).end(body)),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(text(registry.repository('a').openBlob(digest))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      reason: 'web-page',
      message: expect.stringMatching(
        /answered 200 with an HTML page(?:, "(?:Welcome|Sign in)")?, in place of the blob$/,
      ),
      hint: expect.stringContaining(new URL(server.url).host),
    });
  });

  test.each([
    ['a page', page],
    ['a page of several pieces', `${page}${' '.repeat(60_000)}`],
    ['a long page', `${page}${'x'.repeat(200_000)}`],
  ])('a blob that is %s is read, from any offset on', async (_, body) => {
    const own = digestBytes(new TextEncoder().encode(body));
    await using server = await startScriptedServer(
      afterPing((_request, response) => {
        response.writeHead(200, html);
        for (let at = 0; at < body.length; at += 10_000) response.write(body.slice(at, at + 10_000));
        response.end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await text(registry.repository('a').openBlob(own))).toBe(body);
    expect(await text(registry.repository('a').openBlob(own, { from: 7, to: 50 }))).toBe(body.slice(7, 50));
  });

  test('bytes that are neither page nor blob pass: whoever reads them checks them', async () => {
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(200, {}).end('<svg/>')),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await text(registry.repository('a').openBlob(digest))).toBe('<svg/>');
  });

  test('a 404 with a page is absence', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(404, html).end(page)),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(await registry.repository('a').getManifest('v1')).toBeUndefined();
  });
});
