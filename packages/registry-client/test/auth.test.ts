import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import type { CredentialProvider, Credentials } from '@slipway/docker-credentials';
import { startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openRegistry, type RegistryOptions } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));
const ann: Credentials = { kind: 'basic', username: 'ann', password: 'correct horse' };

function known(credentials: Credentials): CredentialProvider {
  return async () => credentials;
}

/** A registry and its token server in one, which believes tokens it has handed out and not revoked. */
interface TokenWorld extends ScriptedServer {
  readonly valid: Set<string>;
  /** Parameters of each token request, by query or form. */
  readonly asked: URLSearchParams[];
}

async function startTokenWorld(
  token: (issued: number, asked: URLSearchParams) => object | undefined = () => ({}),
  onRequest: Script = (_, response) => void response.writeHead(404).end(),
): Promise<TokenWorld> {
  const valid = new Set<string>();
  const asked: URLSearchParams[] = [];
  const server = await startScriptedServer(async (request, response) => {
    const url = new URL(request.url, 'http://x');
    if (url.pathname === '/token') {
      const parameters =
        request.method === 'POST' ? new URLSearchParams((await request.read()).toString()) : url.searchParams;
      asked.push(parameters);
      const value = `token-number-${asked.length}`;
      const answer = token(asked.length, parameters);
      if (answer === undefined) {
        response
          .writeHead(401, { 'content-type': 'application/json' })
          .end('{"details":"incorrect username or password"}');
        return;
      }
      valid.add(value);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ token: value, ...answer }));
      return;
    }
    if (!valid.has(request.headers.authorization?.replace('Bearer ', '') ?? '')) {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="the service"` }).end();
      return;
    }
    await onRequest(request, response);
  });
  return Object.assign(server, { valid, asked });
}

describe('asking for a token', () => {
  test('anonymously, by GET, with the scope that writes', async () => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({ url: world.url });
    await registry.repository('demo/app').statBlob(digest);
    expect(world.asked.map(String)).toEqual(['service=the+service&scope=repository%3Ademo%2Fapp%3Apush%2Cpull']);
    expect(world.seen.find(({ url }) => url.startsWith('/token'))?.headers.authorization).toBeUndefined();
  });

  test('with a user and password, by GET, as Basic and with the account', async () => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({ url: world.url, credentials: known(ann) });
    await registry.repository('demo/app').statBlob(digest);
    const request = world.seen.find(({ url }) => url.startsWith('/token'));
    expect(request?.headers.authorization).toBe(`Basic ${btoa('ann:correct horse')}`);
    expect(world.asked[0]?.get('account')).toBe('ann');
  });

  test('with an identity token, by POST, as an OAuth2 refresh token', async () => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({
      url: world.url,
      credentials: known({ kind: 'identity-token', token: 'refresh me' }),
    });
    await registry.repository('demo/app').statBlob(digest);
    const request = world.seen.find(({ url }) => url.startsWith('/token'));
    expect(request?.method).toBe('POST');
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(world.asked[0] ?? [])).toEqual({
      client_id: 'docker',
      grant_type: 'refresh_token',
      refresh_token: 'refresh me',
      scope: 'repository:demo/app:push,pull',
      service: 'the service',
    });
  });

  test.each([307, 308])('an identity token goes to no other server, wherever %d leads', async (status) => {
    await using other = await startScriptedServer((_, response) => void response.end('{"token":"of another"}'));
    await using world = await startScriptedServer((request, response) => {
      if (request.url === '/token') response.writeHead(status, { location: `${other.url}/token` }).end();
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="${world.url}/token",service="s"` }).end();
    });
    const credentials = known({ kind: 'identity-token', token: 'refresh me' });
    await using registry = openRegistry({ url: world.url, credentials });
    await expect(registry.repository('demo/app').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
      message: expect.stringContaining('credentials would go to another server'),
    });
    expect(other.seen).toEqual([]);
  });

  test('an identity token follows to another path of the same server', async () => {
    await using first = await startScriptedServer(async (request, response) => {
      if (request.url === '/token') response.writeHead(307, { location: '/issue' }).end();
      else if (request.url === '/issue') {
        expect((await request.read()).toString()).toContain('refresh_token=refresh+me');
        response.end('{"token":"issued"}');
      } else if (request.headers.authorization === 'Bearer issued') response.writeHead(404).end();
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="${first.url}/token",service="s"` }).end();
    });
    const credentials = known({ kind: 'identity-token', token: 'refresh me' });
    await using registry = openRegistry({ url: first.url, credentials });
    expect(await registry.repository('demo/app').statBlob(digest)).toBeUndefined();
  });

  test('not at all with a registry token', async () => {
    await using world = await startTokenWorld();
    world.valid.add('mine');
    await using registry = openRegistry({
      url: world.url,
      credentials: known({ kind: 'registry-token', token: 'mine' }),
    });
    await registry.repository('demo/app').statBlob(digest);
    expect(world.asked).toEqual([]);
  });

  test.each(['two words', 'a\nb', 'é'])('a registry token that no header holds is named: %j', async (token) => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({ url: world.url, credentials: known({ kind: 'registry-token', token }) });
    await expect(registry.repository('demo/app').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
      message: expect.stringContaining('the registry token kept for it is none'),
    });
  });

  test('for reading alone', async () => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({ url: world.url });
    await registry.repository('demo/app', { access: 'pull' }).statBlob(digest);
    expect(world.asked[0]?.getAll('scope')).toEqual(['repository:demo/app:pull']);
  });

  test('for each mount candidate too, what is written to first, and never in place of the usual token', async () => {
    await using world = await startTokenWorld(undefined, (request, response) => {
      if (request.method === 'POST') response.writeHead(201, { 'docker-content-digest': digest }).end();
      else response.writeHead(404).end();
    });
    await using registry = openRegistry({ url: world.url });
    const repository = registry.repository('demo/app');
    await repository.statBlob(digest);
    await repository.beginUpload({ mount: { digest, from: 'demo/base' } });
    await repository.statBlob(digest);
    expect(world.asked.map((parameters) => parameters.getAll('scope'))).toEqual([
      ['repository:demo/app:push,pull'],
      ['repository:demo/app:push,pull', 'repository:demo/base:pull'],
    ]);
    expect(world.seen.at(-1)?.headers.authorization).toBe('Bearer token-number-1');
  });

  test('that the usual one covers already is not asked for again: a mount from the repository itself', async () => {
    await using world = await startTokenWorld(undefined, (request, response) => {
      if (request.method === 'POST') response.writeHead(201, { 'docker-content-digest': digest }).end();
      else response.writeHead(404).end();
    });
    await using registry = openRegistry({ url: world.url });
    const repository = registry.repository('demo/app');
    await repository.beginUpload({ mount: { digest, from: 'demo/app' } });
    await repository.statBlob(digest);
    expect(world.asked.map((parameters) => parameters.getAll('scope'))).toEqual([['repository:demo/app:push,pull']]);
  });

  test.each(['first', 'last-of-repository'] as const)(
    'goes with token servers that read %s of several scopes for one repository',
    async (scopesRead) => {
      await using server = await startRegistry({ auth: { kind: 'bearer', users: { ann: 'secret' }, scopesRead } });
      const credentials = known({ kind: 'basic', username: 'ann', password: 'secret' });
      await using registry = openRegistry({ url: server.url, credentials });
      const repository = registry.repository('demo/app');
      const content = contentOf(testBytes(1_000));
      const layer = digestBytes(testBytes(1_000));
      const begun = await repository.beginUpload({ mount: { digest: layer, from: 'demo/app' } });
      if (begun.kind !== 'session') throw new Error('Expected a session');
      await begun.session.put(content, layer);
      expect(server.hasBlob('demo/app', layer)).toBe(true);
      expect(server.tokensIssued).toBe(1);
    },
  );

  test('a relative realm is the registry’s own', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token?')) response.end('{"token":"t"}');
      else if (request.headers.authorization === 'Bearer t') response.writeHead(404).end();
      else response.writeHead(401, { 'www-authenticate': 'Bearer realm="/token",service="s"' }).end();
    });
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
  });

  test('a refresh token that is replaced with each token is used once, also by requests at the same time', async () => {
    let current = 'refresh-token-0';
    const used: string[] = [];
    await using server = await startScriptedServer(async (request, response) => {
      if (request.url.startsWith('/token')) {
        const form = new URLSearchParams((await request.read()).toString());
        const sent = form.get('refresh_token') ?? '';
        used.push(sent);
        if (sent !== current) return void response.writeHead(400).end('{"error":"invalid_grant"}');
        current = `refresh-token-${used.length}`;
        return void response.end(JSON.stringify({ access_token: `t${used.length}`, refresh_token: current }));
      }
      if (request.headers.authorization !== undefined) return void response.writeHead(404).end();
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
    });
    const credentials = known({ kind: 'identity-token', token: 'refresh-token-0' });
    await using registry = openRegistry({ url: server.url, credentials });
    await Promise.all(['a', 'b', 'c'].map((path) => registry.repository(path).statBlob(digest)));
    await registry.repository('d').statBlob(digest);
    expect(used).toEqual(['refresh-token-0', 'refresh-token-1', 'refresh-token-2', 'refresh-token-3']);
  });

  test('the realm keeps its own query', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token')) {
        response.end('{"token":"t"}');
      } else if (request.headers.authorization === 'Bearer t') {
        response.writeHead(404).end();
      } else {
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token?tenant=7"` })
          .end();
      }
    });
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').statBlob(digest);
    expect(server.seen.find(({ url }) => url.startsWith('/token'))?.url).toBe(
      '/token?tenant=7&scope=repository%3Aa%3Apush%2Cpull',
    );
  });
});

