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
  const running = new Map<string, AbortController>();
  let worker: InstanceType<typeof Worker> | undefined;

  return {
    async add({ id, home: folder, principal, destinations, priority, source }) {
      const data = { principal, destinations, priority, source: source?.kind === 'registry' ? source : undefined };
      await health.call(() => queueOf(folder).add('push', data, settings(id, priority)));
    },
    async start(work) {
      worker = new Worker(
        `push-jobs-${home}`,
        async (job, token) => {
          const id = job.id ?? '';
          const queued = { id, home, ...(job.data as Omit<QueuedJob, 'id' | 'home'>) };
          // Where its registry or its principal has enough already, it stands back for those behind it.
          if (shares.pick([queued]) === undefined) return await putOff(job, token, standBackMs);
          using _place = shares.take(queued);
          const controller = new AbortController();
          running.set(id, controller);
          try {
            if ((await work(id, controller.signal)) === 'done') return;
          } finally {
            running.delete(id);
          }
          if (controller.signal.reason instanceof JobLost) throw controller.signal.reason;
          return await putOff(job, token, 100); // for another daemon, at once
        },
        {
          ...shared,
          connection: redis.open(),
          concurrency: concurrency + 1, // one more, to look at who comes next
          lockDuration: leaseMs,
          stalledInterval: leaseMs,
          maxStalledCount: 1_000_000, // how often a job may be begun is counted in its record
        },
      );
      worker.on('error', (err) => log.warn({ err }, 'the job queue fails'));
      worker.on('lockRenewalFailed', (ids) => {
        for (const id of ids) running.get(id)?.abort(new JobLost(`job ${id} was given to another daemon`));
      });
      await worker.waitUntilReady();
    },
    async remove({ id, home: folder }) {
      // One that is being worked on is locked, and stays.
      await health
        .call(() => queueOf(folder).remove(id))
        .catch((err) => log.debug({ err, job: id }, 'the job is being worked on'));
    },
    async pause() {
      await worker?.pause(true);
    },
    async [Symbol.asyncDispose]() {
      for (const controller of running.values()) controller.abort(new Error('the daemon is shutting down'));
      // Without Redis there is nothing to wait for: the claims end with their lease.
      await worker?.close(!health.isUp);
      for (const queue of queues.values()) await queue.close();
    },
  };
}

/** Nothing of it stays when it ends: its history is in the job store, and its id may come again. */
function settings(jobId: string, priority: QueuedJob['priority'] = 'normal'): JobsOptions {
  // All have one, as those without come before those with any.
  return { jobId, priority: priorities.indexOf(priority) + 1, removeOnComplete: true, removeOnFail: true };
}
