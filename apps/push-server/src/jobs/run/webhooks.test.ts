import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { dispatcherFor } from '@slipway/registry-client/proxy';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import type { JobRecord } from '../record/job.ts';
import { createWebhooks } from './webhooks.ts';

interface Notice {
  readonly id: string;
  readonly state: string;
  readonly response: ServerResponse;
}

/** A receiver that answers when the test says so, and a job that ended. */
async function openScene() {
  const notices: Notice[] = [];
  const receiver = createServer(async (request, response) => {
    const { data } = JSON.parse(await text(request));
    notices.push({ id: String(request.headers['webhook-id']), state: data.state, response });
  }).listen(0, '127.0.0.1');
  await vi.waitUntil(() => receiver.listening);
  const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const waiting = { url: `http://${host}/`, state: 'waiting', attempts: 0 } as const;
  let job = {
    ...{ id: 'j', state: 'failed', endedBy: 'first', webhook: waiting, destinations: [], options: {} },
    source: { kind: 'archive', file: 'f', size: 1 },
  } as unknown as JobRecord;
  const store = {
    get: async () => job,
    update: async (_id: string, change: (now: JobRecord) => JobRecord) => {
      job = change(job);
      return job;
    },
  };
  const webhooks = createWebhooks({
    ...{ allowed: [host], store, log: pino({ level: 'silent' }), delaysMs: [0, 0] },
    seal: { seal: () => '', open: () => new Map() },
    dispatcher: dispatcherFor({ http: undefined, https: undefined, except: [] } as never),
  });
  return {
    notices,
    webhooks,
    now: () => job,
    become: (change: Partial<JobRecord>) => {
      job = { ...job, ...change };
      return job;
    },
    waiting,
    arrived: (count: number) => vi.waitUntil(() => notices.length >= count, 20_000),
    answer: (at: number, status = 204) => notices[at]?.response.writeHead(status).end(),
    async [Symbol.asyncDispose]() {
      await webhooks[Symbol.asyncDispose]();
      receiver.closeAllConnections();
      receiver.close();
    },
  };
}

test.each([204, 500])(
  'a job that ends again while its first end is told, and answered %d, is told of both',
  async (status) => {
    await using scene = await openScene();
    const { notices, webhooks, become, waiting, now, arrived, answer } = scene;
    webhooks.deliver(now());
    await arrived(1);
    become({ state: 'queued', endedBy: undefined, webhook: waiting });
    webhooks.deliver(become({ state: 'pushed', endedBy: 'second' }));
    await arrived(2);
    answer(0, status);
    answer(1);
    await vi.waitUntil(() => now().webhook?.state === 'delivered', 20_000);
    expect(now().webhook).toEqual({ ...waiting, state: 'delivered', attempts: 1 });
    expect(notices.map(({ id, state }) => [id, state])).toEqual([
      ['j.first', 'failed'],
      ['j.second', 'pushed'],
    ]);
  },
);

test('what became of an earlier notice is not written onto a job that runs again', async () => {
  await using scene = await openScene();
  const { webhooks, become, waiting, now, arrived, answer } = scene;
  webhooks.deliver(now());
  await arrived(1);
  const again = become({ state: 'running', endedBy: undefined, webhook: waiting });
  answer(0);
  await webhooks[Symbol.asyncDispose]();
  expect(now()).toBe(again);
});

test('one end has one notice, however often it is told of', async () => {
  await using scene = await openScene();
  const { notices, webhooks, now, arrived, answer } = scene;
  webhooks.deliver(now());
  webhooks.deliver(now());
  await arrived(1);
  answer(0);
  await vi.waitUntil(() => now().webhook?.state === 'delivered', 20_000);
  webhooks.deliver(now());
  await webhooks[Symbol.asyncDispose]();
  expect(notices).toHaveLength(1);
});
