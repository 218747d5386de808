import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentOf, digestBytes } from '@slipway/digest';
import type { CredentialProvider } from '@slipway/docker-credentials';
import { Agent, buildConnector } from 'undici/index.js';
import { describe, expect, test } from 'vitest';
import { type DispatcherFactory, openRegistry, type Registry } from '../src/index.ts';
import { openV1Session } from '../src/v1.ts';
import { beginSession, collect, testBytes } from './push-through.ts';
import { afterPing, type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const pem = (name: string): string => readFileSync(join(import.meta.dirname, 'fixtures/certificates', name), 'utf8');
const tls = { cert: pem('server.crt'), key: pem('server.key') };
const bytes = testBytes(100_000);
const digest = digestBytes(bytes);
const credentials: CredentialProvider = async () => ({ kind: 'basic', username: 'ann', password: 'correct horse' });
const basic = `Basic ${btoa('ann:correct horse')}`;

/** Asks for Basic credentials and hands on what has them. */
function guarded(script: Script): Script {
  return (request, response) => {
    if (request.headers.authorization !== basic) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return;
    }
    if (request.url === '/v2/') {
      response.end();
      return;
    }
    return script(request, response);
  };
}

function redirecting(status: number, to: () => string): Script {
  return guarded((request, response) => {
    request.raw.resume();
    response.writeHead(status, { location: to() }).end();
  });
}

async function startStorage(script: Script = (_, response) => void response.end(bytes)): Promise<ScriptedServer> {
  return await startScriptedServer(script);
}

describe('a redirect to another origin', () => {
  test.each([301, 302, 303, 307, 308])('%d of a download is followed without the credentials', async (status) => {
    await using storage = await startStorage();
    await using server = await startScriptedServer(redirecting(status, () => `${storage.url}/data?signature=s`));
    await using registry = openRegistry({ url: server.url, credentials });
    expect(await collect(registry.repository('a').openBlob(digest))).toEqual(bytes);
    expect(server.seen.at(-1)?.headers.authorization).toBe(basic);
    expect(storage.seen).toMatchObject([{ method: 'GET', url: '/data?signature=s' }]);
    expect(storage.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('keeps what else the request has', async () => {
    await using storage = await startStorage();
    await using server = await startScriptedServer(redirecting(307, () => `${storage.url}/data`));
    await using registry = openRegistry({ url: server.url, credentials });
    await collect(registry.repository('a').openBlob(digest, { from: 5 }));
    expect(storage.seen[0]?.headers.range).toBe('bytes=5-');
  });

  test('of a HEAD is followed as a HEAD', async () => {
    await using storage = await startStorage(
      (_, response) => void response.writeHead(200, { 'content-length': '100000' }).end(),
    );
    await using server = await startScriptedServer(redirecting(307, () => `${storage.url}/data`));
    await using registry = openRegistry({ url: server.url, credentials });
    expect(await registry.repository('a').statBlob(digest)).toEqual({ digest, size: 100_000 });
    expect(storage.seen[0]?.method).toBe('HEAD');
  });

  test('does not bring the credentials back on a second one', async () => {
    let home = '';
    await using storage = await startStorage(
      (_, response) => void response.writeHead(302, { location: `${home}/final` }).end(),
    );
    await using server = await startScriptedServer((request, response) => {
      if (request.url === '/final') response.end(bytes);
      else return redirecting(302, () => `${storage.url}/data`)(request, response);
    });
    home = server.url;
    await using registry = openRegistry({ url: server.url, credentials });
    await collect(registry.repository('a').openBlob(digest));
    expect(server.seen.at(-1)?.headers).not.toHaveProperty('authorization');
  });

  test('that answers 401 is not shown anything', async () => {
    await using storage = await startStorage(
      (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="give it to me"' }).end(),
    );
    await using server = await startScriptedServer(redirecting(302, () => `${storage.url}/data`));
    await using registry = openRegistry({ url: server.url, credentials });
    await expect(collect(registry.repository('a').openBlob(digest))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
    });
    expect(storage.seen).toHaveLength(1);
  });
});

describe('where a redirect leads, and nothing answers', () => {
  test.each<[string, Script, (registry: Registry) => Promise<unknown>]>([
    [
      'a ping',
      (_, response) => void response.writeHead(307, { location: 'http://127.0.0.2:1/v2/' }).end(),
      (registry) => registry.ping(),
    ],
    [
      'the start of an upload',
      afterPing((_, response) => void response.writeHead(308, { location: 'http://127.0.0.2:1/u' }).end()),
      (registry) => registry.repository('a').beginUpload(),
    ],
    [
      'a blob',
      afterPing((_, response) => void response.writeHead(302, { location: 'http://127.0.0.2:1/b' }).end()),
      (registry) => collect(registry.repository('a').openBlob(digest)),
    ],
  ])('%s: the registry has answered', async (_, script, ask) => {
    await using server = await startScriptedServer(script);
    await using registry = openRegistry({ url: server.url });
    await expect(ask(registry)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      hasAnswered: true,
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ leads to http:\/\/127\.0\.0\.2:1\/.*, where nothing answers: /),
      hint: expect.stringContaining('127.0.0.2:1'),
    });
  });

  test('a token server: the registry has answered', async () => {
    await using server = await startScriptedServer(
      (_, response) =>
        void response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.2:1/t",service="s"' }).end(),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      reason: 'ECONNREFUSED',
      hasAnswered: true,
    });
  });

  test('the registry itself has not, where it is not there', async () => {
    await using registry = openRegistry({ url: 'http://127.0.0.2:1' });
    await expect(registry.ping()).rejects.toMatchObject({ reason: 'ECONNREFUSED', hasAnswered: false });
  });
});