describe('a token', () => {
  test('is fetched once for all who wait for it', async () => {
    await using world = await startTokenWorld();
    await using registry = openRegistry({ url: world.url });
    const repository = registry.repository('demo/app');
    await Promise.all(Array.from({ length: 8 }, () => repository.statBlob(digest)));
    expect(world.asked).toHaveLength(1);
    expect(world.seen.filter(({ url }) => url === '/v2/')).toHaveLength(1);
  });

  const second = 1_000;
  test.each([
    ['60 seconds when nothing is said', {}, 53 * second, 55 * second],
    ['60 seconds at least', { expires_in: 5 }, 53 * second, 55 * second],
    ['as long as is said, less half a minute', { expires_in: 600 }, 569 * second, 571 * second],
    [
      'from when it was issued',
      { expires_in: 600, issued_at: new Date(-300 * second).toISOString() },
      269 * second,
      271 * second,
    ],
    [
      'from now, if it was issued in the future',
      { expires_in: 600, issued_at: '2040-01-01T00:00:00Z' },
      569 * second,
      571 * second,
    ],
    [
      'from now, if it was expired when it came',
      { expires_in: 60, issued_at: '1960-01-01T00:00:00Z' },
      53 * second,
      55 * second,
    ],
  ])('is good for %s', async (_, answer, good, expired) => {
    let now = 0;
    await using world = await startTokenWorld(() => answer);
    await using registry = openRegistry({ url: world.url, now: () => now });
    const repository = registry.repository('demo/app');
    await repository.statBlob(digest);
    now = good;
    await repository.statBlob(digest);
    expect(world.asked).toHaveLength(1);
    now = expired;
    await repository.statBlob(digest);
    expect(world.asked).toHaveLength(2);
  });

  test('may come as access_token, which wins', async () => {
    await using world = await startTokenWorld(() => ({ access_token: 'the better one' }));
    world.valid.add('the');
    await using registry = openRegistry({ url: world.url });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining('characters that no header can carry'),
    });
    await using other = await startTokenWorld(() => ({ access_token: 'better' }));
    other.valid.add('better');
    await using good = openRegistry({ url: other.url });
    expect(await good.repository('a').statBlob(digest)).toBeUndefined();
  });

  test('that is waited for by somebody who leaves still comes for the others', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using server = await startScriptedServer(async (request, response) => {
      if (request.url.startsWith('/token')) {
        await gate;
        response.end('{"token":"t"}');
      } else if (request.headers.authorization === 'Bearer t') {
        response.writeHead(404).end();
      } else {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
      }
    });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    const controller = new AbortController();
    const leaving = repository.statBlob(digest, { signal: controller.signal });
    const staying = repository.statBlob(digest);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    release();
    expect(await staying).toBeUndefined();
  });
});

