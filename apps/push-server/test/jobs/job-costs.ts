import type { KeyValueBackend } from '@slipway/metadata-store';
import { pino } from 'pino';
import { createJobShares } from '../../src/jobs/queue/job-shares.ts';
import { createLocalChannel } from '../../src/jobs/queue/live-channel.ts';
import { createLocalQueue } from '../../src/jobs/queue/local-queue.ts';
import type { JobRecord, JobState } from '../../src/jobs/record/job.ts';
import { createJobIndex, indexedStore } from '../../src/jobs/record/job-index.ts';
import { openJobJournal } from '../../src/jobs/record/job-journal.ts';
import { createJobStore } from '../../src/jobs/record/job-store.ts';
import { pageOf } from '../../src/jobs/routes/jobs/job-page.ts';
import { createJobUpkeep } from '../../src/jobs/service/job-upkeep.ts';
import type { JobRequest } from '../../src/jobs/service/new-job.ts';
import { type SubmitNeeds, submitJob } from '../../src/jobs/service/submit-job.ts';
import { statusJobs } from '../../src/page/status-jobs.ts';
import { sightOf } from '../../src/security/sight.ts';

/** What one thing that is done often costs: exact numbers, and how long it took. */
export interface Cost {
  /** Records and events that were read. */
  readonly reads: number;
  /** Keys that were listed to find them. */
  readonly listed: number;
  readonly ms: number;
}

/** The work of a daemon with so many jobs, all but a thousandth of them ended, each once. */
export async function jobCosts(jobs: number, backend: KeyValueBackend): Promise<Readonly<Record<string, Cost>>> {
  const log = pino({ level: 'silent' });
  const records = Array.from({ length: jobs }, (_, at) => jobAt(at, stateAt(at, jobs)));
  for (let at = 0; at < jobs; at += 500) {
    const lot = records.slice(at, at + 500);
    const encode = (job: JobRecord): Uint8Array => new TextEncoder().encode(JSON.stringify(job));
    await Promise.all(lot.map(async (job) => await backend.set('slipway-job', job.id, encode(job))));
  }
  let reads = 0;
  let listed = 0;
  const counting: KeyValueBackend = {
    get(namespace, key) {
      reads += 1;
      return backend.get(namespace, key);
    },
    update(namespace, key, change) {
      reads += 1;
      return backend.update(namespace, key, change);
    },
    set: (namespace, key, value) => backend.set(namespace, key, value),
    delete: (namespace, key) => backend.delete(namespace, key),
    async list(namespace) {
      const keys = (await backend.list?.(namespace)) ?? [];
      listed += keys.length;
      return keys;
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const index = createJobIndex();
  const store = indexedStore(createJobStore(counting), index);
  const channel = createLocalChannel();
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 8 }) });
  const needs: SubmitNeeds = {
    ...{ store, workStore: store, index, log, home: 'home' },
    sources: { async release() {} },
    named: { assertKnown() {} },
    seal: { seal: () => 'sealed' },
    webhooks: { seal: () => undefined },
    async step(id, what) {
      await using journal = await openJobJournal({ id, store, channel, onFailure: () => {} });
      journal.step(what);
    },
    enqueue: (job) => queue.add(job),
  };
  const sources = { release: async () => {}, releaseOrphans: async () => {} } as never;
  const config = { jobHistory: jobs - 21, jobRetentionMs: 1 };
  const upkeep = createJobUpkeep({ store, index, sources, isShared: false, config });
  const all = sightOf({ name: 'ops', scopes: [{ kind: 'admin' }] });
  const one = sightOf({ name: 'team-7', scopes: [] });

  const costs: Record<string, Cost> = {};
  const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    reads = 0;
    listed = 0;
    const begun = performance.now();
    await work();
    costs[name] = { reads, listed, ms: performance.now() - begun };
  };
  await measure('start', () => store.list());
  await measure('submit', () => submitJob(request('a'), needs));
  await measure('submit again', () => submitJob(request('a'), needs));
  await measure('look at one', () => store.get(idAt(1)));
  await measure('status', () => statusJobs({ store, index }, all));
  await measure('status of one team', () => statusJobs({ store, index }, one));
  await measure('list, first page', () => pageOf({ store, index }, {}, all));
  await measure('list, last page', () => pageOf({ store, index }, { before: `${timeAt(50)}_` }, all));
  await measure('list, failed ones', () => pageOf({ store, index }, { state: ['failed'] }, all));
  await measure('list, a label that none has', () => pageOf({ store, index }, { label: ['no=such'] }, all));
  await measure('after a job', () => upkeep.prune());
  await measure('tidy up', () => upkeep.tidy());
  return costs;
}

function request(idempotencyKey: string): JobRequest {
  const content = { id: `sha256:${'0'.repeat(64)}` } as const;
  return {
    source: { kind: 'archive', file: 'f', size: 1, content: content as never },
    destinations: ['127.0.0.1:5000/team/app:1'],
    ...{ options: {}, principal: 'team-1', auths: new Map(), credentialsName: undefined, idempotencyKey },
  };
}

/** Ten wait, the youngest; of the others, one of a thousand has failed and can be tried again, up to ten. */
function stateAt(at: number, jobs: number): JobState {
  if (at >= jobs - 10) return 'queued';
  return at % Math.ceil(jobs / 10) === 0 ? 'failed' : 'pushed';
}

function jobAt(at: number, state: JobState): JobRecord {
  const createdAt = timeAt(at);
  const ended = state === 'queued' ? {} : { startedAt: createdAt, finishedAt: createdAt };
  return {
    ...{ id: idAt(at), state, createdAt, ...ended, home: 'home', principal: `team-${at % 50}` },
    ...{ options: {}, attempts: 1, isCancelRequested: false, requestHash: '', isSourceKept: state === 'failed' },
    source: { kind: 'archive', file: `f${at}`, size: 1 },
    destinations: [{ reference: `127.0.0.1:5000/team-${at % 50}/app:${at}`, state: 'pushed' }],
  };
}

const idAt = (at: number): string => at.toString(16).padStart(24, '0');
const timeAt = (at: number): string => new Date(Date.UTC(2026, 0, 1) + at * 1_000).toISOString();
