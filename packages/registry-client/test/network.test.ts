import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { openV1Session } from '../src/v1.ts';
import { beginSession, collect, testBytes } from './push-through.ts';
import { startRawServer } from './raw-server.ts';
import { afterPing, type Script, startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));
const pem = (name: string): string => readFileSync(join(import.meta.dirname, 'fixtures/certificates', name), 'utf8');
const tls = (name: string): { cert: string; key: string } => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });

/** A server below HTTP. */
async function startSocketServer(
  onSocket: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly host: string }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a registry that cannot be reached', () => {
  test('refuses the connection', async () => {
    const gone = await startSocketServer(() => {});
    await gone[Symbol.asyncDispose]();
    await using registry = openRegistry({ url: `http://${gone.host}` });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'ECONNREFUSED',
      transient: true,
      message: expect.stringMatching(
        /^GET http:\/\/127\.0\.0\.1:\d+\/v2\/ failed: connect ECONNREFUSED 127\.0\.0\.1:\d+$/,
      ),
    });
  });

  test('has a name that does not exist', async () => {
    await using registry = openRegistry({ url: 'https://registry.invalid' });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: expect.stringMatching(/^(?:ENOTFOUND|EAI_AGAIN)$/), // the latter where there is no resolver at all
    });
  });

  test('hangs up', async () => {
    await using server = await startSocketServer((socket) => socket.resetAndDestroy());
    await using registry = openRegistry({ url: `http://${server.host}` });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'ECONNRESET',
      transient: true,
    });
  });

  test('does not answer', async () => {
    await using server = await startSocketServer(() => {});
    await using registry = openRegistry({ url: `http://${server.host}`, timeouts: { metadataMs: 100 } });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'timeout',
      transient: true,
      message: expect.stringContaining('no answer came within 100 ms'),
    });
  });

  test('does not answer in TLS', async () => {
    await using server = await startSocketServer(() => {});
    await using registry = openRegistry({ url: `https://${server.host}`, timeouts: { tlsMs: 100 } });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'timeout',
      transient: true,
    });
  });

  test('does not speak HTTP', async () => {
    await using server = await startSocketServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await using registry = openRegistry({ url: `http://${server.host}` });
    await expect(registry.ping()).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('is asked again by the next request, and once for all who wait', async () => {
    let pings = 0;
    await using server = await startScriptedServer((request, response) => {
      if (request.url !== '/v2/') return void response.writeHead(404).end();
      pings += 1;
      if (pings <= 2)
        request.raw.socket.destroy(); // the stale connection's second try included
      else response.end();
    });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    const both = await Promise.allSettled([repository.statBlob(digest), repository.statBlob(digest)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await repository.statBlob(digest)).toBeUndefined();
    expect(pings).toBe(3);
  });
});

test.each<[string, () => unknown]>([
  ['throws', () => expect.unreachable()],
  ['rejects', () => Promise.reject(new Error('broken'))],
])('a listener that %s changes nothing', async (_, listen) => {
  await using server = await startScriptedServer(
    afterPing((request, response) => {
      request.raw.resume().once('end', () => {
        const location = '/v2/a/blobs/uploads/1';
        response.writeHead(request.method === 'POST' ? 202 : 201, { location, warning: '299 - "soon"' }).end();
      });
    }),
  );
  const tell = listen as () => void;
  await using registry = openRegistry({ url: server.url, onRequest: tell, onWarning: tell });
  const session = await beginSession(registry.repository('a'));
  const bytes = testBytes(1_000);
  await session.put(contentOf(bytes), digestBytes(bytes), { onProgress: tell, onBodySent: tell });
});

describe('a registry that was disposed', () => {
  const closed = { code: 'ERR_REGISTRY_CLOSED', transient: false, message: expect.stringContaining('closed here') };

  test('before the request says so', async () => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(404).end());
    const registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    await repository.statBlob(digest);
    await registry[Symbol.asyncDispose]();
    await expect(repository.statBlob(digest)).rejects.toMatchObject(closed);
    await expect(repository.listTags()[Symbol.asyncIterator]().next()).rejects.toMatchObject(closed);
    await expect(openRegistryAfterEnd(server.url)).rejects.toMatchObject(closed);
  });

  describe('while credentials are looked up that never come', () => {
    const challenge = { 'www-authenticate': 'Basic realm="here"' };
    const hanging = (): { readonly credentials: () => Promise<never>; readonly asked: Promise<void> } => {
      let tell = (): void => {};
      const asked = new Promise<void>((resolve) => {
        tell = resolve;
      });
      return {
        asked,
        credentials() {
          tell();
          return new Promise<never>(() => {});
        },
      };
    };

    test('says so to all who wait, and to those who come later', async () => {
      await using server = await startScriptedServer((_, response) => void response.writeHead(401, challenge).end());
      const { credentials, asked } = hanging();
      const registry = openRegistry({ url: server.url, credentials });
      const repository = registry.repository('a');
      const waiting = [repository.statBlob(digest), registry.describeAccess('a')].map((each) =>
        expect(each).rejects.toMatchObject(closed),
      );
      await asked;
      await registry[Symbol.asyncDispose]();
      await Promise.all(waiting);
      await expect(repository.statBlob(digest)).rejects.toMatchObject(closed);
    });

    test('tells whoever looks them up when nobody waits any more', async () => {
      await using server = await startScriptedServer((_, response) => void response.writeHead(401, challenge).end());
      const given: (AbortSignal | undefined)[] = [];
      const { credentials, asked } = hanging();
      await using registry = openRegistry({
        url: server.url,
        credentials(_, options) {
          given.push(options?.signal);
          return credentials();
        },
      });
      const controller = new AbortController();
      const waiting = registry.repository('a').statBlob(digest, { signal: controller.signal });
      await asked;
      controller.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
      expect(given[0]?.reason).toBe(controller.signal.reason);
    });

    test('over v1 too', async () => {
      const { credentials, asked } = hanging();
      const session = openV1Session({ url: 'http://127.0.0.1:9', credentials });
      const waiting = expect(session.start()).rejects.toMatchObject(closed);
      await asked;
      await session[Symbol.asyncDispose]();
      await waiting;
      await expect(session.start()).rejects.toMatchObject(closed);
      const controller = new AbortController();
      await using other = openV1Session({ url: 'http://127.0.0.1:9', credentials });
      const left = other.start({ signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(left).rejects.toThrow('enough');
    });
  });

  async function openRegistryAfterEnd(url: string): Promise<unknown> {
    const registry = openRegistry({ url });
    await registry[Symbol.asyncDispose]();
    return await registry.ping();
  }
});

describe('the ping', () => {
  test.each([200, 404, 500])('takes %d for an answer', async (status) => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(status).end('x'));
    await using registry = openRegistry({ url: server.url });
    expect(await registry.ping()).toMatchObject({ status, apiVersions: [] });
  });

  test('reads the versions of several headers', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'docker-distribution-api-version': ['registry/2.0 registry/2.1', 'trust/1.0'] }).end();
    });
    await using registry = openRegistry({ url: server.url });
    expect((await registry.ping()).apiVersions).toEqual(['registry/2.0', 'registry/2.1', 'trust/1.0']);
  });

  test('keeps to the path of the URL', async () => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(404).end());
    await using registry = openRegistry({ url: `${server.url}/mirror/` });
    await registry.repository('a').statBlob(digest);
    expect(server.seen.map(({ url }) => url)).toEqual(['/mirror/v2/', `/mirror/v2/a/blobs/${digest}`]);
  });

  test('that one of two leaves goes on for the other', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using server = await startScriptedServer((_, response) => {
      controller.abort(reason);
      response.end();
    });
    await using registry = openRegistry({ url: server.url });
    const leaving = registry.ping({ signal: controller.signal });
    const staying = registry.ping();
    await expect(leaving).rejects.toBe(reason);
    expect((await staying).status).toBe(200);
  });

  test('over http is told that the registry expects https', async () => {
    await using server = await startScriptedServer(
      (_, response) => void response.writeHead(400).end('Client sent an HTTP request to an HTTPS server.\n'),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      reason: 'https-expected',
      hint: expect.stringContaining('https:'),
    });
  });

  test('over http is told the same by who answers with an alert of TLS, and not by who answers with anything', async () => {
    const rows = [
      [Buffer.from([0x15, 3, 1, 0, 2, 2, 70]), 'https-expected'],
      [Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), undefined],
    ] as const;
    for (const [bytes, reason] of rows) {
      await using server = await startRawServer((_, socket) => void socket.end(bytes));
      await using registry = openRegistry({ url: server.url });
      await expect(registry.ping()).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL', reason });
    }
  });

  test('over https is told that the registry speaks http', async () => {
    await using server = await startScriptedServer((_, response) => void response.end());
    await using registry = openRegistry({ url: server.url.replace('http:', 'https:') });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'tls',
      transient: false,
      hint: expect.stringContaining('a URL with http:'),
    });
  });
});

