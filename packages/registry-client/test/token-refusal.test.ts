import { digestBytes } from '@slipway/digest';
import type { Credentials } from '@slipway/docker-credentials';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));
const secret = 'the-refresh-token-of-ann';

/** What a request fails with whose token server answers so. */
async function failure(status: number, body: string, kind: 'identity-token' | 'basic' = 'basic'): Promise<unknown> {
  await using server = await startScriptedServer(async (request, response) => {
    await request.read();
    if (request.url.startsWith('/token')) {
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '3' }).end(body);
      return;
    }
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
  });
  const credentials: Credentials =
    kind === 'basic' ? { kind, username: 'ann', password: secret } : { kind, token: secret };
  await using registry = openRegistry({ url: server.url, name: 'r.example', credentials: async () => credentials });
  return await registry
    .repository('a')
    .statBlob(digest)
    .catch((error: unknown) => error);
}

const login = 'slipway login r.example';

describe('a token server that speaks OAuth', () => {
  test.each([
    ['invalid_client', 400, 'ERR_REGISTRY_UNAUTHORIZED', login, false],
    ['invalid_grant', 401, 'ERR_REGISTRY_UNAUTHORIZED', login, false],
    ['unauthorized_client', 400, 'ERR_REGISTRY_DENIED', login, false],
    ['invalid_scope', 400, 'ERR_REGISTRY_DENIED', login, false],
    ['access_denied', 403, 'ERR_REGISTRY_DENIED', login, false],
    ['invalid_request', 400, 'ERR_REGISTRY_UNEXPECTED', undefined, false],
    ['unsupported_grant_type', 400, 'ERR_REGISTRY_UNEXPECTED', undefined, false],
    ['temporarily_unavailable', 400, 'ERR_REGISTRY_UNAVAILABLE', undefined, true],
    ['invalid_grant', 503, 'ERR_REGISTRY_UNAVAILABLE', undefined, true],
    ['temporarily_unavailable', 200, 'ERR_REGISTRY_UNAVAILABLE', undefined, true],
    ['access_denied', 200, 'ERR_REGISTRY_DENIED', login, false],
  ])('%s with %d is %s', async (error, status, code, hint, transient) => {
    const body = JSON.stringify({ error, error_description: 'Ask the\r\nhelp desk \u001b[31m!' });
    const failed = await failure(status, body, 'identity-token');
    expect(failed).toMatchObject({ code, hint, status, transient });
    expect(failed).toMatchObject({
      message: expect.stringMatching(
        new RegExp(`answered ${status}.*: Ask the help desk \\[31m! \\(${error}\\) \\(the token server that`),
      ),
      diagnostics: [{ message: 'Ask the help desk [31m!' }],
    });
  });

  test('and gives its code alone is put in words', async () => {
    expect(await failure(400, '{"error":"invalid_grant"}')).toMatchObject({
      message: expect.stringContaining('the credentials have expired, or were revoked (invalid_grant)'),
    });
    expect(await failure(400, '{"error":"odd_thing"}')).toMatchObject({
      code: 'ERR_REGISTRY_UNEXPECTED',
      message: expect.stringContaining('answered 400: odd_thing (the token'),
    });
  });

  test('keeps docker’s text', async () => {
    expect(await failure(400, '{"error":"invalid_grant"}')).toMatchObject({
      dockerMessage: expect.stringContaining('error parsing HTTP 400 response body: no error details found'),
    });
  });

  test.each([400, 200])('and echoes what it was sent has it masked, with %d', async (status) => {
    const escaped = [...secret].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('');
    const body = `{"error":"invalid_grant","error_description":"${escaped} and ${secret} are stale"}`;
    const failed = await failure(status, body, 'identity-token');
    expect(failed).toMatchObject({ message: expect.stringContaining('<redacted> and <redacted> are stale') });
    expect(JSON.stringify(failed)).not.toContain(secret);
  });
});

describe('a success without a token', () => {
  test.each([
    ['{"errors":[{"code":"DENIED","message":"no seat left"}]}', 'ERR_REGISTRY_DENIED', 'denied: no seat left'],
    ['{"errors":[{"code":"QUOTA","message":"too many"}]}', 'ERR_REGISTRY_PROTOCOL', 'unknown: too many'],
    ['{"errors":["come back on Monday"]}', 'ERR_REGISTRY_PROTOCOL', 'unknown: come back on Monday'],
    ['{"error":"Ihr Konto ist gesperrt"}', 'ERR_REGISTRY_PROTOCOL', 'Ihr Konto ist gesperrt'],
  ])('%s says why', async (body, code, words) => {
    expect(await failure(200, body)).toMatchObject({
      code,
      message: expect.stringContaining(`answered 200 without a token: ${words} (the token server that`),
      dockerMessage: 'authorization server did not include a token in the response',
    });
  });

  test.each(['{}', '{"errors":[]}', '{"error":""}', '[]', 'null'])('%s is what it was', async (body) => {
    expect(await failure(200, body)).toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('did not include a token'),
    });
  });

  test('but a token is one, whatever stands beside it', async () => {
    const failed = await failure(200, '{"token":"abcdef","errors":[{"code":"DENIED","message":"not yet"}]}');
    expect(failed).not.toMatchObject({ message: expect.stringContaining('not yet') });
  });
});