describe('an upload location on another origin', () => {
  test('gets the bytes and no credentials', async () => {
    await using storage = await startStorage(async (request, response) => {
      await request.read();
      response.writeHead(request.method === 'PUT' ? 201 : 202).end();
    });
    await using server = await startScriptedServer(
      guarded((_, response) => void response.writeHead(202, { location: `${storage.url}/upload?sig=a+b` }).end()),
    );
    await using registry = openRegistry({ url: server.url, credentials });
    const session = await beginSession(registry.repository('a'));
    await session.stream(contentOf(bytes));
    await session.commit(digest);
    expect(storage.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PATCH /upload?sig=a+b',
      `PUT /upload?sig=a+b&digest=${encodeURIComponent(digest)}`,
    ]);
    for (const { headers } of storage.seen) expect(headers).not.toHaveProperty('authorization');
  });
});

describe('a redirect of a request with a body', () => {
  test.each([307, 308])('%d is followed with the same body if it can be opened again', async (status) => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        if (request.url.startsWith('/v2/a/manifests/')) response.writeHead(status, { location: '/elsewhere' }).end();
        else response.writeHead(201).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').putManifest('v1', bytes, { mediaType: 'application/x' });
    expect(server.seen.at(-1)).toMatchObject({
      method: 'PUT',
      url: '/elsewhere',
      headers: { 'content-type': 'application/x' },
    });
    expect(Buffer.compare(server.seen.at(-1)?.body ?? Buffer.alloc(0), bytes)).toBe(0);
  });

  const large = testBytes(3_000_000);

  test.each([
    [307, 'once it has all bytes', true],
    [308, 'once it has all bytes', true],
    [307, 'at the first byte', false],
  ])('%d of a stream %s begins the stream anew at its target, without the credentials', async (status, _, reads) => {
    await using storage = await startStorage(async (request, response) => {
      await request.read();
      response.writeHead(request.method === 'PUT' ? 201 : 202, { location: '/next?sig=b' }).end();
    });
    await using server = await startScriptedServer(
      guarded(async (request, response) => {
        if (request.method === 'POST') return void response.writeHead(202, { location: '/u' }).end();
        if (reads) await request.read();
        response.writeHead(status, { location: `${storage.url}/elsewhere?sig=a%2Bb` }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url, credentials });
    const session = await beginSession(registry.repository('a'));
    expect(await session.stream(contentOf(large))).toBe(3_000_000);
    expect(session.location.href).toBe(`${storage.url}/next?sig=b`);
    await session.commit(digest);
    expect(storage.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PATCH /elsewhere?sig=a%2Bb',
      `PUT /next?sig=b&digest=${encodeURIComponent(digest)}`,
    ]);
    expect(Buffer.compare(storage.seen[0]?.body ?? Buffer.alloc(0), large)).toBe(0);
    for (const { headers } of storage.seen) expect(headers).not.toHaveProperty('authorization');
  });

  test('leaves the session at the registry, if the target names its very path', async () => {
    await using storage = await startStorage(async (request, response) => {
      await request.read();
      response.writeHead(request.method === 'PUT' ? 201 : 202, { location: '/u?state=2' }).end();
    });
    await using server = await startScriptedServer(
      guarded(async (request, response) => {
        if (request.method === 'POST') return void response.writeHead(202, { location: '/u?state=1' }).end();
        await request.read();
        response.writeHead(308, { location: `${storage.url}${request.url}&sig=a%2Bb` }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url, credentials });
    const session = await beginSession(registry.repository('a'));
    await session.stream(contentOf(bytes));
    expect(session.location.href).toBe(`${server.url}/u?state=2`);
    await session.commit(digest);
    expect(storage.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PATCH /u?state=1&sig=a%2Bb',
      `PUT /u?state=2&digest=${encodeURIComponent(digest)}&sig=a%2Bb`,
    ]);
    for (const { headers } of storage.seen) expect(headers).not.toHaveProperty('authorization');
  });

  test('is an error for statuses that would change the method', async () => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        if (request.method === 'POST') return void response.writeHead(202, { location: '/u' }).end();
        await request.read();
        response.writeHead(302, { location: '/elsewhere' }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    const session = await beginSession(registry.repository('a'));
    await expect(session.put(contentOf(bytes), digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
      status: 302,
    });
    session.keep();
  });
});

test('ten redirects are followed, and no more', async () => {
  let left = 10;
  const script: Script = afterPing((request, response) => {
    if (left === 0) return void response.writeHead(200, { 'content-length': '3' }).end();
    left -= 1;
    response.writeHead(302, { location: `${request.url.split('?')[0]}?left=${left}` }).end();
  });
  await using server = await startScriptedServer(script);
  await using registry = openRegistry({ url: server.url });
  expect(await registry.repository('a').statBlob(digest)).toEqual({ digest, size: 3 });
  left = 11;
  await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    message: expect.stringContaining('stopped after 10 redirects'),
  });
});