test.each([
  [['Foo x=y'], 'foo'],
  [['Negotiate', 'NTLM'], 'negotiate, ntlm'],
])('of ways to show credentials that are not known, %j, it is said which they are', async (challenges, named) => {
  await using server = await startScriptedServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': challenges }).end();
  });
  const credentials = async () => ({ kind: 'basic', username: 'u', password: 'p' }) as const;
  await using registry = openRegistry({ url: server.url, credentials });
  await expect(registry.repository('a').getManifest('v1')).rejects.toMatchObject({
    code: 'ERR_REGISTRY_UNAUTHORIZED',
    reason: 'unknown-scheme',
    hint: expect.stringContaining(`(${named})`),
  });
  expect(server.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

describe('a 401 after the ping', () => {
  test('is answered with a fresh token, and the manifest is sent again', async () => {
    await using world = await startTokenWorld(undefined, async (request, response) => {
      await request.read();
      response.writeHead(201).end();
    });
    await using registry = openRegistry({ url: world.url });
    const repository = registry.repository('demo/app');
    const bytes = testBytes(100);
    await repository.putManifest('v1', bytes, { mediaType: 'application/x' });
    world.valid.clear();
    await repository.putManifest('v2', bytes, { mediaType: 'application/x' });
    expect(world.asked).toHaveLength(2);
    expect(Buffer.compare(world.seen.at(-1)?.body ?? Buffer.alloc(0), bytes)).toBe(0);
  });

  test('makes a re-openable chunk start again, and its progress with it', async () => {
    await using world = await startTokenWorld(undefined, async (request, response) => {
      await request.read();
      response.writeHead(202, { location: '/v2/demo/app/blobs/uploads/1' }).end();
    });
    await using registry = openRegistry({ url: world.url });
    const session = await beginSession(registry.repository('demo/app'));
    world.valid.clear();
    const bytes = testBytes(200_000);
    expect(await session.append(contentOf(bytes))).toBe(200_000);
    expect(Buffer.compare(world.seen.at(-1)?.body ?? Buffer.alloc(0), bytes)).toBe(0);
    session.keep();
  });

  test('makes a stream of unknown length start again too, from where the session is', async () => {
    await using world = await startTokenWorld(undefined, async (request, response) => {
      await request.read();
      response.writeHead(request.method === 'PUT' ? 201 : 202, { location: '/v2/demo/app/blobs/uploads/1' }).end();
    });
    await using registry = openRegistry({ url: world.url });
    const session = await beginSession(registry.repository('demo/app'));
    const bytes = testBytes(300_000);
    await session.append(contentOf(bytes.subarray(0, 100_000)));
    world.valid.clear();
    expect(await session.stream(contentOf(bytes))).toBe(300_000);
    expect(Buffer.compare(world.seen.at(-1)?.body ?? Buffer.alloc(0), bytes.subarray(100_000))).toBe(0);
    await session.commit(digest);
    expect(world.asked).toHaveLength(2);
  });

  test('is final when the fresh token is refused too', async () => {
    await using world = await startTokenWorld(() => ({ access_token: 'never-good' }));
    await using registry = openRegistry({ url: world.url, name: 'hub.example' });
    await expect(registry.repository('demo/app').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
      transient: false,
      hint: 'slipway login hub.example',
    });
    expect(world.asked).toHaveLength(2);
  });

  test('that names a scope has it asked for, then and from then on', async () => {
    const scopes: string[][] = [];
    await using server = await startScriptedServer((request, response) => {
      const url = new URL(request.url, 'http://x');
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.getAll('scope'));
        response.end(JSON.stringify({ token: url.searchParams.getAll('scope').includes('aws') ? 'wide' : 'narrow' }));
        return;
      }
      const challenge = `Bearer realm="http://${request.headers.host}/token",scope="aws repository:a:pull"`;
      if (request.headers.authorization === 'Bearer wide') response.writeHead(404).end();
      else response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    await repository.statBlob(digest);
    await repository.statBlob(digest);
    expect(scopes).toEqual([['repository:a:push,pull'], ['repository:a:push,pull', 'aws']]);
  });

  test('that names more rights on the same repository has one scope with all of them asked for', async () => {
    const scopes: string[][] = [];
    await using server = await startScriptedServer((request, response) => {
      const url = new URL(request.url, 'http://x');
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.getAll('scope'));
        const isWide = url.searchParams.getAll('scope').some((scope) => scope.includes('delete'));
        return void response.end(JSON.stringify({ token: isWide ? 'wide' : 'narrow' }));
      }
      const scope = request.url === '/v2/' ? '' : ',scope="repository:a:pull,delete"';
      if (request.headers.authorization === 'Bearer wide') return void response.writeHead(404).end();
      const challenge = `Bearer realm="http://${request.headers.host}/token"${scope}`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').statBlob(digest);
    await registry.repository('a').statBlob(digest);
    expect(scopes).toEqual([['repository:a:push,pull'], ['repository:a:push,pull,delete']]);
  });

  test('may be the first to offer a way to authenticate', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url === '/v2/') response.writeHead(200).end();
      else if (request.headers.authorization === `Basic ${btoa('ann:correct horse')}`) response.writeHead(404).end();
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    await using registry = openRegistry({ url: server.url, credentials: known(ann) });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
  });

  test('without a challenge is met with a token from the challenge of the ping', async () => {
    let requests = 0;
    await using world = await startTokenWorld(undefined, (_, response) => {
      requests += 1;
      response.writeHead(requests === 1 ? 401 : 404).end();
    });
    await using registry = openRegistry({ url: world.url });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(world.asked).toHaveLength(2);
  });

  test('drops Basic credentials, so that a helper may give newer ones', async () => {
    let asked = 0;
    const credentials: CredentialProvider = async () => {
      asked += 1;
      return { kind: 'basic', username: 'AWS', password: `password-${asked}` };
    };
    await using server = await startScriptedServer((request, response) => {
      if (request.headers.authorization === `Basic ${btoa('AWS:password-2')}`) response.writeHead(404).end();
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    await using registry = openRegistry({ url: server.url, credentials });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    await registry.repository('a').statBlob(digest);
    expect(asked).toBe(2);
  });
});

