import { digestBytes } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textBytes } from '../../test/setup.ts';
import { RunningHash } from './running-hash.ts';

const bytes = textBytes(3, 40_000);

describe('RunningHash', () => {
  test('is the digest of what it has seen, however it is cut, wherever it went back to', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5000 })), { maxLength: 60 }),
        fc.integer({ min: 1, max: 300 }),
        (steps, spacing) => {
          const hash = new RunningHash('sha256', spacing);
          for (const [isBack, count] of steps) {
            const before = hash.position;
            if (isBack) hash.rewind(Math.max(0, before - count));
            else hash.update(bytes.subarray(before, before + count));
            if (isBack) expect(hash.position).toBeLessThanOrEqual(Math.max(0, before - count));
            expect(hash.digest()).toBe(digestBytes(bytes.subarray(0, hash.position)));
          }
        },
      ),
    ));

  test('goes back no further than a thirty-second of what it has seen', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 39_999 }), fc.integer({ min: 1, max: 39_999 }), (seen, back) => {
        const hash = new RunningHash('sha256', 100);
        hash.update(bytes.subarray(0, seen));
        const to = Math.min(seen, back);
        hash.rewind(to);
        expect(to - hash.position).toBeLessThanOrEqual(Math.max(100, seen / 32));
      }),
    ));

  test.each(['sha256', 'sha384', 'sha512'] as const)('of %s', (algorithm) => {
    const hash = new RunningHash(algorithm);
    hash.update(bytes);
    expect(hash.digest()).toBe(digestBytes(bytes, algorithm));
  });
});