/** Finds every host at one port of the loopback, as a registry on the internet would be found. */
function dispatcherTo(port: number): DispatcherFactory {
  return () => new Agent({ connect: buildConnectorTo(port) });
}

function buildConnectorTo(port: number): ReturnType<typeof buildConnector> {
  const connect = buildConnector({});
  return (options, callback) => connect({ ...options, hostname: '127.0.0.1', port: String(port) }, callback);
}

test('a redirect from a public registry into the client’s network is refused before anything is sent there', async () => {
  await using server = await startScriptedServer(
    afterPing((_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end()),
  );
  await using registry = openRegistry({
    url: 'http://registry.example',
    dispatcher: dispatcherTo(server.port),
    lookup: async () => ['93.184.216.34'],
  });
  await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_REDIRECT_REFUSED',
  });
  expect(server.seen).toHaveLength(2);
});

test('an upload location inside the client’s network is refused before a byte is sent there', async () => {
  await using server = await startScriptedServer(
    afterPing((_, response) => void response.writeHead(202, { location: 'http://10.0.0.1/upload' }).end()),
  );
  await using registry = openRegistry({
    url: 'http://registry.example',
    dispatcher: dispatcherTo(server.port),
    lookup: async () => ['93.184.216.34'],
  });
  await expect(registry.repository('a').beginUpload()).rejects.toMatchObject({ code: 'ERR_REGISTRY_REDIRECT_REFUSED' });
});

