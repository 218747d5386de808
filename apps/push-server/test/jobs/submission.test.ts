import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type EmbeddedRegistry, randomImage, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';

interface Notice {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let registry: EmbeddedRegistry;
let server: TestDaemon;
let archive: Buffer;
/** What was POSTed, and with which status the next ones are answered. */
const notices: Notice[] = [];
const answers: number[] = [];
const receiver = createServer(async (request, response) => {
  notices.push({ headers: request.headers, body: await text(request) });
  response.writeHead(answers.shift() ?? 204, { location: 'http://127.0.0.1:1/' }).end();
});
let hook: string;

beforeAll(async () => {
  receiver.listen(0, '127.0.0.1');
  await vi.waitUntil(() => receiver.listening);
  hook = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  registry = await startRegistry();
  server = await startTestDaemon({ allowWebhooks: [hook, '*.corp.example'], jobConcurrency: 2 });
  const path = join(server.folder.path, 'app.tar');
  await writeDockerArchive(path, [{ image: await randomImage({ seed: 'x' }), references: ['team/app:v1'] }]);
  archive = await readFile(path);
  await server.request('POST', '/images/load?quiet=1', { body: archive });
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const to = (name: string): string => `${registry.host}/${name}`;
const idOf = ({ body }: TestResponse): string => JSON.parse(body).id;

const nameOf = (place: string): string => place.slice(place.lastIndexOf('/') + 1);

async function submit(body: object, query = '', headers: Record<string, string> = {}): Promise<TestResponse> {
  return await server.request('POST', `/slipway/v1/jobs${query}`, { headers, body: JSON.stringify(body) });
}

async function get(id: string, query = ''): Promise<Record<string, unknown>> {
  return JSON.parse((await server.request('GET', `/slipway/v1/jobs/${id}${query}`)).body);
}

const job = (name: string): { image: string; destinations: string[] } => ({
  image: 'team/app:v1',
  destinations: [to(name)],
});

describe('waiting', () => {
  test('answers with the job that has ended', async () => {
    const answer = await submit(job('wait:1'), '?wait=60s');
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([201, { state: 'pushed' }]);
    expect(await get(idOf(answer), '?wait=5m')).toMatchObject({ state: 'pushed' });
  });

  test('ends with its time, and with the end of the job', async () => {
    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'wait/stalled' }, stall: true });
    const answer = await submit(job('wait/stalled:1'), '?wait=100ms');
    expect(JSON.parse(answer.body).state).toMatch(/queued|running/);
    const waiting = get(idOf(answer), '?wait=60s');
    await server.request('POST', `/slipway/v1/jobs/${idOf(answer)}/cancel`);
    expect(await waiting).toMatchObject({ state: 'cancelled' });
    stall.remove();
  });

  test.each(['?wait=soon', '?wait=1h', '?wait=30', '?other=1'])('%s is refused', async (query) => {
    expect((await submit(job('wait:2'), query)).status).toBe(400);
  });
});

test('labels are kept, and lists narrowed by them', async () => {
  const labels = { team: 'a', 'ci.example/build': '17=4' };
  const first = await submit({ ...job('label:1'), labels });
  await submit({ ...job('label:2'), labels: { team: 'b' } });
  const query = new URLSearchParams([
    ['destination', to('label:3')],
    ['label', 'team=a'],
    ['label', 'x='],
  ]);
  const second = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive });
  expect(JSON.parse(first.body).labels).toEqual(labels);
  expect(JSON.parse(second.body).labels).toEqual({ team: 'a', x: '' });
  const listed = async (...texts: readonly string[]): Promise<readonly string[]> => {
    const asked = new URLSearchParams(texts.map((each) => ['label', each]));
    const { jobs } = JSON.parse((await server.request('GET', `/slipway/v1/jobs?${asked}`)).body);
    return jobs.map(({ id }: { id: string }) => id);
  };
  expect(await listed('team=a')).toEqual([idOf(second), idOf(first)]);
  expect(await listed('team=a', 'ci.example/build=17=4')).toEqual([idOf(first)]);
  for (const wrong of [{ '': 'x' }, { '-a': 'x' }, { a: 1 }, { a: 'x'.repeat(257) }]) {
    expect((await submit({ ...job('label:4'), labels: wrong })).status).toBe(400);
  }
});

test('the more urgent job begins first', async () => {
  const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'first' }, stall: true });
  const busy = [idOf(await submit(job('first:1')))];
  await vi.waitUntil(() => stall.hits > 0, 60_000);
  const waiting: string[] = [];
  for (const priority of ['low', 'normal', 'high'] as const) {
    waiting.push(idOf(await submit({ ...job(`first:${priority}`), priority })));
  }
  stall.remove();
  await server.request('POST', `/slipway/v1/jobs/${busy[0]}/cancel`);
  const begun = await Promise.all(waiting.map(async (id) => (await get(id, '?wait=60s'))['startedAt'] as string));
  expect([...begun].sort()).toEqual([...begun].reverse());
  expect((await submit({ ...job('first:x'), priority: 'urgent' })).status).toBe(400);
});