describe('a registry that offers two ways and takes one', () => {
  /** Offers with each 401 what `offers` says, takes `taken`, and hands out tokens. */
  async function startChoosyRegistry(
    taken: 'Basic' | 'Bearer',
    offers: (request: number, realm: string) => readonly string[],
  ) {
    let refusals = 0;
    return await startScriptedServer((request, response) => {
      const realm = `http://${request.headers.host}/token`;
      if (request.url.startsWith('/token')) return void response.end('{"token":"t"}');
      if (request.headers.authorization?.startsWith(taken)) return void response.writeHead(404).end();
      refusals += 1;
      response.writeHead(401, { 'www-authenticate': offers(refusals, realm) as string[] }).end();
    });
  }

  const shownTo = ({ seen }: ScriptedServer): (string | undefined)[] =>
    seen.filter(({ url }) => !url.startsWith('/token')).map(({ headers }) => headers.authorization?.split(' ')[0]);

  test.each([
    ['in two lines', (_: number, realm: string) => ['Basic realm="r"', `Bearer realm="${realm}"`]],
    ['in one line', (_: number, realm: string) => [`Basic realm="r", Bearer realm="${realm}",service="s"`]],
    ['without quotes', (_: number, realm: string) => [`Basic realm=r, Bearer realm=${realm},service=s.example:5000`]],
    [
      'one after the other',
      (request: number, realm: string) => [request === 1 ? 'Basic realm="r"' : `Bearer realm="${realm}"`],
    ],
  ])('tokens, offered %s: the token follows the refused password, and goes first from then on', async (_, offers) => {
    await using server = await startChoosyRegistry('Bearer', offers);
    await using registry = openRegistry({ url: server.url, credentials: known(ann) });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(shownTo(server)).toEqual([undefined, 'Basic', 'Bearer', 'Bearer']);
  });

  test('passwords, offered after tokens: the password follows the refused tokens', async () => {
    await using server = await startChoosyRegistry('Basic', (request, realm) => [
      request === 1 ? `Bearer realm="${realm}"` : 'Basic realm="r"',
    ]);
    await using registry = openRegistry({ url: server.url, credentials: known(ann) });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(shownTo(server)).toEqual([undefined, 'Bearer', 'Bearer', 'Basic', 'Basic']);
  });

  test('neither of both: each is shown once more at most', async () => {
    await using server = await startChoosyRegistry('Basic', (_, realm) => [
      `Bearer realm="${realm}"`,
      'Basic realm="r"',
    ]);
    const wrong: CredentialProvider = async () => undefined;
    await using registry = openRegistry({ url: server.url, credentials: wrong });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
    });
    expect(shownTo(server)).toEqual([undefined, 'Bearer', 'Bearer']);
  });

  test('a dead token that is answered with Basic alone is renewed all the same', async () => {
    let isDead = false;
    await using server = await startScriptedServer((request, response) => {
      const realm = `http://${request.headers.host}/token`;
      if (request.url.startsWith('/token')) return void response.end(JSON.stringify({ token: isDead ? 't2' : 't1' }));
      const { authorization } = request.headers;
      if (authorization === (isDead ? 'Bearer t2' : 'Bearer t1')) return void response.writeHead(404).end();
      const challenge = isDead ? 'Basic realm="GitLab"' : `Bearer realm="${realm}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    await using registry = openRegistry({ url: server.url, credentials: known(ann) });
    await registry.repository('a').statBlob(digest);
    isDead = true;
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
  });
});

describe('many refusals at once', () => {
  const blobs = Array.from({ length: 20 }, (_, index) => digestBytes(testBytes(10, index)));

  /**
   * A registry whose 401s to what has died come together, or half of them only when the others have been answered anew.
   */
  async function startDyingWorld(kind: 'bearer' | 'basic', half: 'at once' | 'later') {
    let valid = 1;
    let granted = 0;
    let served = 0;
    let refused = 0;
    const held: (() => void)[] = [];
    const isDue = (): boolean => (half === 'at once' ? held.length === 20 : held.length === 10 && served === 10);
    const server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token')) {
        granted += 1;
        return void response.end(JSON.stringify({ token: `t${valid}` }));
      }
      const good = kind === 'bearer' ? `Bearer t${valid}` : `Basic ${btoa(`u:p${valid}`)}`;
      const challenge = kind === 'bearer' ? `Bearer realm="http://${request.headers.host}/token"` : 'Basic realm="r"';
      const refuse = (): void => void response.writeHead(401, { 'www-authenticate': challenge }).end();
      if (request.url === '/v2/' || valid === 1) {
        if (request.headers.authorization === good) return void response.writeHead(404).end();
        return refuse();
      }
      if (request.headers.authorization === good) {
        response.writeHead(404).end();
        served += 1;
      } else if (half === 'later' && refused < 10) {
        refused += 1;
        return refuse();
      } else {
        held.push(refuse);
      }
      if (isDue()) for (const release of held.splice(0)) release();
    });
    let asked = 0;
    const provider: CredentialProvider = async () => {
      asked += 1;
      return { kind: 'basic', username: 'u', password: `p${valid}` };
    };
    return Object.assign(server, {
      provider,
      counts: () => ({ asked, granted }),
      expire() {
        valid = 2;
        asked = 0;
        granted = 0;
      },
    });
  }

  test.each([
    ['bearer', 'at once'],
    ['bearer', 'later'],
    ['basic', 'at once'],
    ['basic', 'later'],
  ] as const)('%s: twenty that come %s start one look-up', async (kind, half) => {
    await using world = await startDyingWorld(kind, half);
    await using registry = openRegistry({ url: world.url, credentials: world.provider });
    const repository = registry.repository('a');
    await repository.statBlob(digest);
    world.expire();
    await Promise.all(blobs.map((blob) => repository.statBlob(blob)));
    expect(world.counts()).toEqual({ asked: 1, granted: kind === 'bearer' ? 1 : 0 });
  });

  test('one that leaves takes the look-up from nobody', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using world = await startDyingWorld('bearer', 'at once');
    let isGated = false;
    let waiting = 0;
    const credentials: CredentialProvider = async (...args) => {
      waiting += 1;
      if (isGated) await gate;
      return await world.provider(...args);
    };
    await using registry = openRegistry({ url: world.url, credentials });
    const repository = registry.repository('a');
    await repository.statBlob(digest);
    world.expire();
    isGated = true;
    waiting = 0;
    const controller = new AbortController();
    const reason = new Error('leaving');
    const asking = blobs.map((blob, index) =>
      repository.statBlob(blob, index === 0 ? { signal: controller.signal } : {}).catch((error: unknown) => error),
    );
    await expect.poll(() => waiting).toBe(1);
    controller.abort(reason);
    expect(await asking[0]).toBe(reason);
    release();
    expect(await Promise.all(asking.slice(1))).toEqual(blobs.slice(1).map(() => undefined));
    expect(world.counts()).toEqual({ asked: 1, granted: 1 });
  });
});

describe('the ways a registry offers', () => {
  test.each<[string, readonly string[], Credentials | undefined, string | undefined]>([
    [
      'Basic wins where both are offered',
      ['Bearer realm="REALM"', 'Basic realm="r"'],
      ann,
      `Basic ${btoa('ann:correct horse')}`,
    ],
    ['Bearer is what is left to the anonymous', ['Basic realm="r"', 'Bearer realm="REALM"'], undefined, 'Bearer t'],
    [
      'an identity token is no password',
      ['Bearer realm="REALM"', 'Basic realm="r"'],
      { kind: 'identity-token', token: 'x' },
      'Bearer t',
    ],
    ['a registry token ignores Basic', ['Basic realm="r"'], { kind: 'registry-token', token: 'x' }, undefined],
    ['others are ignored', ['Negotiate'], ann, undefined],
  ])('%s', async (_, challenges, credentials, expected) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token')) {
        response.end('{"token":"t"}');
      } else if (request.url === '/v2/') {
        const lines = challenges.map((line) => line.replace('REALM', `http://${request.headers.host}/token`));
        response.writeHead(401, { 'www-authenticate': lines }).end();
      } else {
        response.writeHead(404).end();
      }
    });
    await using registry = openRegistry({ url: server.url, credentials: async () => credentials });
    await registry.repository('a').statBlob(digest);
    expect(server.seen.at(-1)?.headers.authorization).toBe(expected);
  });
});

