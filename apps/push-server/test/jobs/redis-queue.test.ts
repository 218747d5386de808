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

  test('whoever has nothing at work is not kept waiting by others, however many of those hang', async () => {
    const { queue } = await open(createJobShares({ concurrency: 2 }));
    await using _ending = queue;
    const begun: string[] = [];
    await queue.start(async (id, signal) => {
      begun.push(id);
      if (id !== 'last') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return id === 'last' ? 'done' : 'handed-over';
    });
    const principals = Array.from({ length: 9 }, (_, at) => `team-${at}`);
    for (const principal of principals) {
      for (const n of [1, 2]) {
        const destinations = [{ reference: 'silent/a/b:1', state: 'pending' } as const];
        await queue.add({ id: `${principal}-${n}`, home, principal, destinations });
      }
    }
    await vi.waitFor(() => expect(new Set(begun).size).toBeGreaterThanOrEqual(9), waiting);
    await queue.add({
      ...job,
      id: 'last',
      principal: 'late',
      destinations: [{ reference: 'r/a:1', state: 'pending' }],
    });
    await vi.waitFor(() => expect(begun).toContain('last'), waiting);
    for (const principal of principals) {
      expect(begun.filter((id) => id.startsWith(principal)).length).toBeLessThanOrEqual(2);
    }
  });
});
