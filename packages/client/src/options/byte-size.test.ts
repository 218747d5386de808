import { describe, expect, test } from 'vitest';
import { formatByteSize, parseByteSize } from './byte-size.ts';

describe('parseByteSize', () => {
  test.each([
    ['64', 64],
    ['500k', 500_000],
    ['500K', 500_000],
    ['1.5MB', 1_500_000],
    ['2MiB', 2_097_152],
    ['2Mi', 2_097_152],
    ['1 GB', 1_000_000_000],
    ['10MB/s', 10_000_000],
    ['1TiB', 1_099_511_627_776],
  ])('%s is an amount', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  test.each(['', 'k', '-1', '1e6', '12 parsecs', '1.2.3M', '1ib', '0x10', '9999999999999999T', '1 k b'])(
    '%j is none',
    (text) => {
      expect(parseByteSize(text)).toBeUndefined();
    },
  );
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [1_234, '1.23 kB'],
  [9_999, '10 kB'],
  [12_345, '12.3 kB'],
  [99_960, '100 kB'],
  [999_499, '999 kB'],
  [999_999, '1 MB'],
  [120_000_000, '120 MB'],
  [1_500_000_000, '1.5 GB'],
  [2e18, '2000 PB'],
  [Number.NaN, '? B'],
  [-1, '? B'],
])('%d bytes are written %s', (bytes, text) => {
  expect(formatByteSize(bytes)).toBe(text);
});