describe('a token server that does not do', () => {
  test.each<[string, string, Script, object]>([
    [
      'refuses',
      'Bearer realm="REALM"',
      (_, response) =>
        void response
          .writeHead(401, { 'content-type': 'application/json' })
          .end('{"details":"incorrect username or password"}'),
      {
        code: 'ERR_REGISTRY_UNAUTHORIZED',
        dockerMessage: 'unauthorized: incorrect username or password',
        hint: 'slipway login r.example',
      },
    ],
    [
      'is not named',
      'Bearer service="s"',
      () => {},
      { code: 'ERR_REGISTRY_PROTOCOL', dockerMessage: 'no realm specified for token auth challenge' },
    ],
    ['has a realm that is no URL', 'Bearer realm="http://["', () => {}, { code: 'ERR_REGISTRY_PROTOCOL' }],
    ['has a realm of another scheme', 'Bearer realm="file:///etc/passwd"', () => {}, { code: 'ERR_REGISTRY_PROTOCOL' }],
    [
      'sends no token',
      'Bearer realm="REALM"',
      (_, response) => void response.end('{"expires_in":5}'),
      { code: 'ERR_REGISTRY_PROTOCOL', dockerMessage: 'authorization server did not include a token in the response' },
    ],
    [
      'sends no JSON',
      'Bearer realm="REALM"',
      (_, response) => void response.end('<html>'),
      { code: 'ERR_REGISTRY_PROTOCOL', message: expect.stringContaining('unable to decode token response') },
    ],
    [
      'sends null',
      'Bearer realm="REALM"',
      (_, response) => void response.end('null'),
      { code: 'ERR_REGISTRY_PROTOCOL' },
    ],
    [
      'sends two megabytes',
      'Bearer realm="REALM"',
      (_, response) => void response.end(Buffer.alloc(2_000_000)),
      { code: 'ERR_REGISTRY_PROTOCOL' },
    ],
    [
      'is overloaded',
      'Bearer realm="REALM"',
      (_, response) => void response.writeHead(503, { 'retry-after': '7' }).end(),
      { code: 'ERR_REGISTRY_UNAVAILABLE', transient: true, retryAfterMs: 7_000 },
    ],
    [
      'hangs up',
      'Bearer realm="REALM"',
      (request) => void request.raw.socket.destroy(),
      { code: 'ERR_REGISTRY_UNREACHABLE', transient: true },
    ],
  ])('%s', async (_, challenge, token, expected) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token')) return token(request, response);
      response
        .writeHead(401, { 'www-authenticate': challenge.replace('REALM', `http://${request.headers.host}/token`) })
        .end();
    });
    await using registry = openRegistry({ url: server.url, name: 'r.example', credentials: known(ann) });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject(expected);
  });

  test('that is not there is named, and who named it', async () => {
    await using server = await startScriptedServer(
      (_, response) =>
        void response
          .writeHead(401, { 'www-authenticate': 'Bearer realm="http://gitea.internal:3000/v2/token"' })
          .end(),
    );
    const lookup = async (hostname: string): Promise<readonly string[]> => {
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
    };
    await using registry = openRegistry({ url: server.url, lookup });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      reason: 'ENOTFOUND',
      message: `GET http://gitea.internal:3000/v2/token failed: getaddrinfo ENOTFOUND gitea.internal (the token server that ${new URL(server.url).host} names)`,
    });
  });

  test('that answers with a page is told by its title', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url.startsWith('/token')) return void response.end('<html><title>Sign in</title></html>');
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
    });
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      dockerMessage: 'unable to decode token response',
      message: expect.stringContaining(
        'unable to decode token response: an HTML page, "Sign in" (the token server that',
      ),
    });
  });

  test('is asked again by the next request', async () => {
    await using world = await startTokenWorld((issued) => (issued === 1 ? undefined : {}));
    await using registry = openRegistry({ url: world.url });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
    });
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
  });
});

