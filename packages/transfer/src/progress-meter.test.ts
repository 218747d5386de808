import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProgressMeter, type ProgressRecord } from './progress-meter.ts';
import { createFakeClock } from './testing/fake-clock.ts';

function open(total?: number) {
  const clock = createFakeClock();
  const records: ProgressRecord[] = [];
  const meter = createProgressMeter({ total, clock, emit: (record) => records.push(record) });
  return { clock, meter, currents: () => records.map(({ current }) => current), records };
}

describe('createProgressMeter', () => {
  test.each<[string, number | undefined, number]>([
    ['1 % of a small total', 10_000, 100],
    ['512 KiB of a large total', 1024 ** 3, 512 * 1024],
    ['512 KiB when the total is unknown', undefined, 512 * 1024],
    ['512 KiB when the total is nonsense', 0, 512 * 1024],
  ])('the step is %s, and only more than it is told', (_, total, step) => {
    const { meter, currents } = open(total);
    meter.update(step);
    expect(currents()).toEqual([]);
    meter.update(step + 1);
    expect(currents()).toEqual([step + 1]);
  });

  test('two records are 100 ms apart', async () => {
    const { clock, meter, currents } = open(1_000);
    meter.update(100);
    await clock.advance(99);
    meter.update(200);
    await clock.advance(1);
    meter.update(300);
    expect(currents()).toEqual([100, 300]);
  });

  test('the step counts from a record that the time limit swallowed', async () => {
    const { clock, meter, currents } = open(1_000);
    meter.update(100);
    meter.update(200);
    await clock.advance(100);
    meter.update(205);
    expect(currents()).toEqual([100]);
    meter.update(211);
    expect(currents()).toEqual([100, 211]);
  });

  test('the full bar always passes', () => {
    const { meter, currents } = open(1_000);
    meter.update(500);
    meter.update(1_000);
    expect(currents()).toEqual([500, 1_000]);
  });

  test('going back is told at once', () => {
    const { meter, currents } = open(1_000);
    meter.update(500);
    meter.update(0);
    meter.update(0);
    expect(currents()).toEqual([500, 0]);
  });

  test('a total that becomes known later counts from then on', () => {
    const { meter, records } = open();
    meter.update(500);
    meter.total = 600;
    meter.update(600);
    expect(records).toEqual([{ current: 600, total: 600, isLast: false }]);
  });

  test('the end always passes, once, and nothing after it', () => {
    const { meter, records } = open(1_000);
    meter.update(5);
    meter.end();
    meter.end();
    meter.update(900);
    meter.complete();
    expect(records).toEqual([{ current: 5, total: 1_000, isLast: true }]);
    expect(meter.current).toBe(5);
  });

  test.each<[string, number | undefined, number]>([
    ['fills the bar', 1_000, 1_000],
    ['ends where it is without a total', undefined, 5],
  ])('complete %s', (_, total, expected) => {
    const { meter, records } = open(total);
    meter.update(5);
    meter.complete();
    expect(records).toEqual([{ current: expected, total, isLast: true }]);
  });

  test('whatever the steps, the last record tells the last state and none repeats the one before', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.tuple(fc.nat(3_000), fc.nat(150))),
        async (total, steps) => {
          const { clock, meter, records } = open(total);
          let current = 0;
          for (const [bytes, ms] of steps) {
            current = Math.min(total, current + bytes);
            meter.update(current);
            await clock.advance(ms);
          }
          meter.end();
          expect(records.at(-1)).toEqual({ current, total, isLast: true });
          const told = records.slice(0, -1).map((record) => record.current);
          expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
        },
      ),
      { numRuns: 30 },
    ));
});