describe('an upload location where nothing answers', () => {
  /** A port that was free a moment ago. */
  async function closedPort(): Promise<number> {
    const server = await startScriptedServer(() => {});
    await server[Symbol.asyncDispose]();
    return server.port;
  }

  test('on another port of the registry’s host is taken to mean the registry’s own', async () => {
    const port = await closedPort();
    const location = `http://127.0.0.1:${port}/v2/a/blobs/uploads/1?_state=a%2Bb`;
    await using server = await startScriptedServer(
      guarded(async (request, response) => {
        await request.read();
        response.writeHead(request.method === 'PUT' ? 201 : 202, { location }).end();
      }),
    );
    const warnings: string[] = [];
    await using registry = openRegistry({
      url: server.url,
      credentials,
      onWarning: (message) => warnings.push(message),
    });
    const repository = registry.repository('a');
    const session = await beginSession(repository);
    await session.append(contentOf(bytes));
    expect(session.location.href).toBe(`${server.url}/v2/a/blobs/uploads/1?_state=a%2Bb`);
    await session.commit(digest);
    const second = await beginSession(repository);
    expect(second.location.origin).toBe(server.url); // known from then on
    expect(server.seen.map(({ method, url }) => `${method} ${url}`).slice(-4)).toEqual([
      'POST /v2/a/blobs/uploads/',
      'PATCH /v2/a/blobs/uploads/1?_state=a%2Bb',
      `PUT /v2/a/blobs/uploads/1?_state=a%2Bb&digest=${encodeURIComponent(digest)}`,
      'POST /v2/a/blobs/uploads/',
    ]);
    second.keep();
    expect(warnings).toEqual([
      expect.stringMatching(/sends uploads to http:\/\/127\.0\.0\.1:\d+, where nothing answers/),
    ]);
  });

  test.each([
    ['refused', async () => `http://other.test:${await closedPort()}`],
    ['unknown', async () => 'http://registry-backend.internal:5000'],
  ])('on another host, %s, is told as the registry’s fault and not as one of the moment', async (_, origin) => {
    const location = `${await origin()}/v2/a/blobs/uploads/1`;
    await using server = await startScriptedServer(
      afterPing((_request, response) => void response.writeHead(202, { location }).end()),
    );
    const lookup = async (hostname: string): Promise<readonly string[]> => {
      if (hostname === 'other.test') return ['127.0.0.1'];
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
    };
    await using registry = openRegistry({ url: server.url, lookup });
    const session = await beginSession(registry.repository('a'));
    const { host } = new URL(server.url);
    await expect(session.put(contentOf(bytes), digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      transient: false,
      message: expect.stringContaining(
        `${host} sent the upload to ${location}, where nothing answers: PUT ${location}`,
      ),
      hint: expect.stringContaining('does not know its own external address'),
    });
    session.keep();
  });
});