describe('an open registry that wants something for one of its paths', () => {
  const wanting = (challenge: (host: string) => string): Script => {
    return (request, response) => {
      if (request.url.startsWith('/token')) response.writeHead(403);
      else if (request.url.includes('/secret/')) {
        response.writeHead(401, { 'www-authenticate': challenge(request.headers.host ?? '') });
      } else if (request.method === 'HEAD') response.setHeader('content-length', '0');
      response.end();
    };
  };

  test.each<[string, (host: string) => string, string]>([
    ['a password', () => 'Basic realm="secret"', 'ERR_REGISTRY_UNAUTHORIZED'],
    ['a token that nobody gets', (host) => `Bearer realm="http://${host}/token"`, 'ERR_REGISTRY_DENIED'],
  ])('%s: the others go on without, before and after', async (_, challenge, code) => {
    await using world = await startScriptedServer(wanting(challenge));
    await using registry = openRegistry({ url: world.url });
    const open = registry.repository('open/app');
    expect(await open.statBlob(digest)).toMatchObject({ size: 0 });
    await expect(registry.repository('secret/app').statBlob(digest)).rejects.toMatchObject({ code });
    expect(await open.statBlob(digest)).toMatchObject({ size: 0 });
    expect(await registry.repository('other/app').statBlob(digest)).toMatchObject({ size: 0 });
    await expect(registry.repository('secret/app').statBlob(digest)).rejects.toMatchObject({ code });
  });
});

