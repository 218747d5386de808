import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLine, keyIn, lineName, nameIn, parseLine, timeOf } from './record-line.ts';

const anyKey = fc.string({ unit: 'grapheme', minLength: 1 });
const anyValue = fc.uint8Array({ maxLength: 200 });
const anyTime = fc.integer({ min: 0, max: 5e12 });

describe('a line', () => {
  test('says what was written, whatever the key and the bytes, and has one line feed', () => {
    fc.assert(
      fc.property(anyKey, anyValue, anyTime, (key, value, timeMs) => {
        const name = lineName('space', key);
        const line = formatLine(name, value, timeMs);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const bytes = line.subarray(0, -1);
        expect(parseLine(bytes)).toEqual({ name, value });
        expect([nameIn(bytes), timeOf(bytes)]).toEqual([name, timeMs]);
      }),
    );
  });

  test('has a name that leads back to its key', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\\', '\n', '\t', 'n', 't', ' ', '/')), (parts) => {
        expect(keyIn(lineName('space', parts.join('')))).toBe(parts.join(''));
      }),
    );
  });

  test('says that a record was deleted', () => {
    const bytes = formatLine('space key', undefined, 5).subarray(0, -1);
    expect(parseLine(bytes)).toEqual({ name: 'space key', value: undefined });
  });

  test('of which any byte is another one, or is missing, is no record', () => {
    const whole = formatLine('space key', new TextEncoder().encode('value'), 1_700_000_000_000).subarray(0, -1);
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(parseLine(damaged)).toBeUndefined();
      expect(parseLine(whole.subarray(0, at))).toBeUndefined();
    }
  });
});
