import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayWidth, printable, trimToWidth } from './printable.ts';

test.each([
  ['an escape sequence cannot move the cursor', '\u001b[2Jgone', '?[2Jgone'],
  ['a line end cannot forge a line', 'a\r\nslipway: pushed', 'a slipway: pushed'],
  ['an override of direction cannot turn text round', 'a\u202eb', 'a?b'],
  ['plain text stays', 'naïve — 日本 · …', 'naïve — 日本 · …'],
])('%s', (_, text, safe) => {
  expect(printable(text)).toBe(safe);
});

test.each([
  ['short', 10, 'short'],
  ['exactly', 7, 'exactly'],
  ['too long', 7, 'too lo…'],
  ['日本語', 4, '日…'],
  ['x', 0, ''],
])('%s in %d columns is %s', (text, columns, trimmed) => {
  expect(trimToWidth(text, columns)).toBe(trimmed);
});

test('trimmed text is never wider than its room', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, columns) => {
      expect(displayWidth(trimToWidth(text, columns))).toBeLessThanOrEqual(columns);
    }),
  ));
