import { describe, expect, test } from 'vitest';
import { type BearerAuthOptions, type EmbeddedRegistry, startRegistry } from '../src/index.ts';
import { clientOf, codeOf, someBlob, textOf } from './client.ts';

const users = { me: 'se:cret' };
const basic = `Basic ${Buffer.from('me:se:cret').toString('base64')}`;

describe('basic', () => {
  test.each([
    ['nothing', undefined, 401],
    ['the right password, with a colon in it', basic, 200],
    ['a wrong password', `Basic ${Buffer.from('me:wrong').toString('base64')}`, 401],
    ['a user that only Object knows', `Basic ${Buffer.from('constructor:x').toString('base64')}`, 401],
    ['a token', 'Bearer abc', 401],
  ])('%s', async (_, authorization, expected) => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    const answer = await clientOf(registry).send('/v2/', { headers: authorization ? { authorization } : {} });
    expect(answer.status).toBe(expected);
    if (expected === 401)
      expect([codeOf(answer), answer.header('www-authenticate')]).toEqual([
        'UNAUTHORIZED',
        'Basic realm="slipway-testkit"',
      ]);
  });

  test('the log keeps the scheme and nothing else', async () => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    await clientOf(registry).send('/v2/', { headers: { authorization: basic } });
    expect(registry.requests[0]?.headers['authorization']).toBe('Basic');
  });
});

