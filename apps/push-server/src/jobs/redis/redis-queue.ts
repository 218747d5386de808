import type { Logger } from 'pino';
import { JobLost, type JobQueue } from '../job-queue.ts';
import type { RedisConnections } from './open-redis.ts';

export interface RedisQueueOptions {
  /** Jobs that this daemon works on at once. */
  readonly concurrency: number;
  /** Prefix of all keys. */
  readonly prefix: string;
  /** A daemon that does not renew its claim for so long loses the job to another. */
  readonly leaseMs: number;
  readonly log: Logger;
}

/** The queue that several daemons share, by BullMQ: a job is with one of them at a time, and comes back when that one dies. */
export async function openRedisQueue(redis: RedisConnections, options: RedisQueueOptions): Promise<JobQueue> {
  const { concurrency, prefix, leaseMs, log } = options;
  const { Queue, Worker, DelayedError } = await import('bullmq');
  const { health } = redis;
  const shared = { prefix };
  const queue = new Queue('push-jobs', { ...shared, connection: redis.main });
  queue.on('error', (err) => log.warn({ err }, 'the job queue fails'));
  const running = new Map<string, AbortController>();
  let worker: InstanceType<typeof Worker> | undefined;

  return {
    async add(id) {
      // Nothing of it stays when it ends: its history is in the job store, and its id may come again.
      await health.call(() => queue.add('push', {}, { jobId: id, removeOnComplete: true, removeOnFail: true }));
    },
    async start(work) {
      worker = new Worker(
        'push-jobs',
        async (job, token) => {
          const id = job.id ?? '';
          const controller = new AbortController();
          running.set(id, controller);
          try {
            if ((await work(id, controller.signal)) === 'done') return;
          } finally {
            running.delete(id);
          }
          if (controller.signal.reason instanceof JobLost) throw controller.signal.reason;
          await job.moveToDelayed(Date.now() + 100, token); // for another daemon, at once
          throw new DelayedError();
        },
        {
          ...shared,
          connection: redis.open(),
          concurrency,
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
    async remove(id) {
      // One that is being worked on is locked, and stays.
      await health
        .call(() => queue.remove(id))
        .catch((err) => log.debug({ err, job: id }, 'the job is being worked on'));
    },
    async pause() {
      await worker?.pause(true);
    },
    async [Symbol.asyncDispose]() {
      for (const controller of running.values()) controller.abort(new Error('the daemon is shutting down'));
      // Without Redis there is nothing to wait for: the claims end with their lease.
      await worker?.close(!health.isUp);
      await queue.close();
    },
  };
}
