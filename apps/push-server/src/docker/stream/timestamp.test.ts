import { expect, test } from 'vitest';
import { parseTimestamp } from './timestamp.ts';

const now = 1_700_000_000_000;

test.each([
  ['1700000000', 1_700_000_000_000_000_000n],
  ['1700000000.5', 1_700_000_000_500_000_000n],
  ['1700000000.000000001', 1_700_000_000_000_000_001n],
  ['0s', 1_700_000_000_000_000_000n],
  ['10m', 1_699_999_400_000_000_000n],
  ['1h30m', 1_699_994_600_000_000_000n],
  ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
])('%s', (text, nanoseconds) => {
  expect(parseTimestamp(text, now)).toBe(nanoseconds);
});

test.each(['', 'soon', '10', '-', '1h x', '9'.repeat(40), '1.2.3', '2023-99-99'])('%j is a time or refused', (text) => {
  if (text === '10') expect(parseTimestamp(text, now)).toBe(10_000_000_000n);
  else expect(() => parseTimestamp(text, now)).toThrow(expect.objectContaining({ status: 400 }));
});
