import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';
import { type Issuer, newKey, startIssuer } from './issuer.ts';

const rule = { when: { repository: 'acme/*', ref: 'refs/heads/main' }, scopes: ['push:ghcr.io/{repository}/**'] };
const good = { repository: 'acme/app', ref: 'refs/heads/main', sub: 'repo:acme/app' };
const now = (): number => Math.floor(Date.now() / 1000);

let issuer: Issuer;
let server: TestDaemon;
const settings = () => ({ oidcIssuer: issuer.url, oidcAudiences: ['slipwayd', 'other-name'], oidcRules: [rule] });
beforeAll(async () => {
  issuer = await startIssuer();
  issuer.keys.push(await newKey('ES256', 'second'), await newKey('EdDSA', 'third'));
  server = await startTestDaemon(settings());
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

const show = (token: string, path = '/images/json', of = server): Promise<TestResponse> =>
  of.request('GET', path, { tcp: true, headers: { authorization: `Bearer ${token}` } });
const told = ({ status, body }: TestResponse): string =>
  `${status} ${(JSON.parse(body) as { message: string }).message}`;

test('a token of each kind of key is who it says, with the scopes that the rules make of it', async () => {
  for (const key of issuer.keys) {
    expect((await show(await issuer.token(good, { key }))).status, key.alg).toBe(200);
  }
  const headers = { authorization: `Bearer ${await issuer.token(good)}` };
  const push = (name: string) => server.request('POST', `/images/${name}/push?tag=v1`, { tcp: true, headers });
  expect((await push('ghcr.io/acme/app/api')).status).toBe(200); // there is no such image, which the stream says
  expect(told(await push('ghcr.io/acme/other/api'))).toContain('403 forbidden: oidc:repo:acme/app may not push to');
  expect(server.audits().at(-2)).toMatchObject({ action: 'push', principal: 'oidc:repo:acme/app' });
  expect(server.audits().at(-1)).toMatchObject({ outcome: 'forbidden', principal: 'oidc:repo:acme/app' });
});

test('with an issuer, the loopback is not open to everybody any more', async () => {
  expect((await server.request('GET', '/info', { tcp: true })).status).toBe(401);
});

/** By what is wrong with it: the token, and what is said of it. */
const bad: Readonly<Record<string, readonly [() => Promise<string> | string, string]>> = {
  'another issuer': [() => issuer.token({ ...good, iss: 'https://evil.example' }), '401 is of another issuer'],
  'the issuer with a slash': [() => issuer.token({ ...good, iss: `${issuer.url}/` }), '401 is of another issuer'],
  'another audience': [() => issuer.token({ ...good, aud: 'sts.amazonaws.com' }), '401 is for another audience'],
  'no audience': [() => issuer.token({ ...good, aud: undefined }), '401 lacks the claim aud'],
  'an empty audience': [() => issuer.token({ ...good, aud: [] }), '401 is for another audience'],
  expired: [() => issuer.token({ ...good, exp: now() - 61 }), '401 has expired'],
  'no end': [() => issuer.token({ ...good, exp: undefined }), '401 lacks the claim exp'],
  'an end that is no number': [
    () => issuer.token({ ...good, exp: '9999999999' }),
    '401 has a claim exp that is not accepted',
  ],
  'not yet': [() => issuer.token({ ...good, nbf: now() + 120 }), '401 is not valid yet'],
  'issued in the future': [() => issuer.token({ ...good, iat: now() + 120 }), '401 was issued in the future'],
  'no beginning': [() => issuer.token({ ...good, iat: undefined }), '401 lacks the claim iat'],
  'no subject': [() => issuer.token({ ...good, sub: undefined }), '401 has no single value in the claim sub'],
  'several subjects': [() => issuer.token({ ...good, sub: ['a', 'b'] }), '401 has no single value in the claim sub'],
  'a subject with a line break': [
    () => issuer.token({ ...good, sub: 'ci\nadmin' }),
    '401 has a claim sub that is no name',
  ],
  'a subject that reads backwards': [
    () => issuer.token({ ...good, sub: 'a\u202eb' }),
    '401 has a claim sub that is no name',
  ],
  'a key of somebody else under a known id': [
    async () => await issuer.token(good, { key: { ...(await newKey('RS256', 'first')) } }),
    '401 has a wrong signature',
  ],
  'a key id that nobody knows': [
    async () => await issuer.token(good, { key: await newKey('RS256', 'nobody') }),
    '401 is signed with a key that its issuer does not have',
  ],
  'a key id that is a path': [
    () => issuer.token(good, { header: { kid: '../../../../etc/passwd' } }),
    '401 is signed with a key that its issuer does not have',
  ],
  'a key that the header brings': [
    async () => {
      const key = await newKey('RS256', 'first');
      return await issuer.token(good, { key, header: { jwk: key.jwk } });
    },
    '401 has a wrong signature',
  ],
  'keys at an address that the header names': [
    async () => {
      const key = await newKey('RS256', 'elsewhere');
      return await issuer.token(good, { key, header: { jku: `${issuer.url}/evil-keys` } });
    },
    '401 is signed with a key that its issuer does not have',
  ],
  'the public key as a secret': [
    async () => {
      const { kid = '' } = issuer.keys[0]?.jwk ?? {};
      const secret = new TextEncoder().encode(JSON.stringify(issuer.keys[0]?.jwk));
      return await new SignJWT({ ...good, iss: issuer.url, aud: 'slipwayd' })
        .setProtectedHeader({ alg: 'HS256', kid })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(secret);
    },
    '401 is signed in a way that is not accepted',
  ],
  'no signature': [
    () => new UnsecuredJWT({ ...good, iss: issuer.url, aud: 'slipwayd', exp: now() + 60, iat: now() }).encode(),
    '401 is signed in a way that is not accepted',
  ],
  'the algorithm of another key': [
    async () => {
      const [first, second] = issuer.keys;
      return await issuer.token(good, { key: second, header: { kid: first?.jwk.kid ?? '' } });
    },
    '401 is signed with a key that its issuer does not have',
  ],
  'a header that nobody understands': [
    async () => {
      const [key] = issuer.keys;
      if (key === undefined) throw new Error('there is no key');
      return await new SignJWT({ ...good, iss: issuer.url, aud: 'slipwayd', iat: now(), exp: now() + 60 })
        .setProtectedHeader({ alg: 'RS256', kid: 'first', crit: ['odd'], odd: 1 })
        .sign(key.privateKey, { crit: { odd: true } });
    },
    '401 cannot be verified',
  ],
  'another payload under the signature': [
    async () => {
      const [header, , signature] = (await issuer.token(good)).split('.');
      const payload = Buffer.from(
        JSON.stringify({ ...good, iss: issuer.url, aud: 'slipwayd', iat: now(), exp: now() + 99 }),
      );
      return [header, payload.toString('base64url'), signature].join('.');
    },
    '401 has a wrong signature',
  ],
  'a payload that is no JSON': [() => `${header({ alg: 'RS256' })}.bm90IGpzb24.c2ln`, '401 cannot be read'],
  'a payload that is a list': [() => `${header({ alg: 'RS256' })}.W10.c2ln`, '401 cannot be read'],
  'more than anybody needs': [() => issuer.token({ ...good, more: 'x'.repeat(16_000) }), '401 is too large'],
  'nobody whom a rule fits': [() => issuer.token({ ...good, repository: 'evil/app' }), '403 no rule'],
  'another branch': [() => issuer.token({ ...good, ref: 'refs/heads/evil' }), '403 no rule'],
  'a claim that would widen the pattern': [() => issuer.token({ ...good, repository: 'acme/**' }), '403 no rule'],
  'a claim that climbs': [() => issuer.token({ ...good, repository: 'acme/..' }), '403 no rule'],
  'a claim that is an object': [() => issuer.token({ ...good, repository: { a: 'acme/app' } }), '403 no rule'],
  'no claim that a rule asks for': [() => issuer.token({ sub: 'x' }), '403 no rule'],
};

describe('a token is refused, and nobody is asked anything for it', () => {
  test.each(Object.keys(bad))('%s', async (name) => {
    const [make, expected] = bad[name] ?? [];
    const token = (await make?.()) ?? '';
    const asked = issuer.asked.length;
    const answer = await show(token);
    const said =
      answer.status === 200 ? '200' : told(answer).replace(/unauthorized: the identity token |forbidden: /, '');
    expect(said.startsWith(expected ?? '?'), said).toBe(true);
    expect(issuer.asked.slice(asked).filter((path) => path.includes('evil'))).toEqual([]);
    expect(JSON.stringify(server.log)).not.toContain(token.slice(-40));
  });
});

function header(members: object): string {
  return Buffer.from(JSON.stringify(members)).toString('base64url');
}

test('a key that is new is asked for once; those that nobody knows do not make the daemon ask again', async () => {
  await using other = await startIssuer();
  await using fresh = await startTestDaemon({ ...settings(), oidcIssuer: other.url });
  expect((await show(await other.token(good), undefined, fresh)).status).toBe(200);
  expect(other.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  // As many as like, at once: the last time was just now.
  const unknown = await newKey('RS256', 'unknown');
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await show(await other.token(good, { key: unknown }), undefined, fresh)),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect(other.asked).toHaveLength(2);
});

describe('an issuer that is away', () => {
  test.each(['fails', 'hangs'] as const)('%s: its tokens are told so, others go on', async (mood) => {
    await using other = await startIssuer();
    other.mood = mood;
    await using fresh = await startTestDaemon({ ...settings(), oidcIssuer: other.url });
    const { text } = await fresh.daemon.context.tokens.create({ name: 'static', scopes: [parseScope('read')] });
    const token = await other.token(good);
    const [identity, own] = await Promise.all([show(token, undefined, fresh), show(text, undefined, fresh)]);
    expect(own.status).toBe(200);
    expect([told(identity), identity.headers['retry-after']]).toEqual([
      `503 the issuer of identity tokens, ${other.url}, does not answer: try again later`,
      '5',
    ]);
    // The next ones do not wait for it once more.
    const asked = other.asked.length;
    expect((await show(token, undefined, fresh)).status).toBe(503);
    expect(other.asked).toHaveLength(asked);
    expect(fresh.log.filter(({ msg }) => String(msg).includes('cannot be asked for its keys'))).toHaveLength(1);
  });

  test.each([
    ['names another issuer', { issuer: 'https://evil.example' }],
    ['has its keys at an address without TLS', { jwks_uri: 'http://evil.example/keys' }],
    ['has its keys in a file', { jwks_uri: 'file:///etc/passwd' }],
    ['names no place of its keys', { jwks_uri: undefined }],
  ])('one whose discovery document %s is not believed', async (_name, change) => {
    await using other = await startIssuer();
    Object.assign(other.discovery, change);
    await using fresh = await startTestDaemon({ ...settings(), oidcIssuer: other.url });
    expect((await show(await other.token(good), undefined, fresh)).status).toBe(503);
    expect(other.asked).toEqual(['/.well-known/openid-configuration']);
  });

  test('the list of registries holds for it too', async () => {
    await using other = await startIssuer();
    await using fresh = await startTestDaemon({ ...settings(), oidcIssuer: other.url, allowRegistries: ['ghcr.io'] });
    expect((await show(await other.token(good), undefined, fresh)).status).toBe(503);
    expect(other.asked).toEqual([]);
    expect(JSON.stringify(fresh.log)).toContain('it is not in --allow-registry');
  });
});

test('keys in a file need no issuer that answers; a reload takes up other keys and other rules', async () => {
  await using other = await startIssuer();
  other.mood = 'fails';
  await using fresh = await startTestDaemon();
  const file = join(fresh.folder.path, 'jwks.json');
  await writeFile(file, JSON.stringify({ keys: other.keys.map(({ jwk }) => jwk) }));
  const { config } = fresh.daemon.context;
  const next = { ...config, ...settings(), oidcIssuer: other.url, oidcJwks: file };
  expect((await fresh.request('GET', '/info', { tcp: true })).status).toBe(200);
  await fresh.daemon.reload(next);
  expect((await fresh.request('GET', '/info', { tcp: true })).status).toBe(401);
  const [old] = other.keys;
  const before = await other.token(good, { key: old });
  expect((await show(before, undefined, fresh)).status).toBe(200);
  expect(other.asked).toEqual([]);
  // What cannot be read changes nothing.
  await writeFile(file, '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}');
  await expect(fresh.daemon.reload(next)).rejects.toMatchObject({ code: 'ERR_SERVER_CONFIG' });
  expect((await show(before, undefined, fresh)).status).toBe(200);
  const key = await newKey('ES256', 'next');
  await writeFile(file, JSON.stringify({ keys: [key.jwk] }));
  await fresh.daemon.reload({ ...next, oidcRules: [{ when: { sub: '**' }, scopes: ['admin'] }] });
  expect((await show(before, undefined, fresh)).status).toBe(401);
  expect((await show(await other.token({}, { key }), '/metrics', fresh)).status).toBe(200);
  expect(await readFile(file, 'utf8')).not.toContain('"d"');
});
