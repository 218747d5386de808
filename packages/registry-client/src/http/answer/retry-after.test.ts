import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

test.each([
  ['0', 0],
  ['60', 60_000],
  [' 5 ', 5_000],
  ['1.5', 1_500],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ['Thursday, 01-Jan-26 00:02:00 GMT', 120_000],
  ['Thu Jan  1 00:03:00 2026', 180_000],
  ['999999999999', 86_400_000],
  ['-1', undefined],
  ['+7', undefined],
  ['3;', undefined],
  ['4.', undefined],
  ['5, 6', undefined],
  ['30 s', undefined],
  ['2026-01-01T00:01:00Z', undefined],
  ['Thu, 01 Jan 2026 00:01:00 +0200', undefined],
  ['Jan 1 2026', undefined],
  ['', undefined],
  ['soon', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected);
});
