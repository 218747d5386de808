import { inspect } from 'node:util';
import { contentOf, digestBytes } from '@slipway/digest';
import type { Credentials } from '@slipway/docker-credentials';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openRegistry, type RequestRecord } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';
import { startScriptedServer } from './scripted-server.ts';

const bytes = testBytes(1_000);
const digest = digestBytes(bytes);
const secret = fc
  .string({
    unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789"\\<>&%+/= -_~'),
    minLength: 24,
    maxLength: 48,
  })
  .map((text) => text.trim().padEnd(24, 'x'));
const tokenSecret = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789-_.~+/'),
  minLength: 24,
  maxLength: 48,
});
const status = fc.constantFrom(400, 401, 403, 404, 409, 413, 416, 429, 500, 503);
const form = fc.constantFrom('errors', 'details', 'text', 'broken', 'description');

/** Everything a caller or a log could see of an error. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, stack, cause, ...rest } = error;
  return [
    message,
    stack,
    JSON.stringify({ ...rest, ...('diagnostics' in error && { diagnostics: error.diagnostics }) }),
    inspect(error, { depth: 6 }),
    inspect(cause),
  ].join('\n');
}

test('a registry that echoes all it was sent finds none of it in errors and records', async () => {
  await fc.assert(
    fc.asyncProperty(
      secret,
      tokenSecret,
      tokenSecret,
      status,
      form,
      fc.boolean(),
      async (password, token, state, answer, shape, isIdentity) => {
        const credentials: Credentials = isIdentity
          ? { kind: 'identity-token', token: password }
          : { kind: 'basic', username: 'ann', password };
        const records: RequestRecord[] = [];
        await using server = await startScriptedServer(async (request, response) => {
          const url = new URL(request.url, 'http://x');
          await request.read();
          if (url.pathname === '/token') {
            response.end(JSON.stringify({ token, expires_in: 300 }));
          } else if (request.headers.authorization === undefined) {
            response
              .writeHead(401, {
                'www-authenticate': `Bearer realm="http://${request.headers.host}/token?key=${encodeURIComponent(state)}"`,
              })
              .end();
          } else if (request.method === 'POST') {
            response.writeHead(202, { location: `/u?_state=${encodeURIComponent(state)}` }).end();
          } else {
            const echo = `${request.headers.authorization} ${url.searchParams.get('_state')}`;
            const json = { 'content-type': 'application/json' };
            if (shape === 'errors')
              response
                .writeHead(answer, json)
                .end(JSON.stringify({ errors: [{ code: 'DENIED', message: echo, detail: { echo: [echo] } }] }));
            else if (shape === 'details') response.writeHead(answer, json).end(JSON.stringify({ details: echo }));
            else if (shape === 'broken') response.writeHead(answer, json).end(`{"errors":[${echo}`);
            else if (shape === 'description')
              response
                .writeHead(401, {
                  'www-authenticate': `Bearer realm="http://${request.headers.host}/token",error="invalid_token",error_description="${echo.replace(/["\\]/g, '\\$&')}"`,
                })
                .end();
            else response.writeHead(answer).end(echo);
          }
        });
        await using registry = openRegistry({
          url: server.url,
          credentials: async () => credentials,
          onRequest: (record) => records.push(record),
        });
        const session = await beginSession(registry.repository('demo/app'));
        const error: unknown = await session.put(contentOf(bytes), digest).catch((thrown: unknown) => thrown);
        session.keep();
        const seen = `${everythingOf(error)}\n${JSON.stringify(records)}`;
        expect(error).toBeInstanceOf(Error);
        for (const hidden of [password, token, state, encodeURIComponent(state)]) expect(seen).not.toContain(hidden);
      },
    ),
    { numRuns: 60 },
  );
});

test('a token server that echoes what it was sent finds none of it in the error', async () => {
  await fc.assert(
    fc.asyncProperty(secret, fc.boolean(), async (password, isIdentity) => {
      const credentials: Credentials = isIdentity
        ? { kind: 'identity-token', token: password }
        : { kind: 'basic', username: 'ann', password };
      await using server = await startScriptedServer(async (request, response) => {
        const body = new URLSearchParams((await request.read()).toString());
        if (request.url.startsWith('/token')) {
          const basic = Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64').toString('utf8');
          response
            .writeHead(401, { 'content-type': 'application/json' })
            .end(
              JSON.stringify({ details: `no: ${basic} ${request.headers.authorization} ${body.get('refresh_token')}` }),
            );
        } else {
          response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
        }
      });
      await using registry = openRegistry({ url: server.url, credentials: async () => credentials });
      const error: unknown = await registry
        .repository('a')
        .statBlob(digest)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_REGISTRY_UNAUTHORIZED' });
      expect(everythingOf(error)).not.toContain(password);
      expect(everythingOf(error)).not.toContain(Buffer.from(`ann:${password}`).toString('base64'));
    }),
    { numRuns: 30 },
  );
});

test('records count bytes and tell methods, statuses and times', async () => {
  const records: RequestRecord[] = [];
  await using server = await startScriptedServer(async (request, response) => {
    await request.read();
    if (request.method === 'POST') response.writeHead(202, { location: '/u?_state=hidden' }).end('1234');
    else if (request.method === 'PUT') response.writeHead(201).end();
    else if (request.method === 'DELETE') request.raw.socket.destroy();
    else response.end('{}');
  });
  await using registry = openRegistry({ url: `${server.url}/`, onRequest: (record) => records.push(record) });
  const repository = registry.repository('a');
  const session = await beginSession(repository);
  await session.put(contentOf(bytes), digest);
  await (await beginSession(repository))[Symbol.asyncDispose]();
  expect(
    records.map(({ method, url, status, sentBytes, receivedBytes }) => [
      method,
      url.replace(server.url, ''),
      status,
      sentBytes,
      receivedBytes,
    ]),
  ).toEqual([
    ['GET', '/v2/', 200, 0, 2],
    ['POST', '/v2/a/blobs/uploads/', 202, 0, 4],
    ['PUT', '/u', 201, 1_000, 0],
    ['POST', '/v2/a/blobs/uploads/', 202, 0, 4],
    ['DELETE', '/u', undefined, 0, 0],
    ['DELETE', '/u', undefined, 0, 0], // once more, since the first went on a kept connection
  ]);
  expect(records.every(({ durationMs }) => durationMs > 0)).toBe(true);
});
