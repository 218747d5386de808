import { expect, test } from 'vitest';
import { formatDuration, formatSeconds } from './duration.ts';

test.each([
  [0, '0.00 s'],
  [-5, '0.00 s'],
  [213, '0.21 s'],
  [999, '1.0 s'],
  [3_440, '3.4 s'],
  [9_960, '10 s'],
  [61_000, '1 min 1 s'],
])('%d ms take %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test.each([
  [0, '0 s'],
  [8.4, '8 s'],
  [59.6, '1 min'],
  [80, '1 min 20 s'],
  [3_600, '1 h'],
  [7_380, '2 h 3 min'],
])('%d seconds are left as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
