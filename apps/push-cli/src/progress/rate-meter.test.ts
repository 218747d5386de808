import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addSample, bytesPerSecond, type RateMeter } from './rate-meter.ts';

test('a steady counter has a steady rate', () => {
  const meter: RateMeter = { samples: [] };
  for (let second = 0; second <= 20; second += 1) addSample(meter, second * 1_000, second * 1_000);
  expect(bytesPerSecond(meter, 20_000)).toBeCloseTo(1_000);
});

test('only the last seconds count', () => {
  const meter: RateMeter = { samples: [] };
  for (let second = 0; second <= 10; second += 1) addSample(meter, second * 1_000_000, second * 1_000);
  for (let second = 11; second <= 20; second += 1) addSample(meter, 10_000_000, second * 1_000);
  expect(bytesPerSecond(meter, 20_000)).toBe(0);
});

test('nothing is told before there is something to tell', () => {
  const meter: RateMeter = { samples: [] };
  expect(bytesPerSecond(meter, 0)).toBeUndefined();
  addSample(meter, 0, 0);
  expect(bytesPerSecond(meter, 100)).toBeUndefined();
});

test('a counter that stands still comes to rest', () => {
  const meter: RateMeter = { samples: [] };
  addSample(meter, 0, 0);
  addSample(meter, 1_000_000, 1_000);
  expect(bytesPerSecond(meter, 30_000)).toBe(0);
});

test('an upload that begins again is measured afresh', () => {
  const meter: RateMeter = { samples: [] };
  addSample(meter, 0, 0);
  addSample(meter, 5_000_000, 1_000);
  addSample(meter, 0, 2_000);
  addSample(meter, 1_000, 3_000);
  expect(bytesPerSecond(meter, 3_000)).toBeCloseTo(1_000);
});

test('no rate is negative, and the memory of samples is bounded', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_000_000), fc.nat(500))), (steps) => {
      const meter: RateMeter = { samples: [] };
      let nowMs = 0;
      for (const [total, elapsedMs] of steps) {
        nowMs += elapsedMs;
        addSample(meter, total, nowMs);
        expect(bytesPerSecond(meter, nowMs) ?? 0).toBeGreaterThanOrEqual(0);
        expect(meter.samples.length).toBeLessThan(120);
      }
    }),
  ));