describe('TLS', () => {
  test('with an authority of one’s own', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(404).end()),
      tls('server'),
    );
    await using registry = openRegistry({ url: server.url, connect: { ca: pem('ca.crt') } });
    expect((await registry.ping()).status).toBe(200);
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(server.connections).toBe(1);
  });

  test('with a client certificate', async () => {
    await using server = await startScriptedServer(
      afterPing(() => {}),
      { ...tls('server'), ca: pem('ca.crt'), requestCert: true, rejectUnauthorized: true },
    );
    await using registry = openRegistry({ url: server.url, connect: { ca: [pem('ca.crt')], ...tls('client') } });
    expect((await registry.ping()).status).toBe(200);
    await using anonymous = openRegistry({ url: server.url, connect: { ca: pem('ca.crt') } });
    await expect(anonymous.ping()).rejects.toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE' });
  });

  test('without verification', async () => {
    await using server = await startScriptedServer(
      afterPing(() => {}),
      tls('expired'),
    );
    await using registry = openRegistry({ url: server.url, connect: { rejectUnauthorized: false } });
    expect((await registry.ping()).status).toBe(200);
  });

  test('for another name', async () => {
    await using server = await startScriptedServer(
      afterPing(() => {}),
      tls('other-name'),
    );
    await using registry = openRegistry({ url: server.url, connect: { ca: pem('ca.crt'), servername: 'other.test' } });
    expect((await registry.ping()).status).toBe(200);
  });

  test.each([
    ['an authority nobody knows', 'server', undefined, 'subject CN=registry.test; issuer CN=Slipway test authority'],
    ['a certificate that vouches for itself', 'self-signed', undefined, 'subject CN=self.test'],
    ['a certificate that has expired', 'expired', 'ca.crt', 'subject CN=registry.test'],
    ['a certificate of another name', 'other-name', 'ca.crt', 'for DNS:other.test'],
  ])('is refused with %s, which is named', async (_, name, authority, certificate) => {
    await using server = await startScriptedServer(
      afterPing(() => {}),
      tls(name),
    );
    await using registry = openRegistry({
      url: server.url,
      connect: authority === undefined ? {} : { ca: pem(authority) },
    });
    await expect(registry.ping()).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'tls',
      transient: false,
      message: expect.stringContaining(certificate),
    });
    expect(server.seen).toEqual([]);
  });
});

