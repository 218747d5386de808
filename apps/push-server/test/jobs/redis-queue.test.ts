import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { requireTool } from '@slipway/testkit';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { JobLost, type JobQueue, type QueuedJob } from '../../src/jobs/queue/job-queue.ts';
import { createJobShares } from '../../src/jobs/queue/job-shares.ts';
import { openRedisQueue } from '../../src/jobs/queue/redis/redis-queue.ts';
import { useRedis } from './use-redis.ts';

const log = pino({ level: 'silent' });
const home = 'here';
const job: QueuedJob = { id: 'a', home, principal: 'local', destinations: [] };
const waiting = { timeout: 20_000 };

describe.skipIf(requireTool('redis-server'))('the queue in Redis', () => {
  const redis = useRedis();

  const open = async (shares = createJobShares({ concurrency: 4 })): Promise<{ queue: JobQueue; key: string }> => {
    const prefix = randomUUID();
    const queue = await openRedisQueue(redis.connections, { concurrency: 4, shares, home, prefix, leaseMs: 400, log });
    return { queue, key: `${prefix}:push-jobs-${home}:${job.id}` };
  };

  test('a job whose claim ran out is not begun again beside the run that has it, and is not forgotten', async () => {
    const { queue, key } = await open();
    await using _ending = queue;
    const reasons: unknown[] = [];
    let inside = 0;
    let most = 0;
    let runs = 0;
    await queue.start(async (_id, signal) => {
      runs += 1;
      inside += 1;
      most = Math.max(most, inside);
      if (runs <= 2) {
        await redis.connections.main.del(`${key}:lock`); // as Redis does once the claim was not renewed for too long
        await vi.waitFor(() => expect(signal.aborted).toBe(true), waiting);
        reasons.push(signal.reason);
        await delay(1_500); // it ends when it can, and is given again before that
      }
      inside -= 1;
      return runs <= 2 ? 'handed-over' : 'done';
    });
    await queue.add(job);
    await vi.waitFor(async () => expect([runs, await redis.connections.main.exists(key)]).toEqual([3, 0]), waiting);
    expect([most, reasons]).toEqual([1, [expect.any(JobLost), expect.any(JobLost)]]);
  });

  test('what goes wrong between two jobs does not take the job out of the queue', async () => {
    const shares = createJobShares({ concurrency: 4 });
    const pick = vi.spyOn(shares, 'pick').mockImplementationOnce(() => {
      throw new Error('as the connection does that breaks');
    });
    const { queue, key } = await open(shares);
    await using _ending = queue;
    const run = vi.fn(async () => 'done' as const);
    await queue.start(run);
    await queue.add(job);
    await vi.waitFor(() => expect(run).toHaveBeenCalledOnce(), waiting);
    await vi.waitFor(async () => expect(await redis.connections.main.exists(key)).toBe(0), waiting);
    expect(pick).toHaveBeenCalledTimes(2);
  });
});