describe('names that a registry sends its client to', () => {
  test('are connected to at the address that was judged', async () => {
    await using inside = await startScriptedServer((_, response) => void response.writeHead(200).end(bytes));
    let asked = 0;
    const lookup = async (hostname: string): Promise<readonly string[]> => {
      if (hostname === 'registry.example') return ['127.0.0.1'];
      asked += 1;
      return asked === 1 ? ['127.0.0.2'] : ['127.0.0.1']; // only the second answer leads to the server
    };
    await using server = await startScriptedServer(
      afterPing(
        (_, response) => void response.writeHead(307, { location: `http://cdn.example:${inside.port}/` }).end(),
      ),
    );
    await using registry = openRegistry({ url: `http://registry.example:${server.port}`, lookup });
    await expect(collect(registry.repository('a').openBlob(digest))).rejects.toMatchObject({
      message: expect.stringContaining('127.0.0.2'),
    });
    expect(inside.seen).toEqual([]);
    // looked up again after the failure
    expect(await collect(registry.repository('a').openBlob(digest))).toEqual(bytes);
  });

  test('are not connected to when they change from public to private', async () => {
    await using inside = await startScriptedServer((_, response) => void response.writeHead(200).end(bytes));
    let asked = 0;
    const lookup = async (hostname: string): Promise<readonly string[]> => {
      if (hostname === 'registry.example') return ['127.0.0.1'];
      asked += 1;
      if (asked === 1) throw new Error('getaddrinfo ENOTFOUND');
      return ['127.0.0.1'];
    };
    await using server = await startScriptedServer(
      afterPing(
        (_, response) => void response.writeHead(307, { location: `http://cdn.example:${inside.port}/` }).end(),
      ),
    );
    await using registry = openRegistry({ url: `http://registry.example:${server.port}`, lookup });
    await expect(collect(registry.repository('a').openBlob(digest))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    });
    expect(inside.seen).toEqual([]);
  });

  test('may be no link-local address, a token server’s name neither, wherever the registry is', async () => {
    await using server = await startScriptedServer(
      (_, response) =>
        void response
          .writeHead(401, { 'www-authenticate': 'Bearer realm="http://metadata.example/latest/token"' })
          .end(),
    );
    const lookup = async (): Promise<readonly string[]> => ['169.254.169.254'];
    await using registry = openRegistry({ url: server.url, lookup, credentials });
    await expect(registry.repository('a').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
      message: expect.stringContaining('link-local'),
    });
  });
});

describe('a registry behind a TLS proxy that names itself http', () => {
  test('is taken to mean https on the same port', async () => {
    const location = 'http://127.0.0.1/v2/a/blobs/uploads/1?_state=x';
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        response.writeHead(request.method === 'PUT' ? 201 : 202, { location }).end();
      }),
      tls,
    );
    await using registry = openRegistry({ url: server.url, connect: { rejectUnauthorized: false } });
    const session = await beginSession(registry.repository('a'));
    expect(session.location.href).toBe(`${server.url}/v2/a/blobs/uploads/1?_state=x`);
    await session.put(contentOf(bytes), digest);
    expect(server.seen.at(-1)?.url).toBe(`/v2/a/blobs/uploads/1?_state=x&digest=${encodeURIComponent(digest)}`);
  });

  test('is not believed for another host', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(202, { location: 'http://localhost/u' }).end()),
      tls,
    );
    await using registry = openRegistry({ url: server.url, connect: { rejectUnauthorized: false } });
    await expect(registry.repository('a').beginUpload()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    });
  });
});

test('a ping that is sent from http to https moves the registry there', async () => {
  await using secure = await startScriptedServer(
    afterPing((_, response) => void response.writeHead(202, { location: '/u' }).end()),
    tls,
  );
  await using plain = await startScriptedServer(
    (request, response) => void response.writeHead(301, { location: `${secure.url}${request.url}` }).end(),
  );
  await using registry = openRegistry({ url: plain.url, connect: { rejectUnauthorized: false } });
  const session = await beginSession(registry.repository('a'));
  expect(session.location.href).toBe(`${secure.url}/u`);
  expect(plain.seen.map(({ url }) => url)).toEqual(['/v2/']);
  session.keep();
});

test('a cookie of a v1 registry goes to no other origin', async () => {
  await using other = await startScriptedServer((_, response) => void response.end('{"id":"second"}'));
  await using server = await startScriptedServer((request, response) => {
    response.setHeader('set-cookie', 'session=secret-7; Path=/');
    if (request.url.endsWith('/second/json')) response.writeHead(302, { location: `${other.url}/json` }).end();
    else response.end('{"id":"first"}');
  });
  await using session = openV1Session({ url: server.url });
  const endpoint = new URL('/v1/', server.url);
  expect(await session.hasImage(endpoint, 'first')).toBe(true);
  expect(await session.hasImage(endpoint, 'second')).toBe(true);
  expect(server.seen.at(-1)?.headers.cookie).toBe('session=secret-7');
  expect(other.seen).toHaveLength(1);
  expect(other.seen[0]?.headers).not.toHaveProperty('cookie');
});