describe('connections', () => {
  test('are kept between requests, also after a HEAD', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(404, { 'content-length': '10' }).end()),
    );
    await using registry = openRegistry({ url: server.url });
    for (let request = 0; request < 5; request += 1) await registry.repository('a').statBlob(digest);
    expect(server.connections).toBe(1);
  });

  test('are no more at once than asked for', async () => {
    let open = 0;
    let most = 0;
    await using server = await startScriptedServer(
      afterPing((_, response) => {
        open += 1;
        most = Math.max(most, open);
        setTimeout(() => {
          open -= 1;
          response.writeHead(404).end();
        }, 20);
      }),
    );
    await using registry = openRegistry({ url: server.url, connections: 2 });
    await Promise.all(Array.from({ length: 6 }, () => registry.repository('a').statBlob(digest)));
    expect(most).toBe(2);
    expect(server.connections).toBe(2);
  });

  test('that a peer closed while idle cost a HEAD nothing', async () => {
    const sockets: Socket[] = [];
    let answered = 0;
    await using server = await startScriptedServer(
      afterPing((request, response) => {
        sockets.push(request.raw.socket);
        answered += 1;
        if (answered === 2)
          request.raw.socket.resetAndDestroy(); // as if it had died before the request came
        else response.writeHead(404).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await registry.repository('a').statBlob(digest);
    expect(await registry.repository('a').statBlob(digest)).toBeUndefined();
    expect(answered).toBe(3);
  });

  /** Resets every connection at its second request, as a balancer with a short memory does. */
  function onceOnly(script: Script): Script {
    const used = new Set<unknown>();
    return (request, response) => {
      const { socket } = request.raw;
      if (used.has(socket)) return void socket.resetAndDestroy();
      used.add(socket);
      return script(request, response);
    };
  }

  test('that are reset whenever they are used again are used once, after two losses', async () => {
    const bytes = testBytes(100_000);
    await using server = await startScriptedServer(
      onceOnly(
        afterPing(async (request, response) => {
          await request.read();
          response.writeHead(request.method === 'POST' ? 202 : 201, { location: '/u' }).end();
        }),
      ),
    );
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    const session = await beginSession(repository); // its POST is sent again at once
    // A body may have arrived: whoever sent it asks before it is sent again.
    await expect(session.put(contentOf(bytes), digestBytes(bytes))).rejects.toMatchObject({ reason: 'ECONNRESET' });
    const again = await beginSession(repository);
    await again.put(contentOf(bytes), digestBytes(bytes));
    await repository.putManifest('v1', bytes, { mediaType: 'application/x' });
    const begun = await Promise.all([repository.beginUpload(), repository.beginUpload(), repository.beginUpload()]);
    expect(begun.map(({ kind }) => kind)).toEqual(['session', 'session', 'session']);
    const puts = server.seen.filter(({ method, body }) => method === 'PUT' && body.length > 0);
    expect(puts.map(({ body }) => Buffer.compare(body, bytes))).toEqual([0, 0]);
  });

  test('that are reset under a chunk fail it: the registry may have it', async () => {
    await using server = await startScriptedServer(
      onceOnly(
        afterPing((request, response) => {
          if (request.method === 'PATCH') request.raw.socket.resetAndDestroy();
          else response.writeHead(202, { location: '/u' }).end();
        }),
      ),
    );
    await using registry = openRegistry({ url: server.url });
    const session = await beginSession(registry.repository('a'));
    await expect(session.append(contentOf(testBytes(100)))).rejects.toMatchObject({ reason: 'ECONNRESET' });
    expect(server.seen.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
    session.keep();
  });

  test('that are new and reset fail what begins an upload, and a body', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.method === 'GET') response.writeHead(200, { connection: 'close' }).end();
      else request.raw.socket.resetAndDestroy();
    });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('a');
    await expect(repository.beginUpload()).rejects.toMatchObject({ reason: 'ECONNRESET', transient: true });
    await expect(repository.putManifest('v1', testBytes(10), { mediaType: 'a/b' })).rejects.toMatchObject({
      reason: 'ECONNRESET',
    });
    expect(server.seen.map(({ method }) => method)).toEqual(['GET', 'POST', 'PUT']);
  });

  test('end with the registry', async () => {
    await using server = await startScriptedServer(afterPing(() => {}));
    const registry = openRegistry({ url: server.url });
    const waiting = registry.repository('a').statBlob(digest);
    await expect.poll(() => server.seen.length).toBe(2);
    const failed = expect(waiting).rejects.toMatchObject({ code: 'ERR_REGISTRY_CLOSED' });
    await registry[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await failed;
  });
});

