import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paxRecord } from '../../test/handmade-tar.ts';
import { parsePaxRecords } from './pax-records.ts';

describe('parsePaxRecords', () => {
  test.each([
    ['no record', '', []],
    ['one record', '12 path=foo\n', [['path', 'foo']]],
    ['a value with a line break', paxRecord('comment', 'a\nb'), [['comment', 'a\nb']]],
    ['a value with an equals sign', paxRecord('path', 'a=b'), [['path', 'a=b']]],
    ['the later of two', paxRecord('path', 'a') + paxRecord('path', 'b'), [['path', 'b']]],
    ['an empty value, which takes the key back', paxRecord('path', 'a') + paxRecord('path', ''), []],
  ])('reads %s', (_, text, expected) => {
    expect([...parsePaxRecords(Buffer.from(text))!]).toEqual(expected);
  });

  test.each([
    ['no length', ' path=foo\n'],
    ['a length that is no number', 'x2 path=foo\n'],
    ['a length of 0', '0 path=foo\n'],
    ['a length with a leading zero', '012 path=foo\n'],
    ['a length beyond the end', '13 path=foo\n'],
    ['a length that is too short', '11 path=foo\n'],
    ['a length that ends before the key', '2 path=foo\n'],
    ['no space', '12'],
    ['no equals sign', '11 pathfoo\n'],
    ['no key', '8 =foo \n'],
    ['no line end', '12 path=fooo'],
    ['a zero byte in a path', paxRecord('path', 'a\0b')],
    ['a zero byte in a link', paxRecord('linkpath', 'a\0b')],
    ['a length of many digits', `${'9'.repeat(400)} path=foo\n`],
  ])('refuses %s', (_, text) => {
    expect(parsePaxRecords(Buffer.from(text))).toBeUndefined();
  });

  test('what was written is read, whatever the values hold', async () => {
    const key = fc.stringMatching(/^[a-zA-Z.]{1,20}$/).filter((text) => text !== 'path' && text !== 'linkpath');
    await fc.assert(
      fc.property(fc.dictionary(key, fc.string({ minLength: 1, unit: 'binary' })), (records) => {
        const text = Object.entries(records).map(([name, value]) => paxRecord(name, value));
        const expected = Object.entries(records);
        expect([...parsePaxRecords(Buffer.from(text.join('')))!]).toEqual(expected);
      }),
    );
  });

  test('arbitrary bytes never throw', async () => {
    await fc.assert(fc.property(fc.uint8Array(), (bytes) => void parsePaxRecords(Buffer.from(bytes))));
  });
});
