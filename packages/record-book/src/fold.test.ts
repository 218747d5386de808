import { expect, test } from 'vitest';
import { foldRecords } from './fold.ts';
import { formatLine, keyIn, parseLine, type RecordLine } from './record-line.ts';

const noLimits = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

/** A line written `a/x 5`: its name, and when it was written; `a/x -` was deleted. */
function lineOf(text: string): RecordLine {
  const [path = '', time = ''] = text.split(' ');
  const name = path.replace('/', ' ');
  const value = time === '-' ? undefined : new TextEncoder().encode(time);
  return { name, value, bytes: formatLine(name, value, Number(time) || 0) };
}

function fold(book: readonly string[], newer: readonly string[], limits = noLimits): readonly string[] {
  const lines = book.map((text) => lineOf(text).bytes);
  const records = new Map(newer.map(lineOf).map((line) => [line.name, line]));
  return foldRecords(lines, records, limits).map((line) => {
    const { name, value } = parseLine(line.subarray(0, -1)) ?? { name: 'damaged', value: undefined };
    return `${name.split(' ')[0]}/${keyIn(name)} ${new TextDecoder().decode(value)}`;
  });
}

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ['nothing of nothing', [], [], []],
  ['the first', [], ['a/y 1', 'a/x 2'], ['a/x 2', 'a/y 1']],
  [
    'before, between and behind',
    ['a/k 1', 'a/m 2'],
    ['b/a 5', 'a/l 4', 'a/a 3'],
    ['a/a 3', 'a/k 1', 'a/l 4', 'a/m 2', 'b/a 5'],
  ],
  ['in place of the older', ['a/k 1', 'a/m 2'], ['a/k 3'], ['a/k 3', 'a/m 2']],
  ['what was deleted goes', ['a/k 1', 'a/m 2'], ['a/m -', 'a/n -'], ['a/k 1']],
  ['one that begins as another does', ['a/k 1', 'a/kk 2'], ['a/k -', 'a/kkk 3'], ['a/kk 2', 'a/kkk 3']],
  ['what is out of order in a damaged book goes', ['a/k 1', 'a/a 2', 'a/m 3'], ['a/b 4'], ['a/b 4', 'a/k 1', 'a/m 3']],
])('%s', (_rule, book, newer, expected) => {
  expect(fold(book, newer)).toEqual(expected);
});

test('of each kind the newest stay, wherever they lie', () => {
  const book = ['a/k 5', 'a/l 1', 'a/m 4', 'b/x 1'];
  expect(fold(book, ['a/n 3'], { ...noLimits, maxEntries: 2 })).toEqual(['a/k 5', 'a/m 4', 'b/x 1']);
});

test('of all kinds together the newest stay that there is room for', () => {
  const room = 2 * lineOf('a/k 5').bytes.length;
  expect(fold(['a/k 5', 'a/l 1', 'b/m 4'], ['c/x 3'], { ...noLimits, maxBytes: room })).toEqual(['a/k 5', 'b/m 4']);
});

test('a damaged line is left out', () => {
  const [good, bad] = [lineOf('a/k 1').bytes, Buffer.from(lineOf('a/l 1').bytes)];
  bad[bad.length - 2] = 0x21;
  expect(foldRecords([good, bad], new Map(), noLimits)).toEqual([good]);
});
