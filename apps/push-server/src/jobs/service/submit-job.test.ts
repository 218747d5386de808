import type { KeyValueBackend } from '@slipway/metadata-store';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { RequestError } from '../../errors.ts';
import type { JobRecord, JobSource } from '../record/job.ts';
import { createJobIndex } from '../record/job-index.ts';
import { createJobStore, type JobStore } from '../record/job-store.ts';
import { type JobRequest, newJob } from './new-job.ts';
import { type SubmitNeeds, submitJob } from './submit-job.ts';

const archive = (file: string): JobSource => ({ kind: 'archive', file, size: 1 });

const request = (file: string): JobRequest => ({
  ...{ source: archive(file), contentHash: 'the same bytes' },
  ...{ destinations: ['r/a:1'], options: {}, principal: 'local', auths: new Map() },
  ...{ credentialsName: undefined, idempotencyKey: 'build 7' },
});

interface Scene {
  readonly needs: SubmitNeeds;
  readonly store: JobStore;
  /** Files that were let go of. */
  readonly released: string[];
  readonly queued: string[];
  /** The next write is done, and its answer is lost. */
  loseAnswer(): void;
  /** What goes on without an answer to anybody waits until then. */
  letWorkGoOn(): void;
}

function openScene(): Scene {
  const values = new Map<string, Uint8Array>();
  let losses = 0;
  const backend: KeyValueBackend = {
    get: async (namespace, key) => values.get(`${namespace} ${key}`),
    async update(namespace, key, change) {
      const after = change(values.get(`${namespace} ${key}`));
      if (after === undefined) values.delete(`${namespace} ${key}`);
      else values.set(`${namespace} ${key}`, after);
      if (losses-- > 0) throw new RequestError(503, 'Redis does not answer');
    },
    set: async (namespace, key, value) => void values.set(`${namespace} ${key}`, value),
    delete: async (namespace, key) => void values.delete(`${namespace} ${key}`),
    list: async () => [],
    async [Symbol.asyncDispose]() {},
  };
  const store = createJobStore(backend);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const released: string[] = [];
  const queued: string[] = [];
  return {
    ...{ store, released, queued },
    loseAnswer() {
      losses = 1;
    },
    letWorkGoOn: () => open(),
    needs: {
      ...{ store, index: createJobIndex(), log: pino({ level: 'silent' }), home: 'here' },
      workStore: { ...store, deleteIf: (id, condition) => gate.then(() => store.deleteIf(id, condition)) },
      sources: { release: async (source) => void released.push(source.kind === 'archive' ? source.file : '') },
      named: { assertKnown() {} },
      seal: { seal: () => 'sealed' },
      webhooks: { seal: () => undefined },
      async step() {},
      enqueue: async ({ id }) => void queued.push(id),
    },
  };
}

test('a job whose answer was lost is taken back, and what it holds is let go of after that', async () => {
  const { needs, released, queued, loseAnswer, letWorkGoOn } = openScene();
  loseAnswer();
  await expect(submitJob(request('first'), needs)).rejects.toMatchObject({ status: 503 });
  expect(released).toEqual([]);
  letWorkGoOn();
  await vi.waitFor(() => expect(released).toEqual(['first']));
  const { job, isNew } = await submitJob(request('second'), needs);
  expect([isNew, job.source, queued]).toEqual([true, archive('second'), [job.id]]);
});

test('a repeated request takes over a job whose answer was lost, with what that one holds', async () => {
  const { needs, store, released, queued, loseAnswer, letWorkGoOn } = openScene();
  loseAnswer();
  await expect(submitJob(request('first'), needs)).rejects.toMatchObject({ status: 503 });
  const { job, isNew } = await submitJob(request('second'), needs);
  expect([isNew, job.source, queued]).toEqual([false, archive('first'), [job.id]]);
  letWorkGoOn();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await store.get(job.id)).toMatchObject({ state: 'queued', source: archive('first') });
  expect(released).toEqual(['second']);
});

test('a repeated request that finds the job taken back in that moment makes it anew', async () => {
  const { needs, store, released, queued, loseAnswer, letWorkGoOn } = openScene();
  loseAnswer();
  await expect(submitJob(request('first'), needs)).rejects.toMatchObject({ status: 503 });
  const create = vi.fn(async (job: Parameters<JobStore['create']>[0]) => {
    const kept = await store.create(job);
    letWorkGoOn();
    await vi.waitFor(() => expect(released).toContain('first'));
    return kept;
  });
  const { job, isNew } = await submitJob(request('second'), { ...needs, store: { ...store, create } });
  expect([isNew, job.source, queued]).toEqual([true, archive('second'), [job.id]]);
  expect([create.mock.calls.length, await store.get(job.id), released]).toEqual([2, job, ['first']]);
});

test('a job that is kept is accepted, whether or not its events can be', async () => {
  const { needs, released, queued } = openScene();
  const step = async (): Promise<void> => Promise.reject(new RequestError(503, 'Redis does not answer'));
  const { job, isNew } = await submitJob(request('first'), { ...needs, step });
  expect([isNew, queued, released]).toEqual([true, [job.id], []]);
});

test('one principal may fill three quarters of the list, and the others the rest', async () => {
  const { needs } = openScene();
  let made = 0;
  const fill = (principal: string, count: number): void => {
    for (let at = 0; at < count; at += 1) {
      made += 1;
      const state = made % 2 === 0 ? 'queued' : 'running';
      const createdAt = '2026-01-01T00:00:00Z';
      const destinations = [{ reference: `r/a:${made}`, state: 'pending' } as const];
      const job = {
        ...newJob({ ...request('x'), principal }, needs),
        id: String(made),
        state,
        createdAt,
        destinations,
      };
      needs.index.note(job as JobRecord);
    }
  };
  const submit = (principal: string) => submitJob({ ...request('y'), principal }, needs);
  fill('a', 7_500);
  await expect(submit('a')).rejects.toMatchObject({ status: 503, message: expect.stringContaining('of one client') });
  expect((await submit('b')).isNew).toBe(true);
  fill('b', 2_500);
  await expect(submit('c')).rejects.toMatchObject({ status: 503, message: 'there are too many push jobs already' });
});

test('what a refused request holds is let go of', async () => {
  const { needs, released } = openScene();
  await submitJob(request('first'), needs);
  const other = { ...request('second'), destinations: ['r/b:1'] };
  await expect(submitJob(other, needs)).rejects.toMatchObject({ status: 422 });
  expect(released).toEqual(['second']);
});

test('a repeated request whose answer is lost takes back nothing that was accepted before', async () => {
  const { needs, store, released, letWorkGoOn } = openScene();
  const { job } = await submitJob(request('first'), needs);
  const update = async (): Promise<never> => Promise.reject(new RequestError(503, 'Redis does not answer'));
  const failing = submitJob(request('second'), { ...needs, store: { ...store, update } });
  await expect(failing).rejects.toMatchObject({ status: 503 });
  letWorkGoOn();
  await new Promise((resolve) => setImmediate(resolve));
  expect([await store.get(job.id), released]).toEqual([job, ['second']]);
});