describe('headers', () => {
  test('of 40 KB are read', async () => {
    await using server = await startScriptedServer(
      afterPing(
        (_, response) =>
          void response.writeHead(202, { location: `/v2/a/blobs/uploads/1?_state=${'x'.repeat(40_000)}` }).end(),
      ),
    );
    await using registry = openRegistry({ url: server.url });
    const begun = await registry.repository('a').beginUpload();
    if (begun.kind !== 'session') throw new Error('Expected a session');
    expect(begun.session.location.search).toHaveLength(40_008);
    begun.session.keep();
  });

  test('beyond the limit break the protocol', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(202, { location: `/${'x'.repeat(70_000)}` }).end()),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(registry.repository('a').beginUpload()).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('name the user agent in every request', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.writeHead(404).end()));
    await using registry = openRegistry({ url: server.url, userAgent: 'slipway/1.2' });
    await registry.repository('a').statBlob(digest);
    expect(server.seen.map(({ headers }) => headers['user-agent'])).toEqual(['slipway/1.2', 'slipway/1.2']);
  });
});

describe('a download', () => {
  const bytes = new Uint8Array(500_000).fill(7);
  const blob = digestBytes(bytes);

  test('begins where it is asked to, also at a registry that knows no ranges', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.end(bytes)));
    await using registry = openRegistry({ url: server.url });
    expect((await collect(registry.repository('a').openBlob(blob, { from: 499_990 }))).byteLength).toBe(10);
    expect(server.seen[1]?.headers.range).toBe('bytes=499990-');
  });

  test('of another range than asked for breaks the protocol', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => void response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('56789')),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(collect(registry.repository('a').openBlob(blob, { from: 7 }))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
    });
  });

  test('of a blob that is not there is an error', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.writeHead(404).end()));
    await using registry = openRegistry({ url: server.url });
    await expect(collect(registry.repository('a').openBlob(blob))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_NOT_FOUND',
    });
  });

  test('sends nothing before its first chunk is asked for', async () => {
    await using server = await startScriptedServer(afterPing((_, response) => void response.end(bytes)));
    await using registry = openRegistry({ url: server.url });
    registry.repository('a').openBlob(blob);
    expect(server.seen).toEqual([]);
  });

  test('that breaks in the middle is a transient failure', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => {
        response.writeHead(200, { 'content-length': '500000' });
        response.write(bytes.subarray(0, 100_000), () => response.destroy());
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await expect(collect(registry.repository('a').openBlob(blob))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      transient: true,
    });
  });

  test('that stands still is given up', async () => {
    await using server = await startScriptedServer(
      afterPing((_, response) => {
        response.writeHead(200, { 'content-length': '500000' });
        response.write(bytes.subarray(0, 100_000));
      }),
    );
    await using registry = openRegistry({ url: server.url, timeouts: { idleMs: 100 } });
    await expect(collect(registry.repository('a').openBlob(blob))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'timeout',
      transient: true,
    });
  });

  test('that is left early closes its connection', async () => {
    let isClosed = false;
    await using server = await startScriptedServer(
      afterPing((request, response) => {
        request.raw.socket.once('close', () => {
          isClosed = true;
        });
        response.writeHead(200, { 'content-length': '500000' });
        response.write(bytes.subarray(0, 100_000));
      }),
    );
    await using registry = openRegistry({ url: server.url });
    for await (const _ of registry.repository('a').openBlob(blob)) break;
    await expect.poll(() => isClosed).toBe(true);
  });

  test('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using server = await startScriptedServer(
      afterPing((_, response) => {
        response.writeHead(200, { 'content-length': '500000' });
        response.write(bytes.subarray(0, 100_000));
      }),
    );
    await using registry = openRegistry({ url: server.url });
    const reading = async (): Promise<void> => {
      for await (const _ of registry.repository('a').openBlob(blob, { signal: controller.signal }))
        controller.abort(reason);
    };
    await expect(reading()).rejects.toBe(reason);
  });
});

test('a registry that does not answer in time is waited for longer when it is asked again', async () => {
  let pings = 0;
  await using server = await startScriptedServer(async (_, response) => {
    pings += 1;
    if (pings === 1) return; // never
    await new Promise((resolve) => setTimeout(resolve, 600));
    response.end();
  });
  await using registry = openRegistry({ url: server.url, timeouts: { metadataMs: 300, slowMs: 20_000 } });
  await expect(registry.ping()).rejects.toMatchObject({ reason: 'timeout' });
  expect(await registry.ping()).toMatchObject({ status: 200 });
});
