import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { staggeredBackoff } from './backoff.ts';

/** When each retry is made, in milliseconds waited since the first failure. */
function retryTimes(attempts: number, randoms: readonly number[]): number[] {
  const times: number[] = [];
  let waitedMs = 0;
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    const random = randoms[(attempt - 1) % randoms.length] ?? 0;
    waitedMs += staggeredBackoff({ attempt, attempts, waitedMs, random: () => random });
    times.push(waitedMs);
  }
  return times;
}

const anyRandoms = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 8 });

/** When docker push makes its retries: after 5, then 10, 15, 20 s more. */
const docker = [5_000, 15_000, 30_000, 50_000];

describe('staggeredBackoff', () => {
  test.each([
    ['the least of each window', 5, 0, [0, 5_000, 15_000, 50_000]],
    ['the middle of each window', 5, 0.5, [500, 10_000, 22_500, 55_000]],
    ['a single retry comes when docker makes it', 2, 0, [5_000]],
    ['waits stop growing at 30 s', 9, 0, [0, 5_000, 15_000, 30_000, 50_000, 75_000, 105_000, 165_000]],
  ])('%s', (_, attempts, random, expected) => {
    expect(retryTimes(attempts, [random])).toEqual(expected);
  });

  test('no retry but the last comes later than that of docker push, the last never sooner', () =>
    fc.assert(
      fc.property(anyRandoms, (randoms) => {
        const times = retryTimes(5, randoms);
        for (const [index, time] of times.slice(0, -1).entries()) expect(time).toBeLessThanOrEqual(docker[index] ?? 0);
        expect(times.at(-1)).toBeGreaterThanOrEqual(50_000);
        expect(times.at(-1)).toBeLessThanOrEqual(60_000);
        expect(times[0]).toBeLessThan(1_000);
      }),
    ));

  test('a wait is never negative, even when a host made the transfer wait longer than planned', () => {
    expect(staggeredBackoff({ attempt: 2, attempts: 5, waitedMs: 90_000, random: () => 0 })).toBe(0);
  });
});