describe('a webhook', () => {
  const secret = 'a secret of sixteen';

  test('is told of the end, signed, until it takes it', async () => {
    notices.length = 0;
    answers.push(500);
    const quick = await startTestDaemon({ allowWebhooks: [hook] });
    try {
      await quick.request('POST', '/images/load?quiet=1', { body: archive });
      const webhook = { url: `http://${hook}/done?x=1`, secret };
      const body = JSON.stringify({ ...job('hook:1'), webhook });
      const answer = await quick.request('POST', '/slipway/v1/jobs?wait=60s', { body });
      expect(JSON.parse(answer.body)).toMatchObject({ state: 'pushed', webhook: { url: webhook.url } });
      expect(answer.body).not.toContain(secret);
      await vi.waitUntil(() => notices.length === 2, { timeout: 60_000, interval: 50 });
      const [first, second] = notices as [Notice, Notice];
      expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
      for (const { headers, body: told } of notices) {
        const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${told}`;
        const signature = createHmac('sha256', secret).update(signed).digest('base64');
        expect(headers['webhook-signature']).toBe(`v1,${signature}`);
        expect(JSON.parse(told)).toMatchObject({ type: 'job.finished', data: { id: idOf(answer), state: 'pushed' } });
      }
      const state = async (): Promise<unknown> => {
        const found = await quick.request('GET', `/slipway/v1/jobs/${idOf(answer)}`);
        return JSON.parse(found.body).webhook;
      };
      await vi.waitUntil(async () => ((await state()) as { state: string }).state === 'delivered', 60_000);
      expect(await state()).toEqual({ url: webhook.url, state: 'delivered', attempts: 2 });
    } finally {
      await quick[Symbol.asyncDispose]();
    }
  });

  test('does not follow where the receiver leads', async () => {
    notices.length = 0;
    answers.push(302);
    const answer = await submit({ ...job('hook:2'), webhook: { url: `http://${hook}/` } }, '?wait=60s');
    await vi.waitUntil(async () => (await get(idOf(answer)))['webhook'] !== undefined && notices.length > 0, 60_000);
    await vi.waitUntil(async () => ((await get(idOf(answer)))['webhook'] as { attempts: number }).attempts > 0, 60_000);
    expect((await get(idOf(answer)))['webhook']).toMatchObject({ state: 'waiting', error: 'it answered 302' });
    expect(notices[0]?.headers['webhook-signature']).toBeUndefined();
  });

  test.each([
    ['http://127.0.0.1:1/', 403],
    ['http://169.254.169.254/', 403],
    ['https://corp.example/', 403],
    ['https://a:b@x.corp.example/', 400],
    ['ftp://x.corp.example/', 400],
    ['nowhere', 400],
  ])('to %s is answered %i', async (url, status) => {
    expect((await submit({ ...job('hook:3'), webhook: { url } })).status).toBe(status);
    const query = new URLSearchParams({ destination: to('hook:3'), webhook: url });
    expect((await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive })).status).toBe(status);
  });
});

