import { expect, test } from 'vitest';
import type { QueuedJob } from './job-queue.ts';
import { createJobShares, type JobShares } from './job-shares.ts';

let made = 0;
function job(principal: string, ...registries: readonly string[]): QueuedJob {
  made += 1;
  const destinations = registries.map((name) => ({ reference: `${name}/a/b:1`, state: 'pending' }) as const);
  return { id: String(made), home: 'here', principal, destinations };
}

/** Begins as many as may begin; how many those are. */
function fill(shares: JobShares, jobs: QueuedJob[]): number {
  let begun = 0;
  for (let next = shares.pick(jobs); next !== undefined; next = shares.pick(jobs)) {
    jobs.splice(jobs.indexOf(next), 1);
    shares.take(next);
    begun += 1;
  }
  return begun;
}

const many = (principal: string, registry: string): QueuedJob[] =>
  Array.from({ length: 50 }, () => job(principal, registry));

test('a registry that does not answer leaves places for the others, and so do several', () => {
  const shares = createJobShares({ concurrency: 8 });
  expect(fill(shares, many('a', 'slow'))).toBe(4);
  expect(fill(shares, many('b', 'slow too'))).toBe(2);
  expect(fill(shares, many('c', 'slow as well'))).toBe(1);
  const healthy = shares.take(job('d', 'healthy'));
  healthy[Symbol.dispose]();
  expect(shares.pick([job('d', 'healthy')])).toBeDefined();
});

test('one team leaves places for the others, whatever registries it pushes to', () => {
  const shares = createJobShares({ concurrency: 8 });
  const jobs = ['r1', 'r2', 'r3', 'r4'].flatMap((registry) => many('greedy', registry));
  expect(fill(shares, jobs)).toBe(8);
  expect(fill(shares, many('modest', 'r5'))).toBe(1);
});

test('neither do several teams, or several registries, stop another one', () => {
  const shares = createJobShares({ concurrency: 8 });
  const registries = ['s1', 's2', 's3', 's4', 's5', 's6'];
  for (const principal of ['a', 'a at night', 'b', 'c']) {
    fill(
      shares,
      registries.flatMap((registry) => many(principal, registry)),
    );
    expect(shares.running.principals.get(principal)).toBeLessThanOrEqual(8);
  }
  expect(fill(shares, many('late', 'healthy'))).toBe(1);
  expect(fill(shares, many('late', 's1'))).toBe(0);
  expect(fill(shares, many('later', 's1'))).toBe(1); // a registry that others keep busy is not theirs alone
});

test('of one team, a registry that works is reached while several do not', () => {
  const shares = createJobShares({ concurrency: 8 });
  for (const registry of ['s1', 's2', 's3']) fill(shares, many('a', registry));
  const healthy = many('a', 'healthy');
  expect(fill(shares, healthy)).toBe(1);
});

test('who may not begin yet is passed over', () => {
  const shares = createJobShares({ concurrency: 8 });
  const jobs = [job('a', 'r'), job('a', 'r')];
  expect(shares.pick(jobs, (each) => each !== jobs[0])).toBe(jobs[1]);
  expect(shares.pick(jobs, () => false)).toBeUndefined();
});

test('of those that may begin, the principal with the fewest comes first, then the one that waited longest', () => {
  const shares = createJobShares({ concurrency: 8 });
  shares.take(job('a', 'r1'));
  const waiting = [job('a', 'r1'), job('b', 'r1'), job('b', 'r2')];
  expect(shares.pick(waiting)).toBe(waiting[1]);
  expect(shares.pick([])).toBeUndefined();
});

test('a job counts at each of its registries, once', () => {
  const shares = createJobShares({ concurrency: 8 });
  const taken = shares.take(job('a', 'r1', 'r1', 'r2'));
  expect([...shares.running.registries]).toEqual([
    ['r1', 1],
    ['r2', 1],
  ]);
  taken[Symbol.dispose]();
  taken[Symbol.dispose]();
  expect([shares.running.registries.size, shares.running.principals.size]).toEqual([0, 0]);
});

test('with one place there is one', () => {
  const shares = createJobShares({ concurrency: 1 });
  expect(fill(shares, many('a', 'r'))).toBe(1);
  expect(fill(shares, many('a', 'other'))).toBe(0);
  expect(fill(shares, many('b', 'other'))).toBe(1); // nobody waits for another
});
