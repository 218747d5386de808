import type { Job, JobsOptions } from 'bullmq';
import type { Logger } from 'pino';
import { priorities } from '../../record/job.ts';
import { JobLost, type JobQueue, type QueuedJob } from '../job-queue.ts';
import type { JobShares } from '../job-shares.ts';
import type { RedisConnections } from './open-redis.ts';

export interface RedisQueueOptions {
  /** Jobs that this daemon works on at once. */
  readonly concurrency: number;
  readonly shares: JobShares;
  /** The data folder of this daemon: jobs whose content lies elsewhere are not for it. */
  readonly home: string;
  /** Prefix of all keys. */
  readonly prefix: string;
  /** A daemon that does not renew its claim for so long loses the job to another. */
  readonly leaseMs: number;
  readonly log: Logger;
}

/** How long a job stands back when its turn has not come. */
const standBackMs = 500;

/**
 * The queues of daemons that share a Redis, by BullMQ: one for each data folder, as a job is run where its content
 * lies. A job is with one daemon of its folder at a time, and comes back when that one dies.
 */
export async function openRedisQueue(redis: RedisConnections, options: RedisQueueOptions): Promise<JobQueue> {
  const { concurrency, shares, home, prefix, leaseMs, log } = options;
  const { Queue, Worker, DelayedError } = await import('bullmq');
  const { health } = redis;
  const shared = { prefix };
  const openQueue = (folder: string) => {
    const queue = new Queue(`push-jobs-${folder}`, { ...shared, connection: redis.main });
    queue.on('error', (err) => log.debug({ err }, 'the job queue fails'));
    return queue;
  };
  const queues = new Map<string, ReturnType<typeof openQueue>>();
  const queueOf = (folder: string): ReturnType<typeof openQueue> => {
    const queue = queues.get(folder) ?? openQueue(folder);
    queues.set(folder, queue);
    return queue;
  };
  const putOff = async (job: Job, token: string | undefined, ms: number): Promise<never> => {
    await job.moveToDelayed(Date.now() + ms, token);
    throw new DelayedError();
  };
  /** What this daemon works on, by the id of the job. */
  const running = new Map<string, AbortController>();
  let worker: InstanceType<typeof Worker> | undefined;
  /**
   * Lets the worker have so many jobs, and one more, to look at who comes next. It sees that it may have more when one
   * leaves it: false where it has to be told of that first.
   */
  const makeRoom = (jobs: number): boolean => {
    if (worker === undefined) return true;
    const isThere = worker.concurrency > jobs;
    worker.concurrency = Math.max(concurrency, jobs) + 1;
    return isThere;
  };

  return {
    async add({ id, home: folder, principal, destinations, priority, source }) {
      const data = { principal, destinations, priority, source: source?.kind === 'registry' ? source : undefined };
      await health.write(prefix, () => queueOf(folder).add('push', data, settings(id, priority)));
    },
    async start(work, mayBegin = () => true) {
      worker = new Worker(
        `push-jobs-${home}`,
        async (job, token) => {
          const id = job.id ?? '';
          // Its claim ran out, and the same daemon was given it again: the first run ends before another begins.
          const earlier = running.get(id);
          if (earlier !== undefined) {
            earlier.abort(lost(id));
            return await putOff(job, token, standBackMs);
          }
          const queued = { id, home, ...(job.data as Omit<QueuedJob, 'id' | 'home'>) };
          // Where its registry or its principal has enough already, or a tag has to wait, it stands back for others.
          if (shares.pick([queued], () => mayBegin(id)) === undefined) return await putOff(job, token, standBackMs);
          if (!makeRoom(running.size + 1)) return await putOff(job, token, 50);
          using _place = shares.take(queued);
          const controller = new AbortController();
          running.set(id, controller);
          try {
            using _claim = renewed(job, token, { leaseMs, onLost: () => controller.abort(lost(id)) });
            if ((await work(id, controller.signal)) === 'done') return;
          } finally {
            running.delete(id);
            makeRoom(running.size);
          }
          if (controller.signal.reason instanceof JobLost) throw controller.signal.reason;
          return await putOff(job, token, 100); // for another daemon, at once
        },
        {
          ...shared,
          connection: redis.open(),
          concurrency: concurrency + 1,
          lockDuration: leaseMs,
          skipLockRenewal: true, // its own knows jobs and not runs: the end of one run would end the claim of the next
          stalledInterval: leaseMs,
          maxStalledCount: 1_000_000, // how often a job may be begun is counted in its record
        },
      );
      worker.on('error', (err) => log.warn({ err }, 'the job queue fails'));
      await worker.waitUntilReady();
    },
    look() {}, // who stands back comes again soon
    async remove({ id, home: folder }) {
      // One that is being worked on is locked, and stays.
      await health
        .write(prefix, () => queueOf(folder).remove(id))
        .catch((err) => log.debug({ err, job: id }, 'the job is being worked on'));
    },
    async pause() {
      await worker?.pause(true);
    },
    async [Symbol.asyncDispose]() {
      for (const controller of running.values()) controller.abort(new Error('the daemon is shutting down'));
      // Without Redis there is nothing to wait for: the claims end with their lease.
      await worker?.close(health.fault !== undefined);
      for (const queue of queues.values()) await queue.close();
    },
  };
}

/** Renews the claim of one run, until scope is left. */
function renewed(
  job: Job,
  token: string | undefined,
  { leaseMs, onLost }: { readonly leaseMs: number; readonly onLost: () => void },
): Disposable {
  let isAsked = false;
  const timer = setInterval(() => {
    if (isAsked) return;
    isAsked = true;
    job
      .extendLock(token ?? '', leaseMs)
      .then((extended) => {
        if (extended !== 1) onLost();
      })
      .catch(() => {}) // whether it is lost is told when Redis answers again
      .finally(() => {
        isAsked = false;
      });
  }, leaseMs / 3);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function lost(id: string): JobLost {
  return new JobLost(`job ${id} was given to another run`);
}

/** Nothing of it stays when it is done: its history is in the job store, and its id may come again. */
function settings(jobId: string, priority: QueuedJob['priority'] = 'normal'): JobsOptions {
  return {
    jobId,
    // All have one, as those without come before those with any.
    priority: priorities.indexOf(priority) + 1,
    removeOnComplete: true,
    // Whether a job has failed is told by its record. What is thrown here is of the queue's own, and it comes again.
    attempts: Number.MAX_SAFE_INTEGER,
    backoff: { type: 'fixed', delay: standBackMs },
  };
}
