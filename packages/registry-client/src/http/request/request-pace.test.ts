import { expect, test } from 'vitest';
import { createRequestPace } from './request-pace.ts';

function scene(perSecond: number) {
  let nowMs = 0;
  const waits: number[] = [];
  const pace = createRequestPace(perSecond, {
    now: () => nowMs,
    sleep: async (delayMs) => void waits.push(delayMs),
  });
  return {
    pace,
    waits,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('requests that come together leave one by one, evenly spaced', async () => {
  const { pace, waits } = scene(4);
  await Promise.all([pace(), pace(), pace(), pace()]);
  expect(waits).toEqual([250, 500, 750]);
});

test('time that nobody used is not saved up', async () => {
  const { pace, waits, pass } = scene(10);
  await pace();
  pass(5_000);
  await Promise.all([pace(), pace()]);
  expect(waits).toEqual([100]);
});

test('without a limit nobody waits', async () => {
  const { pace, waits } = scene(Number.POSITIVE_INFINITY);
  await Promise.all(Array.from({ length: 100 }, () => pace()));
  expect(waits).toEqual([]);
});

test('whoever leaves is not kept waiting', async () => {
  const pace = createRequestPace(0.001);
  await pace();
  const abort = new AbortController();
  const waiting = pace(abort.signal);
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});
