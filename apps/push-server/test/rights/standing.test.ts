import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startRegistry } from '@slipway/testkit';
import { expect, test } from 'vitest';
import type { Principal } from '../../src/security/principal.ts';
import { parseScope, type Scope } from '../../src/security/scope.ts';
import { openStandingRights } from '../../src/security/standing-rights.ts';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

interface Stream {
  readonly status: number;
  /** Resolves with what ended it: `end`, or the code of an error. */
  readonly ended: Promise<string>;
  readonly isOpen: () => boolean;
}

/** Opens a stream that does not end by itself. */
async function streamOf(server: TestDaemon, path: string, authorization: string | undefined): Promise<Stream> {
  return await new Promise((resolve, reject) => {
    const to = authorization === undefined ? { socketPath: server.socket } : { host: '127.0.0.1', port: server.port };
    const headers = authorization === undefined ? {} : { authorization };
    const request = httpRequest({ ...to, path, headers, agent: false }, (response: IncomingMessage) => {
      let isOpen = true;
      const ended = new Promise<string>((settle) => {
        response.on('end', () => settle('end'));
        response.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
      });
      void ended.then(() => {
        isOpen = false;
      });
      response.resume();
      resolve({ status: response.statusCode ?? 0, ended, isOpen: () => isOpen });
    });
    request.on('error', reject);
    request.end();
  });
}

const everything: readonly Scope[] = [parseScope('admin')];
const revokeAll = async ({ daemon }: TestDaemon, name: string): Promise<void> => {
  const { tokens } = daemon.context;
  for (const { id, name: owner } of await tokens.list()) if (owner === name) await tokens.revoke(id);
};

test.each(['/events', '/slipway/v1/status/events'])(
  'a stream of %s ends with its token, and no other',
  async (path) => {
    await using server = await startTestDaemon();
    const { tokens } = server.daemon.context;
    const [one, other] = [
      await tokens.create({ name: 'one', scopes: everything }),
      await tokens.create({ name: 'other', scopes: everything }),
    ];
    const lost = await streamOf(server, path, `Bearer ${one.text}`);
    const kept = await streamOf(server, path, `Bearer ${other.text}`);
    const local = await streamOf(server, path, undefined);
    expect([lost.status, kept.status, local.status]).toEqual([200, 200, 200]);
    await revokeAll(server, 'one');
    expect(await lost.ended).not.toBe('end'); // nobody takes it for all there was
    expect([kept.isOpen(), local.isOpen()]).toEqual([true, true]);
    expect(server.audits()).toContainEqual(
      expect.objectContaining({ principal: 'token:one', outcome: 'unauthorized', subject: `GET ${path}` }),
    );
    const again = await server.request('GET', path, { tcp: true, headers: { authorization: `Bearer ${one.text}` } });
    expect([again.status, again.body]).toEqual([401, expect.stringContaining('revoked or expired')]);
  },
);

test('a stream ends when its token expires', async () => {
  await using server = await startTestDaemon();
  const { text } = await server.daemon.context.tokens.create({ name: 'short', scopes: everything, expiresInMs: 1_500 });
  const stream = await streamOf(server, '/events', `Bearer ${text}`);
  expect(stream.status).toBe(200);
  expect(await stream.ended).not.toBe('end');
});

test('an upload whose token is revoked is cut off, and nothing of it is kept', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry();
  const { text } = await server.daemon.context.tokens.create({ name: 'up', scopes: everything });
  const failed = new Promise<string>((resolve) => {
    const path = `/slipway/v1/jobs/archive?destination=${encodeURIComponent(`${registry.host}/a/b:c`)}`;
    const headers = { authorization: `Bearer ${text}`, 'content-length': '1000000' };
    const request = httpRequest(
      { host: '127.0.0.1', port: server.port, method: 'POST', path, headers, agent: false },
      (response) => {
        response.resume();
        response.on('end', () => resolve(`${response.statusCode}`));
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.write(Buffer.alloc(1000));
  });
  await delay(200); // the body is being read
  await revokeAll(server, 'up');
  expect(await failed).toBe('ECONNRESET');
  expect(JSON.parse((await server.request('GET', '/slipway/v1/jobs')).body)).toMatchObject({ jobs: [] });
});

test('fewer rights end a request, more rights do not, and an issuer that is away says nothing', async () => {
  const scopesOf = (...texts: readonly string[]): readonly Scope[] => texts.map(parseScope);
  const scopes = scopesOf('read', 'push:r.example/**');
  const was = { name: 'token:a', scopes };
  const signed = { name: 'oidc:a', scopes };
  const refusal = (status: number) => () => Promise.reject(Object.assign(new Error('no'), { status }));
  const outcomes: readonly (readonly [string, () => unknown, number | undefined, Principal?])[] = [
    ['same', () => was, undefined],
    ['more', () => ({ ...was, scopes: scopesOf('push:r.example/**', 'tag:r.example/**', 'read') }), undefined],
    ['fewer', () => ({ ...was, scopes: scopesOf('read') }), 403],
    ['narrower', () => ({ ...was, scopes: scopesOf('read', 'push:r.example/a/**') }), 403],
    ['another', () => ({ ...was, name: 'token:b' }), 403],
    ['refused', refusal(401), 401],
    ['signed and expired', refusal(401), undefined, signed],
    ['signed, with fewer', () => ({ ...signed, scopes: [] }), 403, signed],
    ['signed and forbidden', refusal(403), 403, signed],
    ['away', refusal(503), undefined, signed],
    ['broken', () => Promise.reject(new Error('what')), undefined],
  ];
  for (const [name, answer, expected, principal = was] of outcomes) {
    const lost: number[] = [];
    let looks = 0;
    const authenticate = async (): Promise<never> => {
      looks += 1;
      return (await answer()) as never;
    };
    const destroyed: string[] = [];
    using rights = openStandingRights({ gatekeeper: { authenticate }, lookMs: 5 });
    const stream = (what: string): object => ({ destroyed: false, once() {}, destroy: () => destroyed.push(what) });
    rights.watch({
      request: stream('request') as never,
      response: stream('response') as never,
      guard: { kind: 'tcp' } as never,
      principal,
      onLost: (status) => lost.push(status),
    });
    await expect.poll(() => looks).toBeGreaterThan(expected === undefined ? 2 : 0);
    await expect
      .poll(() => [name, lost[0], destroyed])
      .toEqual([name, expected, expected === undefined ? [] : ['response', 'request']]);
  }
});
