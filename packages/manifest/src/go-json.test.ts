import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeGoJSON, rawJSON, sortedMap } from './go-json.ts';

describe('encodeGoJSON', () => {
  test.each<[string, unknown, string]>([
    ['an empty text', '', '""'],
    ['HTML', '<a href="x">&amp;</a>', '"\\u003ca href=\\"x\\"\\u003e\\u0026amp;\\u003c/a\\u003e"'],
    ['line separators', 'a\u2028b\u2029c', '"a\\u2028b\\u2029c"'],
    ['the three short escapes', '\n\r\t', '"\\n\\r\\t"'],
    ['other control characters', '\b\f\u0000\u001b\u001f', '"\\u0008\\u000c\\u0000\\u001b\\u001f"'],
    ['a backslash before a letter', '\\b\\f\\', '"\\\\b\\\\f\\\\"'],
    ['a slash and DEL', '/\u007f', '"/\u007f"'],
    [
      'an author as umoci (Go) wrote it',
      '<&>\b\f\u0001\u001f\u007f\u2028é"/\\🚢',
      '"\\u003c\\u0026\\u003e\\u0008\\u000c\\u0001\\u001f\u007f\\u2028é\\"/\\\\🚢"',
    ],
    ['other scripts', 'é漢🚢', '"é漢🚢"'],
    ['a lone surrogate', 'a\ud800b\udc00', '"a\ufffdb\ufffd"'],
    ['numbers', [0, 1, -1, 9007199254740991, 1.5, 1e21], '[0,1,-1,9007199254740991,1.5,1e+21]'],
    ['a bigint', 18446744073709551615n, '18446744073709551615'],
    ['literals', [true, false, null, undefined], '[true,false,null,null]'],
    ['an empty list', [], '[]'],
    ['an empty object', {}, '{}'],
    ['undefined members', { a: undefined, b: null }, '{"b":null}'],
    ['keys in order of insertion', { b: 1, a: 2 }, '{"b":1,"a":2}'],
    [
      'a map, whose keys may be numbers',
      new Map([
        ['b', 1],
        ['10', 2],
        ['9', 3],
      ]),
      '{"b":1,"10":2,"9":3}',
    ],
    ['keys that need escapes', { '<': 1 }, '{"\\u003c":1}'],
    ['raw JSON', { a: rawJSON(' { "z" : 1.0 , "a" : [ 1e2 , "x  y" ] } ') }, '{"a":{"z":1.0,"a":[1e2,"x  y"]}}'],
    ['raw JSON with HTML', rawJSON('"<\u2028\\u003c"'), '"\\u003c\\u2028\\u003c"'],
    ['raw JSON with quotes', rawJSON('{"a\\"b , c" : "\\\\" , "d" : " " }'), '{"a\\"b , c":"\\\\","d":" "}'],
    [
      'raw JSON with a number no double can hold',
      rawJSON('123456789012345678901234567890'),
      '123456789012345678901234567890',
    ],
    ['raw JSON with equal keys', rawJSON('{"a":1,"a":2}'), '{"a":1,"a":2}'],
  ])('%s', (_name, value, expected) => {
    expect(encodeGoJSON(value)).toBe(expected);
  });

  test('HTML escapes can be switched off, those of line separators cannot', () => {
    expect(encodeGoJSON('<&>\u2028', { escapeHTML: false })).toBe('"<&>\\u2028"');
    expect(encodeGoJSON(rawJSON('["<"]'), { escapeHTML: false })).toBe('["<"]');
  });

  test('three spaces a level, nothing inside what is empty, no final newline', () => {
    const value = { a: [], b: {}, c: [1, { d: '{,:[]}"' }], e: rawJSON('{"f":[[]]}') };
    expect(encodeGoJSON(value, { indent: '   ' })).toBe(
      [
        '{',
        '   "a": [],',
        '   "b": {},',
        '   "c": [',
        '      1,',
        '      {',
        '         "d": "{,:[]}\\""',
        '      }',
        '   ],',
        '   "e": {',
        '      "f": [',
        '         []',
        '      ]',
        '   }',
        '}',
      ].join('\n'),
    );
  });

  test.each([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [() => 1],
    [Symbol('s')],
    [new Date(0)],
    [new Set()],
    [new Uint8Array(1)],
  ])('%s is refused', (value) => {
    expect(() => encodeGoJSON([value])).toThrow(TypeError);
  });

  test('a text of mebibytes is encoded and embedded', () => {
    const text = '\\"<'.repeat(1024 * 1024);
    const encoded = encodeGoJSON(text);
    expect(JSON.parse(encodeGoJSON(rawJSON(encoded), { indent: ' ' }))).toBe(text);
  });

  test('what is not JSON cannot be embedded', () => {
    expect(() => rawJSON('{"a":}')).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  test('what is encoded reads back the same, compact, indented or embedded', () => {
    const json = fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown);
    fc.assert(
      fc.property(json, (value) => {
        const compact = encodeGoJSON(value);
        expect(JSON.parse(compact)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(encodeGoJSON(value, { indent: '   ' }))).toEqual(JSON.parse(compact));
        expect(encodeGoJSON(rawJSON(JSON.stringify(value, undefined, 2)))).toBe(
          encodeGoJSON(rawJSON(JSON.stringify(value))),
        );
        expect(encodeGoJSON(rawJSON(encodeGoJSON(value, { indent: '\t' })))).toBe(compact);
      }),
    );
  });

  test('indentation is that of JSON.stringify', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text) as unknown;
        const plain = JSON.stringify(value, undefined, 3);
        if (/[<>&\u2028\u2029]|\\[bf]|\\ud/.test(plain)) return;
        expect(encodeGoJSON(value, { indent: '   ' })).toBe(plain);
      }),
    );
  });
});

test('a sorted map has the order of UTF-8 bytes', () => {
  const map = sortedMap({ b: 1, '\u{10000}': 2, '\uffee': 3, 10: 4, 9: 5, a: 6, ab: 7, A: 8 });
  expect([...map.keys()]).toEqual(['10', '9', 'A', 'a', 'ab', 'b', '\uffee', '\u{10000}']);
});