test('a token server that is slow is waited for once, and longer the next time', async () => {
  let nowMs = 1_000_000;
  let answerMs = 0;
  let asked = 0;
  await using server = await startScriptedServer(async (request, response) => {
    if (request.url.startsWith('/token')) {
      asked += 1;
      if (asked === 1) return; // never
      await new Promise((resolve) => setTimeout(resolve, answerMs));
      response.end(JSON.stringify({ token: 'the-token' }));
      return;
    }
    const isKnown = request.headers.authorization === 'Bearer the-token';
    const realm = `http://${request.headers.host}/token`;
    response.writeHead(isKnown ? 404 : 401, isKnown ? {} : { 'www-authenticate': `Bearer realm="${realm}"` }).end();
  });
  await using registry = openRegistry({
    url: server.url,
    timeouts: { metadataMs: 300, slowMs: 20_000 },
    now: () => nowMs,
  });
  const stat = (name: string): Promise<unknown> => registry.repository(name).statManifest('1');
  const silent = { code: 'ERR_REGISTRY_UNREACHABLE', reason: 'timeout' };
  await expect(stat('demo/app')).rejects.toMatchObject(silent);
  await expect(stat('demo/other')).rejects.toMatchObject(silent);
  expect(asked).toBe(1);
  nowMs += 3_000;
  answerMs = 600;
  expect(await stat('demo/app')).toBeUndefined();
  expect(asked).toBe(2);
});

