import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonErrorAt } from './json-error.ts';

test.each([
  ['{"auths":\n  {', 13],
  ['{', 1],
  ['', 0],
  ['{"a":1,}', 7],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ["{'a':1}", 1],
  ['nope', 0],
  ['{"a":tru}', 5],
  ['{"a":01}', 6],
  ['{"a":"b\n"}', 5],
  ['{"a":"\\x"}', 5],
  ['{"a":"open', 5],
  ['{} {}', 3],
  ['{"a":[1}', 7],
  ['// comment', 0],
])('%j is no JSON from offset %d on', (text, offset) => {
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
  expect(jsonErrorAt(text)).toBe(offset);
});

test('what JSON.parse takes is read to its end; what is cut off is missing its end', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (text, cut) => {
      expect(jsonErrorAt(text)).toBe(text.length);
      const object = `{"k": [${text}, {}]}`;
      expect(jsonErrorAt(`${object}]`)).toBe(object.length);
      const part = object.slice(0, cut % object.length);
      expect(jsonErrorAt(part)).toBeLessThanOrEqual(part.length);
    }),
  );
});
