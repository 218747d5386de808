import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAdaptiveLimits, createTransferManager } from './index.ts';

function scene(most = 8) {
  let nowMs = 0;
  const set: (number | undefined)[] = [];
  const limits = createAdaptiveLimits({
    transfers: { limitHost: (_, limit) => set.push(limit) },
    most,
    clock: { now: () => nowMs, sleep: async () => {} },
  });
  return {
    limits,
    set,
    pass: (ms: number) => {
      nowMs += ms;
    },
    answer(count: number, latencyMs: number, everyMs = 100) {
      for (let n = 0; n < count; n += 1) {
        nowMs += everyMs;
        limits.answered('host', latencyMs);
      }
    },
  };
}

describe('createAdaptiveLimits', () => {
  test('a host begins with all that is allowed, and without a limit of its own', () => {
    const { limits, set } = scene();
    expect(limits.limitOf('host')).toBe(8);
    expect(set).toEqual([]);
  });

  test('a refusal halves, a storm of them halves once', () => {
    const { limits, set } = scene();
    for (let n = 0; n < 8; n += 1) limits.overloaded('host');
    expect(limits.limitOf('host')).toBe(4);
    expect(set).toEqual([4]);
    expect(limits.limitOf('other')).toBe(8);
  });

  test('refusals that go on bring it down to one, and never below', () => {
    const { limits, pass, set } = scene();
    for (let n = 0; n < 10; n += 1) {
      limits.overloaded('host');
      pass(1_000);
    }
    expect(set).toEqual([4, 2, 1]);
  });

  test('quick answers bring one more at a time, until the limit is lifted', () => {
    const { limits, answer, set } = scene(3);
    limits.overloaded('host');
    answer(100, 20);
    expect(set).toEqual([1, 2, undefined]);
    expect(limits.limitOf('host')).toBe(3);
  });

  test('answers that grow slow bring one less at a time, at most once a second', () => {
    const { limits, answer } = scene();
    answer(20, 20);
    answer(10, 2_000);
    expect(limits.limitOf('host')).toBe(7);
    answer(20, 2_000);
    expect(limits.limitOf('host')).toBeLessThan(7);
  });

  test.each([
    ['always slow', 900, 900],
    ['quick in any case', 2, 40],
  ])('a host that is %s is left alone', (_, before, after) => {
    const { answer, set } = scene();
    answer(20, before);
    answer(50, after);
    expect(set).toEqual([]);
  });

  test('whatever happens, the limit stays between one and what is allowed', () => {
    const step = fc.oneof(fc.constant('refused' as const), fc.nat({ max: 5_000 }));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
        const { limits, pass } = scene(most);
        for (const taken of steps) {
          pass(400);
          if (taken === 'refused') limits.overloaded('host');
          else limits.answered('host', taken);
          expect(limits.limitOf('host')).toBeGreaterThanOrEqual(1);
          expect(limits.limitOf('host')).toBeLessThanOrEqual(most === 0 ? 32 : most);
        }
      }),
    );
  });
});

test('a limited host holds back its own transfers only, and goes on when the limit is lifted', async () => {
  await using manager = createTransferManager({ concurrency: 4 });
  manager.limitHost('busy', 1);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const watches = ['busy', 'busy', 'idle', 'idle'].map((host, at) =>
    manager.transfer({
      key: `${at}`,
      host,
      run: async () => {
        started.push(`${host} ${at}`);
        await new Promise<void>((resolve) => ends.set(`${at}`, resolve));
      },
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(started).toEqual(['busy 0', 'idle 2', 'idle 3']);
  manager.limitHost('busy', undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(started).toContain('busy 1');
  for (const end of ends.values()) end();
  await Promise.all(watches.map(({ result }) => result));
});
