import { type ByteStream, type Content, contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry, type RegistryOptions, type UploadSession } from '../src/index.ts';
import { beginSession, streamOf, testBytes } from './push-through.ts';
import { afterPing, type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const bytes = testBytes(300_000);
const digest = digestBytes(bytes);
const location = '/v2/demo/app/blobs/uploads/id?_state=a%2Bb%3D%3D&x=~!*()';

interface World extends AsyncDisposable {
  readonly server: ScriptedServer;
  readonly session: UploadSession;
  /** Requests after the POST that opened the session. */
  readonly seen: () => ScriptedServer['seen'];
}

/** A session at a server that follows `script` once the session is open. */
async function startWorld(
  script: Script,
  options: Omit<RegistryOptions, 'url'> = {},
  opened: Record<string, string> = {},
): Promise<World> {
  const server = await startScriptedServer(
    afterPing((request, response) => {
      if (request.method === 'POST') response.writeHead(202, { location, ...opened }).end();
      else return script(request, response);
    }),
  );
  const registry = openRegistry({ url: server.url, ...options });
  const session = await beginSession(registry.repository('demo/app'));
  return {
    server,
    session,
    seen: () => server.seen.slice(server.seen.findIndex(({ method }) => method === 'POST') + 1),
    async [Symbol.asyncDispose]() {
      session.keep();
      await registry[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Reads the request and answers. */
function answering(status: number, headers: Record<string, string> = {}): Script {
  return async (request, response) => {
    await request.read();
    response.writeHead(status, headers).end();
  };
}

test.each<[string, unknown]>([
  ['a text', 'abc'],
  ['numbers of two bytes', Uint16Array.of(1, 2)],
  ['a list', [97, 98, 99]],
])('%s is no chunk of an upload, in one request or in parts', async (_, chunk) => {
  await using world = await startWorld(answering(202));
  const content = {
    size: 3,
    open: async function* () {
      yield chunk as Uint8Array;
    },
  };
  const refused = { code: 'ERR_ARGUMENT', message: expect.stringContaining('each chunk of a stream') };
  await expect(world.session.stream(content)).rejects.toMatchObject(refused);
  await expect(world.session.append(content)).rejects.toMatchObject(refused);
  await expect(world.session.put(content, digest)).rejects.toMatchObject(refused);
});

/** Content that counts what is read of it, and knows whether its readers have closed it. */
function watched(size: number, chunkSize = 65_536): Content & { read: number; closed: number; open(): ByteStream } {
  const content = {
    size,
    read: 0,
    closed: 0,
    async *open() {
      try {
        for (let at = 0; at < size; at += chunkSize) {
          const length = Math.min(chunkSize, size - at);
          content.read += length;
          yield new Uint8Array(length);
        }
      } finally {
        content.closed += 1;
      }
    },
  };
  return content;
}

describe('what is sent', () => {
  test('a stream goes as one chunked PATCH without a length or range', async () => {
    await using world = await startWorld(answering(202, { range: '0-299999' }));
    expect(await world.session.stream(contentOf(bytes))).toBe(300_000);
    const [patch] = world.seen();
    expect(patch?.method).toBe('PATCH');
    expect(patch?.url).toBe(location);
    expect(patch?.headers).toMatchObject({
      'transfer-encoding': 'chunked',
      'content-type': 'application/octet-stream',
    });
    expect(patch?.headers).not.toHaveProperty('content-length');
    expect(patch?.headers).not.toHaveProperty('content-range');
    expect(Buffer.compare(patch?.body ?? Buffer.alloc(0), bytes)).toBe(0);
  });

  test('chunks go as PATCHes with an inclusive range without a unit', async () => {
    await using world = await startWorld(answering(202));
    await world.session.append(contentOf(bytes.subarray(0, 1)));
    await world.session.append(contentOf(bytes.subarray(1)));
    expect(world.seen().map(({ headers }) => [headers['content-range'], headers['content-length']])).toEqual([
      ['0-0', '1'],
      ['1-299999', '299999'],
    ]);
  });

  test('an empty chunk is nothing to send', async () => {
    await using world = await startWorld(answering(202));
    expect(await world.session.append(contentOf(new Uint8Array(0)))).toBe(0);
    expect(world.seen()).toEqual([]);
  });

  test('a put carries everything with its length, and the digest beside the query as it was given', async () => {
    await using world = await startWorld(answering(201));
    await world.session.put(contentOf(bytes), digest);
    const [put] = world.seen();
    expect(put?.method).toBe('PUT');
    expect(put?.url).toBe(`${location}&digest=${encodeURIComponent(digest)}`);
    expect(put?.headers['content-length']).toBe('300000');
    expect(put?.headers).not.toHaveProperty('content-range');
    expect(Buffer.compare(put?.body ?? Buffer.alloc(0), bytes)).toBe(0);
  });

  test('a put after chunks carries what is left', async () => {
    await using world = await startWorld((request, response) =>
      answering(request.method === 'PUT' ? 201 : 202)(request, response),
    );
    await world.session.append(contentOf(bytes.subarray(0, 100_000)));
    await world.session.put(contentOf(bytes), digest);
    const put = world.seen()[1];
    expect(put?.headers['content-range']).toBe('100000-299999');
    expect(Buffer.compare(put?.body ?? Buffer.alloc(0), bytes.subarray(100_000))).toBe(0);
  });

  test('an empty blob is put with length 0', async () => {
    await using world = await startWorld(answering(201));
    await world.session.put(contentOf(new Uint8Array(0)), digestBytes(new Uint8Array(0)));
    expect(world.seen()[0]?.headers['content-length']).toBe('0');
  });

  test('a commit is an empty PUT', async () => {
    await using world = await startWorld(answering(201));
    await world.session.commit(digest);
    expect(world.seen()[0]).toMatchObject({ method: 'PUT', headers: { 'content-length': '0' } });
  });

  test('progress counts what the socket took, in totals of the session', async () => {
    await using world = await startWorld(answering(202));
    const seen: number[] = [];
    const onProgress = (sent: number): number => seen.push(sent);
    await world.session.append(contentOf(bytes.subarray(0, 100_000)), { onProgress });
    await world.session.append(contentOf(bytes.subarray(100_000)), { onProgress });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen).toContain(100_000);
    expect(seen.at(-1)).toBe(300_000);
  });

  test('small chunks are gathered into large ones', async () => {
    const sizes: number[] = [];
    await using world = await startWorld(answering(202));
    await world.session.stream({ open: () => streamOf(bytes, 100) }, { onProgress: (sent) => sizes.push(sent) });
    expect(sizes).toEqual([65_536, 131_072, 196_608, 262_144, 300_000]);
  });
});

describe('what is understood', () => {
  test.each<[string, number, Record<string, string>, number]>([
    ['202 with a range', 202, { range: '0-299999' }, 300_000],
    ['ECR: 201 without a range', 201, {}, 300_000],
    ['200', 200, {}, 300_000],
    ['204', 204, {}, 300_000],
    ['a range with its unit', 202, { range: 'bytes=0-299999' }, 300_000],
    ['a range with an exclusive end', 202, { range: '0-300000' }, 300_000],
    ['a part', 202, { range: '0-99999' }, 100_000],
  ])('a PATCH answered by %s', async (_, status, headers, offset) => {
    await using world = await startWorld(answering(status, headers));
    expect(await world.session.stream(contentOf(bytes))).toBe(offset);
    expect(world.session.offset).toBe(offset);
  });

  test.each([
    ['no range at all', 'many'],
    ['more than was sent', '0-999999'],
    ['an end before its start', '9-5'],
  ])('a PATCH answered with %s breaks the protocol', async (_, range) => {
    await using world = await startWorld(answering(202, { range }));
    await expect(world.session.stream(contentOf(bytes))).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });

  test('each answer may move the session', async () => {
    await using world = await startWorld(async (request, response) => {
      await request.read();
      response.writeHead(202, { location: `${request.url.split('?')[0]}x?n=1` }).end();
    });
    await world.session.append(contentOf(bytes.subarray(0, 10)));
    await world.session.append(contentOf(bytes.subarray(0, 10)));
    expect(world.seen().map(({ url }) => url)).toEqual([location, '/v2/demo/app/blobs/uploads/idx?n=1']);
    expect(world.session.location.pathname).toBe('/v2/demo/app/blobs/uploads/idxx');
  });

  test('chunk limits come from the answers', async () => {
    await using world = await startWorld(
      answering(202),
      {},
      { 'oci-chunk-min-length': '5242880', 'oci-chunk-max-length': '104857600' },
    );
    expect(world.session.minChunkSize).toBe(5_242_880);
    expect(world.session.maxChunkSize).toBe(104_857_600);
  });

  test.each([
    ['a byte a request', { 'oci-chunk-max-length': '1' }, 'at most 1 byte, which no'],
    ['a few bytes a request', { 'oci-chunk-max-length': '8191' }, 'chunks of at most 8191 bytes, which no'],
    [
      'a least size above the most',
      { 'oci-chunk-min-length': '100000', 'oci-chunk-max-length': '99999' },
      'chunks of at least 100000 and at most 99999 bytes, which no',
    ],
  ])('chunk limits that no upload can keep to are ignored, and told once: %s', async (_, limits, words) => {
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    await using world = await startWorld(answering(202, limits), { onWarning }, limits);
    await world.session.append(contentOf(bytes));
    expect([world.session.minChunkSize, world.session.maxChunkSize]).toEqual([undefined, undefined]);
    expect(warnings).toEqual([expect.stringContaining(words)]);
  });

  test('the smallest limit that is kept to', async () => {
    await using world = await startWorld(answering(202), {}, { 'oci-chunk-max-length': '8192' });
    expect(world.session.maxChunkSize).toBe(8192);
  });

  test.each([
    ['0-0', 0],
    ['bytes=0--1', 0],
    ['bytes=0-99999', 100_000],
  ])('a status of %s is %d bytes', async (range, offset) => {
    await using world = await startWorld((request, response) =>
      answering(request.method === 'GET' ? 204 : 202, request.method === 'GET' ? { range } : {})(request, response),
    );
    if (offset > 0) await world.session.append(contentOf(bytes.subarray(0, offset)));
    expect(await world.session.refresh()).toBe(offset);
    expect(world.session.location.search).toBe('?_state=a%2Bb%3D%3D&x=~!*()');
  });

  test.each([
    ['asked', (session: UploadSession) => session.refresh()],
    ['told with a 416', (session: UploadSession) => session.append(contentOf(bytes.subarray(0, 5))).catch(() => {})],
  ])('is lost where it has more than it had said when it was %s', async (_, look) => {
    let isFirst = true;
    await using world = await startWorld(async (request, response) => {
      await request.read();
      const behind = isFirst;
      isFirst = false;
      if (behind) response.writeHead(request.method === 'GET' ? 204 : 416, { range: '0-9' }).end();
      else response.writeHead(202, { range: '0-4095' }).end();
    });
    await look(world.session);
    expect(world.session.offset).toBe(10);
    await expect(world.session.append(contentOf(bytes.subarray(10, 100)))).rejects.toMatchObject({
      code: 'ERR_SESSION_LOST',
      transient: true,
    });
  });

  test.each<[string, number, Record<string, string>, string, object]>([
    ['404', 404, {}, '', { code: 'ERR_SESSION_LOST', transient: true, dockerMessage: 'blob upload unknown' }],
    [
      '404 for the upload',
      404,
      { 'content-type': 'application/json' },
      '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}',
      { code: 'ERR_SESSION_LOST', transient: true, dockerMessage: 'blob upload unknown' },
    ],
    [
      '404 for the repository',
      404,
      { 'content-type': 'application/json' },
      '{"errors":[{"code":"NAME_UNKNOWN"}]}',
      { code: 'ERR_REGISTRY_NOT_FOUND', transient: false },
    ],
    [
      '400 for the upload',
      400,
      { 'content-type': 'application/json' },
      '{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}',
      { code: 'ERR_SESSION_LOST', transient: true },
    ],
    [
      '400 for the digest',
      400,
      { 'content-type': 'application/json' },
      '{"errors":[{"code":"DIGEST_INVALID"}]}',
      { code: 'ERR_REGISTRY_UNEXPECTED', transient: true },
    ],
    ['416', 416, {}, '', { code: 'ERR_SESSION_OFFSET', offset: undefined, transient: true }],
    ['416 with a range', 416, { range: '0-99' }, '', { code: 'ERR_SESSION_OFFSET', offset: 100, transient: true }],
    [
      '413',
      413,
      { 'content-type': 'text/html' },
      '<html>\n<h1>413 Request Entity Too Large</h1>',
      { code: 'ERR_REGISTRY_UNEXPECTED', transient: false, status: 413 },
    ],
    [
      '500',
      500,
      {},
      '',
      {
        code: 'ERR_REGISTRY_UNAVAILABLE',
        transient: true,
        dockerMessage: 'received unexpected HTTP status: 500 Internal Server Error',
      },
    ],
    [
      '500 for lack of space',
      500,
      { 'content-type': 'text/plain' },
      'write /data: no space left on device',
      { code: 'ERR_REGISTRY_UNAVAILABLE', transient: false },
    ],
    [
      '429',
      429,
      { 'retry-after': '60' },
      'slow down',
      { code: 'ERR_REGISTRY_RATE_LIMITED', transient: true, retryAfterMs: 60_000 },
    ],
    [
      '403 for a quota',
      403,
      { 'content-type': 'application/json' },
      '{"errors":[{"code":"DENIED","message":"quota"}]}',
      { code: 'ERR_REGISTRY_DENIED', transient: false, dockerMessage: 'denied: quota' },
    ],
    [
      '302',
      302,
      { location: 'https://elsewhere.example/' },
      '',
      { code: 'ERR_REGISTRY_REDIRECT_REFUSED', status: 302 },
    ],
  ])('a PATCH answered by %s', async (_, status, headers, body, expected) => {
    await using world = await startWorld(async (request, response) => {
      await request.read();
      response.writeHead(status, headers).end(body);
    });
    await expect(world.session.append(contentOf(bytes))).rejects.toMatchObject(expected);
  });

  test('a 416 that says where the registry is lets the session go on from there', async () => {
    await using world = await startWorld(async (request, response) => {
      await request.read();
      if (request.headers['content-range'] === '0-299999')
        response.writeHead(416, { range: '0-99999', location: '/v2/demo/app/blobs/uploads/new' }).end();
      else response.writeHead(202).end();
    });
    await expect(world.session.append(contentOf(bytes))).rejects.toMatchObject({ offset: 100_000 });
    expect(await world.session.append(contentOf(bytes.subarray(100_000)))).toBe(300_000);
    expect(world.seen().at(-1)).toMatchObject({
      url: '/v2/demo/app/blobs/uploads/new',
      headers: { 'content-range': '100000-299999' },
    });
  });

  test('a commit that names another digest breaks the protocol', async () => {
    await using world = await startWorld(answering(201, { 'docker-content-digest': digestBytes(new Uint8Array(1)) }));
    await expect(world.session.put(contentOf(bytes), digest)).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' });
  });
});

describe('an answer before the end of an upload', () => {
  const large = 64 * 1_048_576;

  test.each([
    ['and the connection closed', true],
    ['and the connection left open', false],
  ])('is heard, with its words, %s', async (_, closes) => {
    await using world = await startWorld((request, response) => {
      const headers = { 'content-type': 'application/json', ...(closes && { connection: 'close' }) };
      request.raw.once('data', () =>
        response.writeHead(413, headers).end('{"errors":[{"code":"SIZE_INVALID","message":"too large"}]}'),
      );
    });
    const content = watched(large);
    await expect(world.session.put(content, digest)).rejects.toMatchObject({
      status: 413,
      diagnostics: [{ code: 'SIZE_INVALID', message: 'too large' }],
    });
    expect(content.read).toBeLessThan(large);
    await expect.poll(() => content.closed).toBe(1);
  });

  test('ends a source that is waiting for something else', async () => {
    const source: { signal?: AbortSignal } = {};
    const content: Content = {
      size: large,
      async *open({ signal } = {}) {
        if (signal !== undefined) source.signal = signal;
        yield new Uint8Array(65_536);
        await new Promise((_, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
        );
      },
    };
    await using world = await startWorld((request, response) => {
      request.raw.once('data', () => response.writeHead(403, { connection: 'close' }).end());
    });
    await expect(world.session.put(content, digest)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DENIED' });
    expect(source.signal?.aborted).toBe(true);
  });

  test.each([
    ['a stream', 202, (session: UploadSession) => session.stream(watched(large))],
    ['a chunk', 204, (session: UploadSession) => session.append(watched(large))],
    ['a commit', 201, (session: UploadSession) => session.put(watched(large), digest)],
    ['a commit without a body in its answer', 204, (session: UploadSession) => session.put(watched(large), digest)],
  ])('that accepts %s breaks the protocol, since the rest is missing', async (_, status, send) => {
    await using world = await startWorld((request, response) => {
      request.raw.once('data', () => response.writeHead(status).end());
    });
    await expect(send(world.session)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      status,
      reason: 'answered-early',
      transient: false,
      message: expect.stringMatching(/answered \d+ before all of its content was sent$/),
    });
  });
});

describe('while bytes are on their way', () => {
  const large = 256 * 1_048_576;

  test('the source is read no faster than the registry takes', async () => {
    const content = watched(large);
    let readWhenStuck = 0;
    await using world = await startWorld((request, response) => {
      // Nothing is read. Once the source is no longer asked, everything between the two ends is full.
      const wait = (before: number): void => {
        if (content.read > before || before === 0) {
          setTimeout(wait, 100, content.read);
          return;
        }
        readWhenStuck = content.read;
        response.writeHead(403, { connection: 'close' }).end();
      };
      void request;
      wait(0);
    });
    await expect(world.session.put(content, digest)).rejects.toMatchObject({ status: 403 });
    expect(readWhenStuck).toBeGreaterThan(0);
    expect(readWhenStuck).toBeLessThan(32 * 1_048_576); // the kernel's socket buffers on both sides, and a piece or two
  });

  test('a connection that takes no byte is given up', async () => {
    const content = watched(large);
    await using world = await startWorld(() => {}, { timeouts: { idleMs: 150 } });
    await expect(world.session.put(content, digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'timeout',
      transient: true,
      message: expect.stringContaining('took no byte within 150 ms'),
    });
    await expect.poll(() => content.closed).toBe(1);
  });

  test('a source that takes its time is waited for', async () => {
    await using world = await startWorld(answering(202), {
      timeouts: { idleMs: 400, metadataMs: 400, commitMs: 30_000 },
    });
    async function* slow(): ByteStream {
      yield new Uint8Array(65_536);
      await new Promise((resolve) => setTimeout(resolve, 800));
      yield new Uint8Array(65_536);
    }
    expect(await world.session.stream({ open: slow })).toBe(131_072);
  });

  test('a registry that takes its time over a commit is waited for', async () => {
    const respond: Script = async (request, response) => {
      await request.read();
      setTimeout(() => response.writeHead(201).end(), 800);
    };
    await using world = await startWorld(respond, { timeouts: { idleMs: 400, metadataMs: 400, commitMs: 30_000 } });
    await world.session.put(contentOf(bytes), digest);
  });

  test('a registry that never answers is given up', async () => {
    await using world = await startWorld(async (request) => void (await request.read()), {
      timeouts: { commitMs: 100 },
    });
    await expect(world.session.put(contentOf(bytes), digest)).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('no answer came within 100 ms'),
    });
    await expect(world.session.commit(digest)).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('no answer came within 100 ms'),
    });
  });

  test('a small blob is waited for less long than a large one, and longer than an answer', async () => {
    const answerAfter: Record<string, number> = { '/small': Number.POSITIVE_INFINITY, '/large': 600 };
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        if (request.method === 'POST') {
          const name = request.url.includes('/small/') ? '/small' : '/large';
          return void response.writeHead(202, { location: name }).end();
        }
        await request.read();
        const delayMs = answerAfter[request.url.split('?')[0] ?? ''] ?? 0;
        if (delayMs !== Number.POSITIVE_INFINITY) setTimeout(() => response.writeHead(201).end(), delayMs);
      }),
    );
    const timeouts = { metadataMs: 60_000, smallCommitMs: 200, commitMs: 60_000 };
    await using registry = openRegistry({ url: server.url, timeouts });
    const small = await beginSession(registry.repository('small'));
    await expect(small.put(contentOf(bytes), digest)).rejects.toMatchObject({
      message: expect.stringContaining('no answer came within 200 ms'),
    });
    const manifest = registry.repository('small').putManifest('v1', bytes, { mediaType: 'application/x' });
    answerAfter['/v2/small/manifests/v1'] = Number.POSITIVE_INFINITY;
    await expect(manifest).rejects.toMatchObject({ message: expect.stringContaining('within 200 ms') });
    const large = await beginSession(registry.repository('large'));
    const content = contentOf(testBytes(5 * 1_048_576));
    await large.put(content, digest);
    small.keep();
  });

  test.each<[string, (session: UploadSession, onBodySent: () => void) => Promise<unknown>]>([
    ['a PUT', (session, onBodySent) => session.put(contentOf(bytes), digest, { onBodySent })],
    ['a stream', (session, onBodySent) => session.stream(contentOf(bytes), { onBodySent })],
    ['a chunk', (session, onBodySent) => session.append(contentOf(bytes), { onBodySent })],
    ['a commit', (session, onBodySent) => session.commit(digest, { onBodySent })],
  ])('%s says when all is sent and the registry is waited for', async (_, act) => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using world = await startWorld(async (request, response) => {
      await request.read();
      await gate;
      response.writeHead(201).end();
    });
    let isSent = false;
    let isDone = false;
    const done = act(world.session, () => {
      isSent = true;
    }).then(() => {
      isDone = true;
    });
    await expect.poll(() => isSent && world.seen().length === 1).toBe(true);
    expect(isDone).toBe(false);
    release();
    await done;
  });

  test('a connection that breaks is a transient failure, and the source is closed', async () => {
    const content = watched(large);
    await using world = await startWorld(
      (request) => void request.raw.once('data', () => request.raw.socket.destroy()),
    );
    await expect(world.session.put(content, digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      transient: true,
    });
    await expect.poll(() => content.closed).toBe(1);
  });

  test('what the source throws comes through as it is, and the registry is not told that this was all', async () => {
    const broken = new Error('disk on fire');
    let isComplete: boolean | undefined;
    await using world = await startWorld(async (request) => {
      await request.read().catch(() => {});
      isComplete = request.raw.complete;
    });
    async function* source(): ByteStream {
      yield new Uint8Array(100_000);
      throw broken;
    }
    await expect(world.session.stream({ open: source })).rejects.toBe(broken);
    await expect.poll(() => isComplete).toBe(false);
  });

  test.each([
    ['shorter', 90_000],
    ['longer', 110_000],
  ])('content that is %s than it said is an error of its own', async (_, actual) => {
    await using world = await startWorld(async (request) => void (await request.read().catch(() => {})));
    const content: Content = { size: 100_000, open: () => streamOf(testBytes(actual)) };
    await expect(world.session.append(content)).rejects.toThrow(RangeError);
  });

  test('an abort ends it with its own reason, closes the source and leaves no listener', async () => {
    const reason = new Error('changed my mind');
    const controller = new AbortController();
    const content = watched(large);
    await using world = await startWorld((request) => void request.raw.once('data', () => controller.abort(reason)));
    await expect(world.session.put(content, digest, { signal: controller.signal })).rejects.toBe(reason);
    await expect.poll(() => content.closed).toBe(1);
    const spent = new AbortController();
    spent.abort(reason);
    await expect(world.session.stream(contentOf(bytes), { signal: spent.signal })).rejects.toBe(reason);
    expect(world.seen()).toHaveLength(1);
  });

  test('a long-lived signal keeps no listener of a finished request', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...parameters: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, parameters);
    };
    await using world = await startWorld((request, response) =>
      answering(request.method === 'PUT' ? 201 : 202)(request, response),
    );
    await world.session.append(contentOf(bytes), { signal });
    await world.session.commit(digest, { signal });
    expect(listeners).toBe(0);
  });
});