describe('an upload in parts', () => {
  const parts = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
  const create = async (size = archive.byteLength): Promise<string> => {
    const answer = await server.request('POST', '/slipway/v1/uploads', { headers: { 'upload-length': `${size}` } });
    expect(answer).toMatchObject({ status: 201, headers: { 'tus-resumable': '1.0.0', 'upload-offset': '0' } });
    return answer.headers.location ?? '';
  };
  const append = (place: string, offset: number, body: Uint8Array): Promise<TestResponse> =>
    server.request('PATCH', place, { headers: { ...parts, 'upload-offset': `${offset}` }, body });

  test('goes on where it was, and is submitted once it is complete', async () => {
    const place = await create();
    const upload = nameOf(place);
    expect((await append(place, 0, archive.subarray(0, 5_000))).headers['upload-offset']).toBe('5000');
    expect((await append(place, 0, archive)).status).toBe(409);
    const early = await submit({ upload, destinations: [to('tus:1')] });
    expect([early.status, early.body]).toEqual([409, expect.stringContaining(`5000 of ${archive.byteLength} bytes`)]);
    const { status, headers } = await server.request('HEAD', place);
    expect([status, headers['upload-offset'], headers['upload-length']]).toEqual([
      200,
      '5000',
      `${archive.byteLength}`,
    ]);
    expect((await append(place, 5_000, archive.subarray(5_000))).status).toBe(204);
    const answer = await submit({ upload, destinations: [to('tus:1')] }, '?wait=60s');
    expect(JSON.parse(answer.body)).toMatchObject({ state: 'pushed', source: 'archive', image: 'team/app:v1' });
    expect((await submit({ upload, destinations: [to('tus:1')] })).status).toBe(404);
  });

  test.each([
    ['APPLICATION/OFFSET+OCTET-STREAM', 204],
    ['application/offset+octet-stream; charset=binary', 204],
    ['application/octet-stream', 415],
  ])('of the media type %s is answered %i', async (type, status) => {
    const headers = { ...parts, 'content-type': type, 'upload-offset': '0' };
    expect((await server.request('PATCH', await create(), { headers, body: archive })).status).toBe(status);
  });

  test('is known again by its idempotency key once it is gone, and only with the same request', async () => {
    const place = await create(archive.byteLength);
    await append(place, 0, archive);
    const body = { upload: nameOf(place), image: 'team/app:v1', destinations: [to('tus-again:1')] };
    const key = { 'idempotency-key': 'tus again' };
    const first = await submit(body, '?wait=60s', key);
    expect([first.status, (await server.request('HEAD', place)).status]).toEqual([201, 404]);
    const again = await submit(body, '', key);
    expect([again.status, idOf(again)]).toEqual([200, idOf(first)]);
    for (const other of [{ image: '@0' }, { destinations: [to('tus-again:2')] }, { dryRun: true }]) {
      expect((await submit({ ...body, ...other }, '', key)).status).toBe(422);
    }
    expect((await submit({ ...body, upload: '0'.repeat(8) }, '', key)).status).toBe(404);
  });

  test('stays when its submission is refused', async () => {
    await submit(job('tus-key:1'), '', { 'idempotency-key': 'tus refused' });
    const place = await create(archive.byteLength);
    await append(place, 0, archive);
    const body = { upload: nameOf(place), destinations: [to('tus-key:2')] };
    const kept = await readdir(join(server.folder.path, 'data', 'jobs', 'archives'));
    const refusals = [
      await submit({ ...body, image: 'team/other:v1' }),
      await submit({ ...body, credentialsName: 'nobody' }),
      await submit(body, '', { 'idempotency-key': 'tus refused' }),
      await submit({ ...body, allTags: true, image: 'team/app:v1', destinations: [to('tus-key')] }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([400, 400, 422, 400]);
    expect((await readdir(join(server.folder.path, 'data', 'jobs', 'archives'))).sort()).toEqual(kept.sort());
    expect((await submit(body, '?wait=60s')).status).toBe(201);
    expect(registry.tags('tus-key')).toContain('2');
  });

  test('keeps what came before its connection broke, takes no more than it said, and is given up', async () => {
    const place = await create();
    const headers = { ...parts, 'upload-offset': '0', 'content-length': '9000' };
    const call = httpRequest({ method: 'PATCH', headers, path: place, socketPath: server.socket, agent: false });
    call.on('error', () => {});
    call.write(archive.subarray(0, 3_000));
    await vi.waitUntil(async () => (await server.request('HEAD', place)).headers['upload-offset'] === '3000', 30_000);
    call.destroy();
    const tooLong = (): Promise<TestResponse> => append(place, 3_000, Buffer.alloc(archive.byteLength));
    await vi.waitUntil(async () => (await tooLong()).status === 413, 30_000); // 409 until the daemon has noticed
    expect((await server.request('DELETE', place)).status).toBe(204);
    expect((await server.request('HEAD', place)).status).toBe(404);
  });

  test('is its principal’s alone, and no archive is no job', async () => {
    const place = await create(7);
    const { text: token } = await server.daemon.context.tokens.create({
      ...{ name: 'other', scopes: [parseScope(`push:${registry.host}/**`)], expiresInMs: undefined },
    });
    const headers = { authorization: `Bearer ${token}` };
    expect((await server.request('HEAD', place, { headers, tcp: true })).status).toBe(404);
    await append(place, 0, Buffer.from('nothing'));
    const upload = nameOf(place);
    expect((await submit({ upload, destinations: [to('tus:2')] })).status).toBe(400);
    for (const name of ['..%2f..%2ftokens', 'x', '0'.repeat(24)]) {
      expect((await server.request('HEAD', `/slipway/v1/uploads/${name}`)).status).toBe(404);
    }
    expect((await server.request('POST', '/slipway/v1/uploads')).status).toBe(400);
    const reader = await server.daemon.context.tokens.create({
      ...{ name: 'reader', scopes: [parseScope('load')], expiresInMs: undefined },
    });
    const asReader = { authorization: `Bearer ${reader.text}`, 'upload-length': '1' };
    expect((await server.request('POST', '/slipway/v1/uploads', { headers: asReader, tcp: true })).status).toBe(403);
  });
});
