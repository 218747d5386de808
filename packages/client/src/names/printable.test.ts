import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test.each([
  ['an escape sequence cannot move the cursor', '\u001b[2Jgone', '?[2Jgone'],
  ['a line end cannot forge a line', 'a\r\nslipway: pushed', 'a slipway: pushed'],
  ['an override of direction cannot turn text round', 'a\u202eb', 'a?b'],
  [
    'marks and isolates of direction, and a mark of byte order, are told',
    '\u2066a\u2069 \u200fb\ufeff\u0085',
    '?a? ?b??',
  ],
  ['plain text stays', 'naïve — 日本 · … 🙂', 'naïve — 日本 · … 🙂'],
])('%s', (_, text, safe) => {
  expect(printable(text)).toBe(safe);
});
