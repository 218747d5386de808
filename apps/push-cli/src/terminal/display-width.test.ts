import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayWidth, trimToWidth } from './display-width.ts';

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