describe('credentials for a token server that an https registry names with http', () => {
  const pem = (name: string): string => readFileSync(join(import.meta.dirname, 'fixtures/certificates', name), 'utf8');
  const tls = { cert: pem('server.crt'), key: pem('server.key') };
  const naming: Script = (request, response) => {
    const isKnown = request.headers.authorization !== undefined;
    response
      .writeHead(isKnown ? 404 : 401, isKnown ? {} : { 'www-authenticate': 'Bearer realm="http://auth.invalid/token"' })
      .end();
  };

  test('are not sent', async () => {
    await using server = await startScriptedServer(naming, tls);
    await using registry = openRegistry({ url: server.url, credentials: known(ann), connect: { ca: pem('ca.crt') } });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    });
  });

  test.each<[string, CredentialProvider | undefined, RegistryOptions['connect']]>([
    ['that does without verification', known(ann), { rejectUnauthorized: false }],
    ['without credentials', undefined, { ca: pem('ca.crt') }],
  ])('are no matter to a user %s', async (_, credentials, connect) => {
    await using server = await startScriptedServer(naming, tls);
    await using registry = openRegistry({ url: server.url, credentials, connect });
    // The token server does not exist, but it was asked.
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE' });
  });
});

test('a failing credential provider is heard of, and asked again', async () => {
  let asked = 0;
  const broken = new Error('helper not found');
  const credentials: CredentialProvider = async () => {
    asked += 1;
    if (asked === 1) throw broken;
    return ann;
  };
  await using world = await startTokenWorld();
  await using registry = openRegistry({ url: world.url, credentials });
  await expect(registry.repository('a').statBlob(digest)).rejects.toBe(broken);
  expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
});

test('the embedded registry lets a user push through tokens that are revoked in between', async () => {
  await using server = await startRegistry({
    auth: { kind: 'bearer', users: { ann: 'correct horse' }, tokenServer: 'separate' },
  });
  await using registry = openRegistry({ url: server.url, credentials: known(ann) });
  const repository = registry.repository('demo/app');
  const bytes = testBytes(200_000);
  const blob: Digest = digestBytes(bytes);
  await using session = await beginSession(repository);
  server.revokeTokens();
  await session.append(contentOf(bytes.subarray(0, 100_000)));
  server.revokeTokens();
  await session.put(contentOf(bytes), blob);
  server.revokeTokens();
  expect(await repository.statBlob(blob)).toEqual({ digest: blob, size: 200_000 });
  expect(server.tokensIssued).toBe(4);
});