describe('leaving a session', () => {
  const deleted = (world: World): number => world.seen().filter(({ method }) => method === 'DELETE').length;

  test('before its commit cancels it, once', async () => {
    await using world = await startWorld(answering(204));
    await world.session[Symbol.asyncDispose]();
    await world.session[Symbol.asyncDispose]();
    expect(world.seen()).toMatchObject([{ method: 'DELETE', url: location }]);
  });

  test.each<[string, (session: UploadSession) => Promise<void>]>([
    ['after its commit', (session) => session.commit(digest)],
    ['that was kept', async (session) => session.keep()],
  ])('%s tells the registry nothing', async (_, act) => {
    await using world = await startWorld(answering(201));
    await act(world.session);
    await world.session[Symbol.asyncDispose]();
    expect(deleted(world)).toBe(0);
  });

  test('that the registry has lost tells it nothing', async () => {
    await using world = await startWorld(answering(404));
    await expect(world.session.append(contentOf(bytes))).rejects.toMatchObject({ code: 'ERR_SESSION_LOST' });
    await world.session[Symbol.asyncDispose]();
    expect(deleted(world)).toBe(0);
  });

  test.each<[string, Script, number]>([
    ['a refusal', answering(405), 1],
    ['a broken connection', (request) => void request.raw.socket.destroy(), 2], // a kept one, and a new one
    ['silence', () => {}, 1],
  ])('is not disturbed by %s', async (_, script, requests) => {
    await using world = await startWorld(script, { timeouts: { disposalMs: 500 } });
    await expect(world.session[Symbol.asyncDispose]()).resolves.toBeUndefined();
    expect(deleted(world)).toBe(requests);
  });
});