describe('bearer', () => {
  const auth: BearerAuthOptions = { kind: 'bearer', users };

  async function token(
    registry: EmbeddedRegistry,
    scopes: readonly string[],
    authorization = basic,
  ): Promise<Record<string, unknown>> {
    const challenge = (await clientOf(registry).send('/v2/')).header('www-authenticate') ?? '';
    const realm = /realm="([^"]+)"/.exec(challenge)?.[1] ?? '';
    const query = new URLSearchParams([
      ['service', 'slipway-testkit'],
      ...scopes.map((scope) => ['scope', scope] as [string, string]),
    ]);
    const headers = authorization === '' ? {} : { authorization };
    const answer = await clientOf(registry).send(`${realm}?${query}`, { headers });
    return answer.status === 200 ? JSON.parse(textOf(answer)) : { status: answer.status };
  }

  const bearer = (answer: Record<string, unknown>) => ({ headers: { authorization: `Bearer ${answer['token']}` } });

  test.each(['same', 'separate'] as const)(
    'a challenge leads to a token server on the %s port',
    async (tokenServer) => {
      await using registry = await startRegistry({ auth: { ...auth, tokenServer } });
      const refused = await clientOf(registry).send('/v2/app/blobs/uploads/', { method: 'POST' });
      const challenge = refused.header('www-authenticate') ?? '';
      expect(challenge).toMatch(
        /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/token",service="slipway-testkit",scope="repository:app:pull,push"$/,
      );
      expect(challenge.includes(registry.host)).toBe(tokenServer === 'same');
      const granted = bearer(await token(registry, ['repository:app:pull,push']));
      expect((await clientOf(registry, granted).send('/v2/app/blobs/uploads/', { method: 'POST' })).status).toBe(202);
      expect(registry.tokensIssued).toBe(1);
      expect(registry.requests.filter(({ kind }) => kind === 'token')).toHaveLength(1);
    },
  );

  test.each([
    ['POST', '/v2/app/blobs/uploads/', ['repository:app:pull'], 401],
    ['POST', '/v2/app/blobs/uploads/', ['repository:other:pull,push'], 401],
    ['POST', '/v2/app/blobs/uploads/', ['repository:app:pull,push'], 202],
    ['HEAD', '/v2/app/manifests/v1', ['repository:app:pull'], 404],
    ['DELETE', '/v2/app/manifests/v1', ['repository:app:pull,push'], 401],
    ['DELETE', '/v2/app/manifests/v1', ['repository:app:pull,push,delete'], 404],
    ['POST', `/v2/app/blobs/uploads/?from=base&mount=${someBlob().digest}`, ['repository:app:pull,push'], 401],
    [
      'POST',
      `/v2/app/blobs/uploads/?from=base&mount=${someBlob().digest}`,
      ['repository:app:pull,push', 'repository:base:pull'],
      202,
    ],
    ['GET', '/v2/', [], 200],
  ])('%s %s with %j', async (method, path, scopes, expected) => {
    await using registry = await startRegistry({ auth });
    const { send } = clientOf(registry, bearer(await token(registry, scopes)));
    const answer = await send(path, { method });
    expect(answer.status).toBe(expected);
    if (expected === 401) expect(answer.header('www-authenticate')).toContain('error="insufficient_scope"');
  });

  test('several scopes in one parameter count as several', async () => {
    await using registry = await startRegistry({ auth });
    const granted = bearer(await token(registry, ['repository:a:pull repository:b:pull']));
    expect((await clientOf(registry, granted).send('/v2/b/manifests/v1')).status).toBe(404);
  });

  test('a token expires by the clock given', async () => {
    let now = 1_000_000;
    await using registry = await startRegistry({ auth: { ...auth, expiresInSeconds: 60 }, now: () => now });
    const answer = await token(registry, []);
    expect(answer).toMatchObject({ expires_in: 60, issued_at: new Date(now).toISOString() });
    const { send } = clientOf(registry, bearer(answer));
    now += 59_999;
    expect((await send('/v2/')).status).toBe(200);
    now += 1;
    const refused = await send('/v2/');
    expect([refused.status, refused.header('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
  });

  test('revokeTokens ends every token', async () => {
    await using registry = await startRegistry({ auth });
    const granted = bearer(await token(registry, []));
    registry.revokeTokens();
    expect((await clientOf(registry, granted).send('/v2/')).status).toBe(401);
  });

  test.each([
    ['both', ['access_token', 'token']],
    ['token', ['token']],
    ['access_token', ['access_token']],
  ] as const)('the answer names the token %s', async (tokenField, names) => {
    await using registry = await startRegistry({ auth: { ...auth, tokenField } });
    const answer = await token(registry, []);
    expect(
      Object.keys(answer)
        .filter((name) => name.includes('token'))
        .sort(),
    ).toEqual(names);
  });

  test.each([
    ['pull', ['repository:app:pull'], 404],
    ['pull', ['repository:app:pull,push'], 404],
    ['nothing', ['repository:app:pull'], 401],
  ] as const)('without credentials, %s is granted for %j', async (anonymous, scopes, expected) => {
    await using registry = await startRegistry({ auth: { ...auth, anonymous } });
    const { send } = clientOf(registry, bearer(await token(registry, scopes, '')));
    expect((await send('/v2/app/manifests/v1')).status).toBe(expected);
    expect((await send('/v2/app/blobs/uploads/', { method: 'POST' })).status).toBe(401);
  });

  test('wrong credentials get no token', async () => {
    await using registry = await startRegistry({ auth });
    expect(await token(registry, [], `Basic ${Buffer.from('me:no').toString('base64')}`)).toEqual({ status: 401 });
  });

  test('`allow` decides by user, repository and action', async () => {
    await using registry = await startRegistry({
      auth: { ...auth, allow: (user, name, action) => user === 'me' && name === 'app' && action === 'pull' },
    });
    const { send } = clientOf(registry, bearer(await token(registry, ['repository:app:pull,push'])));
    expect((await send('/v2/app/manifests/v1')).status).toBe(404);
    expect((await send('/v2/app/blobs/uploads/', { method: 'POST' })).status).toBe(401);
  });

  describe('OAuth2', () => {
    const form = (fields: Record<string, string>) => ({
      method: 'POST',
      body: new TextEncoder().encode(new URLSearchParams(fields).toString()),
    });

    test('a refresh token is exchanged', async () => {
      await using registry = await startRegistry({ auth });
      const refresh = {
        grant_type: 'refresh_token',
        refresh_token: registry.refreshTokenFor('me'),
        scope: 'repository:app:pull',
        service: 's',
        client_id: 'docker',
      };
      const answer = await clientOf(registry).send('/token', form(refresh));
      const { send } = clientOf(registry, bearer(JSON.parse(textOf(answer))));
      expect((await send('/v2/app/manifests/v1')).status).toBe(404);
    });

    test('a password gets a refresh token where access is offline', async () => {
      await using registry = await startRegistry({ auth });
      const { send } = clientOf(registry);
      const first = await send(
        '/token',
        form({ grant_type: 'password', username: 'me', password: 'se:cret', access_type: 'offline' }),
      );
      const { refresh_token } = JSON.parse(textOf(first));
      expect((await send('/token', form({ grant_type: 'refresh_token', refresh_token }))).status).toBe(200);
    });

    test.each([
      ['an unknown refresh token', { grant_type: 'refresh_token', refresh_token: 'unknown' }, 401],
      ['a wrong password', { grant_type: 'password', username: 'me', password: 'no' }, 401],
      ['another grant', { grant_type: 'client_credentials' }, 401],
      ['a form beyond 64 KiB', { filler: 'x'.repeat(70_000) }, 413],
    ])('%s is refused', async (_, fields, expected) => {
      await using registry = await startRegistry({ auth });
      expect((await clientOf(registry).send('/token', form(fields))).status).toBe(expected);
    });

    test('a server that does not know the POST answers 404', async () => {
      await using registry = await startRegistry({ auth: { ...auth, oauth2: false } });
      expect((await clientOf(registry).send('/token', form({ grant_type: 'password' }))).status).toBe(404);
    });
  });

  test('without bearer authentication there are no refresh tokens', async () => {
    await using registry = await startRegistry();
    expect(() => registry.refreshTokenFor('me')).toThrow(TypeError);
  });
});
