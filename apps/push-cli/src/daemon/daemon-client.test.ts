import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { uploadArchive } from './archive-upload.ts';
import { DaemonClient, type DaemonClientOptions } from './daemon-client.ts';
import type { JobEvent } from './job.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A daemon that says what a test wants, and notes what it was asked. */
async function startScripted(
  handler: Handler,
  { path, ...options }: { readonly path?: string } & DaemonClientOptions = {},
): Promise<AsyncDisposable & { client: DaemonClient; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    void handler(request, response);
  });
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  const url = new URL(
    path === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}/` : 'http://slipwayd/',
  );
  return {
    client: new DaemonClient({ text: 'here', url, socketPath: path, token: 'secret' }, options),
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const never = new AbortController().signal;
const job = { id: '0123', state: 'queued', destinations: [] };

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

describe('a refusal', () => {
  test.each<[number, unknown, string, string]>([
    [401, { message: 'a token is wanted' }, 'ERR_CLI_DAEMON_DENIED', 'a token is wanted'],
    [403, { message: 'no right to push' }, 'ERR_CLI_DAEMON_DENIED', 'no right to push'],
    [404, { message: 'no such job' }, 'ERR_CLI_DAEMON_NOT_FOUND', 'no such job'],
    [404, { message: 'page not found' }, 'ERR_CLI_DAEMON_REFUSED', 'no slipwayd'],
    [404, '<html>', 'ERR_CLI_DAEMON_REFUSED', 'no slipwayd'],
    [401, '', 'ERR_CLI_DAEMON_REFUSED', 'no slipwayd'],
    [400, { message: 'damaged', origin: 'source', reason: 'ERR_SOURCE_INVALID' }, 'ERR_SOURCE_INVALID', 'damaged'],
    [400, { message: 'not there', origin: 'source', code: 'ERR_SOURCE_TEXT' }, 'ERR_SOURCE_TEXT', 'not there'],
    [502, { message: 'shut', origin: 'source', reason: 'ERR_REGISTRY_DENIED' }, 'ERR_REGISTRY_DENIED', 'shut'],
    [400, { message: 'invalid body' }, 'ERR_CLI_USAGE', 'invalid body'],
    [422, { message: 'another image' }, 'ERR_CLI_USAGE', 'another image'],
    [503, { message: 'Redis does not answer' }, 'ERR_CLI_DAEMON_REFUSED', 'Redis does not answer'],
    [507, { message: 'the disk is full' }, 'ERR_CLI_DAEMON_REFUSED', '507'],
  ])('%i %j is %s', async (status, body, code, text) => {
    await using daemon = await startScripted((_, response) => answer(response, status, body));
    await expect(daemon.client.get('0123')).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test.each([
    [404, { message: 'no such job: 0123' }, 'slipway job list'],
    [404, { message: 'No such image: a:1', code: 'ERR_IMAGE_STORE_NOT_FOUND' }, 'that the daemon keeps'],
    [400, { message: 'a', origin: 'source', hint: 'It holds: @0 a:1' }, 'It holds: @0 a:1'],
    [400, { message: 'invalid request', hint: 'write it anew' }, 'write it anew'],
    [401, { message: 'a token is wanted' }, 'SLIPWAY_TOKEN'],
  ])('%i %j comes with what to do: %s', async (status, body, hint) => {
    await using daemon = await startScripted((_, response) => answer(response, status, body));
    await expect(daemon.client.get('0123')).rejects.toMatchObject({ hint: expect.stringContaining(hint) });
  });

  test('in the middle of an archive is heard', async () => {
    await using daemon = await startScripted((_, response) => answer(response, 507, { message: 'the disk is full' }));
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(65_536);
    }
    const archive = {
      open: endless,
      isReopenable: false,
      size: undefined,
      query: new URLSearchParams(),
      credentials: undefined,
    };
    await expect(daemon.client.submitArchive(archive, 'key', never)).rejects.toMatchObject({
      code: 'ERR_CLI_DAEMON_REFUSED',
      message: expect.stringContaining('the disk is full'),
    });
  });
});

describe('a submission', () => {
  test('sends the archive, the key, the token and the credentials', async () => {
    let body: Buffer | undefined;
    await using daemon = await startScripted(async (request, response) => {
      body = await buffer(request);
      answer(response, 201, job);
    });
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('ab');
      yield Buffer.from('c');
    }
    const query = new URLSearchParams({ destination: 'a/b:1' });
    const archive = { open: bytes, isReopenable: false, size: 3, query, credentials: 'e30' };
    expect(await daemon.client.submitArchive(archive, 'key', never)).toMatchObject({ id: '0123' });
    expect(body?.toString()).toBe('abc');
    expect(daemon.seen[0]).toMatchObject({
      method: 'POST',
      url: '/slipway/v1/jobs/archive?destination=a%2Fb%3A1',
      headers: {
        authorization: 'Bearer secret',
        'idempotency-key': 'key',
        'x-registry-config': 'e30',
        'content-length': '3',
      },
    });
  });

  test('fails with what the source of the archive failed with', async () => {
    await using daemon = await startScripted(async (request) => void (await buffer(request).catch(() => {})));
    const failure = new Error('the disk is gone');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw failure;
    }
    const archive = {
      open: broken,
      isReopenable: false,
      size: 20,
      query: new URLSearchParams(),
      credentials: undefined,
    };
    await expect(daemon.client.submitArchive(archive, 'key', never)).rejects.toBe(failure);
  });

  test('goes through a socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-daemon-'));
    try {
      await using daemon = await startScripted((_, response) => answer(response, 201, job), {
        path: join(folder, 'd.sock'),
      });
      expect(await daemon.client.submit({ image: 'a' }, 'key', never)).toMatchObject({ id: '0123' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using daemon = await startScripted(() => controller.abort(reason));
    await expect(daemon.client.submit({ image: 'a' }, 'key', controller.signal)).rejects.toBe(reason);
  });
});

describe('a daemon that does not answer', () => {
  const impatient = { patience: { questionMs: 500, submissionMs: 500, eventsMs: 500 } };
  const silent: Handler = () => {};

  test('is asked a second time, on another connection', async () => {
    const handlers = [silent, (_: IncomingMessage, response: ServerResponse) => answer(response, 200, job)];
    await using daemon = await startScripted((...each) => handlers.shift()?.(...each), impatient);
    expect(await daemon.client.get('0123')).toMatchObject(job);
    expect(daemon.seen).toHaveLength(2);
  });

  test.each<[string, (client: DaemonClient) => Promise<unknown>, RegExp]>([
    ['a question', (client) => client.list({ limit: 3 }, never), /the connection stands/],
    ['a submission', (client) => client.submit({ image: 'a' }, 'key', never), /slipway job list/],
  ])('%s ends, and says what is the matter', async (_, ask, hint) => {
    await using daemon = await startScripted(silent, impatient);
    await expect(ask(daemon.client)).rejects.toMatchObject({
      code: 'ERR_CLI_DAEMON_UNREACHABLE',
      message: 'cannot talk to slipwayd at here: nothing moved for 0.5 s',
      hint: expect.stringMatching(hint),
    });
    expect(daemon.seen).toHaveLength(2);
  });

  test('in the middle of an answer ends it, too', async () => {
    await using daemon = await startScripted((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":');
    }, impatient);
    await expect(daemon.client.get('0123')).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_UNREACHABLE' });
  });

  test('is not blamed for an archive that is slow to read', async () => {
    await using daemon = await startScripted(async (request, response) => {
      await buffer(request);
      answer(response, 201, job);
    }, impatient);
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      await wait(1_200);
      yield new Uint8Array(10);
    }
    const archive = { open: slow, isReopenable: false, size: 20, query: new URLSearchParams(), credentials: undefined };
    expect(await daemon.client.submitArchive(archive, 'key', never)).toMatchObject(job);
  });

  test('while a job is followed: the next connection goes on after the last event', async () => {
    const event = { type: 'job:queued', seq: 7 };
    const last: (string | undefined)[] = [];
    await using daemon = await startScripted(({ headers }, response) => {
      last.push(`${headers['last-event-id']}`);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (last.length === 1) response.write(`data: ${JSON.stringify(event)}\n\n`);
      else response.end(`data: ${JSON.stringify({ type: 'job:finished', seq: 8 })}\n\n`);
    }, impatient);
    const types: string[] = [];
    for await (const { type } of daemon.client.follow('0123', never)) types.push(type);
    expect(types).toEqual(['job:queued', 'job:finished']);
    expect(last).toEqual(['0', '7']);
  });
});

describe('an answer that is lost', () => {
  const lose: Handler = async (request) => {
    await buffer(request);
    request.socket.destroy();
  };
  const archiveOf = (isReopenable: boolean): Parameters<DaemonClient['submitArchive']>[0] => ({
    async *open() {
      yield Buffer.from('abc');
    },
    isReopenable,
    size: 3,
    query: new URLSearchParams(),
    credentials: undefined,
  });

  test.each<[string, (client: DaemonClient) => Promise<unknown>]>([
    ['a submission', (client) => client.submit({ image: 'a' }, 'one-key', never)],
    ['an archive that can be read again', (client) => client.submitArchive(archiveOf(true), 'one-key', never)],
  ])('%s goes again under the same key', async (_, submit) => {
    const bodies: string[] = [];
    const handlers = [lose, lose];
    await using daemon = await startScripted(async (request, response) => {
      const handler = handlers.shift();
      if (handler !== undefined) return await handler(request, response);
      bodies.push((await buffer(request)).toString());
      answer(response, 200, job);
    });
    expect(await submit(daemon.client)).toMatchObject(job);
    expect(daemon.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['one-key', 'one-key', 'one-key']);
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toMatch(/abc|image/);
  });

  test('an archive from standard input cannot go again', async () => {
    await using daemon = await startScripted(lose);
    const submission = daemon.client.submitArchive(archiveOf(false), 'key', never);
    await expect(submission).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_UNREACHABLE', isAnswerLost: true });
    expect(daemon.seen).toHaveLength(1);
  });

  test('what is no answer of a slipwayd is not asked for again', async () => {
    await using daemon = await startScripted((_, response) => answer(response, 200, '<html>'));
    await expect(daemon.client.get('0123')).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_UNREACHABLE' });
    expect(daemon.seen).toHaveLength(1);
  });
});

describe('a proxy that answers in the daemon’s place', () => {
  const pages = [
    [502, '<html>Bad Gateway</html>'],
    [503, ''],
    [504, { message: 'page not found' }],
  ] as const;

  test('is asked again: the daemon may be restarted', async () => {
    const away = [...pages];
    await using daemon = await startScripted((_, response) => {
      const [status, body] = away.shift() ?? [200, job];
      answer(response, status, body);
    });
    expect(await daemon.client.submit({ image: 'a' }, 'one-key', never)).toMatchObject(job);
    expect(daemon.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(Array(4).fill('one-key'));
  });

  test.each(pages)('with %i alone is told as a daemon that is away', async (status, body) => {
    await using daemon = await startScripted((_, response) => answer(response, status, body));
    await expect(daemon.client.get('0123')).rejects.toMatchObject({
      code: 'ERR_CLI_DAEMON_UNREACHABLE',
      message: `cannot talk to slipwayd at here: a proxy answered ${status} in its place`,
      hint: expect.stringContaining('whether slipwayd runs behind it'),
    });
    expect(daemon.seen).toHaveLength(5);
  });

  test('ends an upload no sooner than a connection that broke', async () => {
    const printed: string[] = [];
    let offset = 0;
    let refusals = 2;
    await using daemon = await startScripted(async (request, response) => {
      const { length } = await buffer(request);
      if (request.method === 'POST') return void response.writeHead(201, { location: '/u/7' }).end();
      if (request.method === 'PATCH' && refusals > 0) {
        refusals -= 1;
        return answer(response, 502, '');
      }
      offset += length;
      response.writeHead(200, { 'upload-offset': `${offset}` }).end();
    });
    async function* open(from: number): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc').subarray(from);
    }
    const print = (line: string): void => void printed.push(line);
    const options = { client: daemon.client, print, signal: never, pauseMs: 1 };
    expect(await uploadArchive({ size: 3, open }, options)).toBe('7');
    expect(printed).toEqual(Array(2).fill(expect.stringContaining('a proxy answered 502 in its place')));
  });
});

describe('following a job', () => {
  const line = (event: JobEvent): string =>
    `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

  test('goes on after the last event when the connection breaks, in the middle of a letter too', async () => {
    let times = 0;
    await using daemon = await startScripted(({ headers }, response) => {
      times += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (times === 1) {
        const second = Buffer.from(line({ type: 'warning', seq: 2, message: '…' }));
        response.write(`: slipwayd\n\n${line({ type: 'job:queued', seq: 1 })}`);
        response.write(second.subarray(0, second.indexOf('…') + 1), () => response.destroy());
        return;
      }
      expect(headers['last-event-id']).toBe('1');
      response.end(line({ type: 'warning', seq: 2, message: '…' }) + line({ type: 'job:finished', seq: 3 }));
    });
    const events: JobEvent[] = [];
    for await (const event of daemon.client.follow('0123', never)) events.push(event);
    expect(events.map(({ type, seq }) => `${seq} ${type}`)).toEqual(['1 job:queued', '2 warning', '3 job:finished']);
    expect(events[1]).toMatchObject({ message: '…' });
  });

  test('goes on after an end that a retry followed', async () => {
    const types = ['job:queued', 'job:finished', 'job:retried', 'job:started', 'job:finished'];
    await using daemon = await startScripted((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(types.map((type, at) => line({ type, seq: at + 1 })).join(''));
    });
    const events: JobEvent[] = [];
    for await (const event of daemon.client.follow('0123', never)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(types);
  });

  test.each<[string, Handler, number]>([
    ['lets nobody in', () => {}, 0],
    ['drops every connection', (request) => void request.socket.destroy(), 5],
  ])('ends where a daemon that never answered %s', async (_, handler, connections) => {
    const printed: string[] = [];
    const daemon = await startScripted(handler, { print: (text) => printed.push(text) });
    if (connections === 0) await daemon[Symbol.asyncDispose]();
    const follow = daemon.client.follow('0123', never);
    await expect(follow.next()).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_UNREACHABLE' });
    if (connections > 0) await daemon[Symbol.asyncDispose]();
    expect(daemon.seen).toHaveLength(connections); // as often as any question is asked
    expect(printed).toEqual([]);
  });

  test('a daemon that is restarted behind a proxy is told in one line, and waited for', async () => {
    const printed: string[] = [];
    let drops = 3;
    await using daemon = await startScripted(
      ({ url = '' }, response) => {
        if (!url.endsWith('/events')) return answer(response, 200, job);
        drops -= 1;
        if (drops >= 0) return answer(response, 502, '<html>');
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(line({ type: 'job:finished', seq: 1 }));
      },
      { print: (text) => printed.push(text) },
    );
    await daemon.client.get('0123');
    const events: JobEvent[] = [];
    for await (const event of daemon.client.follow('0123', never)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(['job:finished']);
    expect(printed).toEqual([
      'slipway: cannot talk to slipwayd at here: a proxy answered 502 in its place; waiting for it',
    ]);
  });

  test.each<[string, boolean]>([
    ['after an answer to another question', false],
    ['in the middle of its events', true],
  ])('a daemon that is lost %s is told in one line, and waited for', async (_, isInTheMiddle) => {
    const printed: string[] = [];
    let drops = 2;
    await using daemon = await startScripted(
      ({ url = '', socket }, response) => {
        if (!url.endsWith('/events')) return answer(response, 200, job);
        drops -= 1;
        if (drops >= 0 && !isInTheMiddle) return void socket.destroy();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        if (drops < 0) return void response.end(line({ type: 'job:finished', seq: 3 }));
        response.write(': slipwayd\n\n', () => socket.destroy());
      },
      { print: (text) => printed.push(text) },
    );
    if (!isInTheMiddle) await daemon.client.get('0123');
    const events: JobEvent[] = [];
    for await (const event of daemon.client.follow('0123', never)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(['job:finished']);
    expect(printed).toEqual([expect.stringMatching(/^slipway: cannot talk to slipwayd at here: .+; waiting for it$/)]);
  });

  test('ends with a refusal', async () => {
    await using daemon = await startScripted((_, response) => answer(response, 404, { message: 'no such job' }));
    const follow = daemon.client.follow('0123', never);
    await expect(follow.next()).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_NOT_FOUND' });
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using daemon = await startScripted((_, response) => {
      response.writeHead(200).write(': slipwayd\n\n');
      controller.abort(reason);
    });
    await expect(daemon.client.follow('0123', controller.signal).next()).rejects.toBe(reason);
  });
});

test('a list goes on where the daemon has left out many, until there are enough', async () => {
  const pages = [
    { jobs: [], next: 'a' },
    { jobs: [job], next: 'b' },
    { jobs: [job, job], next: 'c' },
  ];
  await using daemon = await startScripted((_request, response) => answer(response, 200, pages.shift()));
  const found = await daemon.client.list({ state: ['failed', 'queued'], destination: 'x/y', limit: 3 }, never);
  expect(found).toEqual({ jobs: [job, job, job], next: 'c' });
  const filter = 'state=failed&state=queued&destination=x%2Fy';
  expect(daemon.seen.map(({ url }) => url)).toEqual([
    `/slipway/v1/jobs?${filter}&limit=3`,
    `/slipway/v1/jobs?${filter}&limit=3&before=a`,
    `/slipway/v1/jobs?${filter}&limit=2&before=b`,
  ]);
});
