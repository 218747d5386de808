import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { untilStored } from './until-stored.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('silence is told from the fifth second on, once a second, until the answer', async () => {
  const told: number[] = [];
  let answer = (_: string): void => {};
  const answered = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const stored = untilStored(
    async (onBodySent) => {
      onBodySent();
      return await answered;
    },
    (seconds) => told.push(seconds),
  );
  await vi.advanceTimersByTimeAsync(4_999);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_001);
  expect(told).toEqual([5, 6, 7]);
  answer('stored');
  expect(await stored).toBe('stored');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([5, 6, 7]);
  expect(vi.getTimerCount()).toBe(0);
});

test('nothing is told while the body is on its way; what is sent again counts anew', async () => {
  const told: number[] = [];
  let fail = (_: Error): void => {};
  const failing = new Promise<never>((_, reject) => {
    fail = reject;
  });
  let bodySent = (): void => {};
  const stored = untilStored(
    async (onBodySent) => {
      bodySent = onBodySent;
      return await failing;
    },
    (seconds) => told.push(seconds),
  );
  await vi.advanceTimersByTimeAsync(30_000);
  expect(told).toEqual([]);
  bodySent();
  await vi.advanceTimersByTimeAsync(4_500);
  bodySent();
  await vi.advanceTimersByTimeAsync(4_500);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(told).toEqual([5]);
  fail(new Error('reset'));
  await expect(stored).rejects.toThrow('reset');
  expect(vi.getTimerCount()).toBe(0);
});
