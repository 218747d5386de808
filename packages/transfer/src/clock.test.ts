import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from './clock.ts';
import { createFakeClock } from './testing/fake-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const fake = createFakeClock();

describe.each<[string, Clock, (ms: number) => Promise<unknown>]>([
  ['systemClock', systemClock, (ms) => vi.advanceTimersByTimeAsync(ms)],
  ['createFakeClock', fake, (ms) => fake.advance(ms)],
])('%s', (_, clock, advance) => {
  test('a sleeper wakes when its time has come, not before', async () => {
    const begin = clock.now();
    const woken = vi.fn();
    void clock.sleep(1_000).then(woken);
    await advance(999);
    expect(woken).not.toHaveBeenCalled();
    await advance(1);
    expect(woken).toHaveBeenCalledOnce();
    expect(clock.now() - begin).toBe(1_000);
  });

  test('an abort wakes it with the reason itself', async () => {
    const controller = new AbortController();
    const sleep = clock.sleep(1_000, { signal: controller.signal });
    controller.abort('enough');
    await expect(sleep).rejects.toBe('enough');
    await expect(clock.sleep(1, { signal: controller.signal })).rejects.toBe('enough');
  });

  test('no listener stays on the signal', async () => {
    const { signal } = new AbortController();
    const sleep = clock.sleep(10, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await advance(10);
    await sleep;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test('what is longer than a timer of the machine is waited for as long as one can, not for a moment', async () => {
  const woken = vi.fn();
  void systemClock.sleep(60 * 86_400_000).then(woken);
  await vi.advanceTimersByTimeAsync(20 * 86_400_000);
  expect(woken).not.toHaveBeenCalled();
});
