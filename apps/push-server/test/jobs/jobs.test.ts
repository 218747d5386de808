import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedRegistry, randomImage, readBack, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/jobs/job.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';

let registry: EmbeddedRegistry;
let server: TestDaemon;
let archive: string;

beforeEach(async () => {
  registry = await startRegistry();
  server = await startTestDaemon({ jobConcurrency: 2 });
  archive = join(server.folder.path, 'app.tar');
  const image = await randomImage({ seed: 'jobs', layers: [{ size: 300_000, kind: 'random' }, { size: 100_000 }] });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };

async function load(): Promise<void> {
  const answer = await server.request('POST', '/images/load', { body: await readFile(archive) });
  expect(answer.body).toContain('Loaded image: demo/app:v1');
}

async function submit(body: object, headers: Readonly<Record<string, string>> = {}): Promise<TestResponse> {
  return await server.request('POST', '/slipway/v1/jobs', {
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
}

/** Follows a job to its end. */
async function follow(id: string, after = 0): Promise<readonly JobEvent[]> {
  const { status, body } = await server.request('GET', `/slipway/v1/jobs/${id}/events`, {
    headers: { 'last-event-id': String(after) },
  });
  expect(status).toBe(200);
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as JobEvent);
}

async function job(id: string): Promise<Record<string, unknown>> {
  return JSON.parse((await server.request('GET', `/slipway/v1/jobs/${id}`)).body);
}

const idOf = (answer: TestResponse): string => JSON.parse(answer.body).id;

describe('a job', () => {
  test('pushes an image of the store to several destinations, each by itself', async () => {
    await load();
    const destinations = [`${registry.host}/a/app:1`, `${registry.host}/b/app:2`, '127.0.0.1:1/c/app:3'];
    const answer = await submit({ image: 'demo/app:v1', destinations });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`/slipway/v1/jobs/${idOf(answer)}`);
    const events = await follow(idOf(answer));
    expect(events.at(0)?.type).toBe('job:queued');
    expect(events.at(-1)).toMatchObject({ type: 'job:finished', state: 'failed' });
    const ended = await job(idOf(answer));
    expect(ended).toMatchObject({
      state: 'failed',
      attempts: 1,
      destinations: [{ state: 'pushed' }, { state: 'pushed' }, { state: 'failed', error: { code: 'ERR_PUSH_FAILED' } }],
    });
    const [a, b] = await Promise.all([readBack(registry.host, 'a/app', '1'), readBack(registry.host, 'b/app', '2')]);
    expect(a.digest).toBe(b.digest);
  });

  test('pushes an archive that comes with the request, which leaves no trace in the store', async () => {
    const query = new URLSearchParams([['destination', `${registry.host}/up/app:1`]]);
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, {
      headers: { 'content-type': 'application/x-tar' },
      body: await readFile(archive),
    });
    expect([answer.status, answer.body]).toEqual([201, expect.stringContaining('"source":"archive"')]);
    await follow(idOf(answer));
    expect(await job(idOf(answer))).toMatchObject({ state: 'pushed' });
    await readBack(registry.host, 'up/app', '1');
    expect((await server.request('GET', '/images/json')).body.trim()).toBe('[]');
  });

  test('is one job however often its idempotency key comes', async () => {
    await load();
    const body = { image: 'demo/app:v1', destinations: [`${registry.host}/a/app:1`] };
    const key = { 'idempotency-key': 'build 17' };
    const [first, second] = [await submit(body, key), await submit(body, key)];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(idOf(second)).toBe(idOf(first));
    const other = await submit({ ...body, destinations: [`${registry.host}/a/app:2`] }, key);
    expect([other.status, other.body]).toEqual([
      422,
      '{"message":"the idempotency key was used for another request"}\n',
    ]);
    await follow(idOf(first));
    expect(registry.requests.filter(({ kind }) => kind === 'manifest-put')).toHaveLength(1);
  });
});
