import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeJSONError } from './go-json-error.ts';

describe('describeJSONError', () => {
  test.each([
    ['', 'unexpected end of JSON input'],
    ['  \n', 'unexpected end of JSON input'],
    ['{"errors":[', 'unexpected end of JSON input'],
    ['{"a"', 'unexpected end of JSON input'],
    ['"abc', 'unexpected end of JSON input'],
    ['tru', 'unexpected end of JSON input'],
    ['<html>', "invalid character '<' looking for beginning of value"],
    ['not json', "invalid character 'o' in literal null (expecting 'u')"],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
    ['é', "invalid character 'Ã' looking for beginning of value"],
    ['01', "invalid character '1' after top-level value"],
  ])('%j: %s', (text, expected) => {
    expect(describeJSONError(text)).toBe(expected);
  });

  test('every text that does not parse has a reason, however deep it nests', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u0159etrfalsn.-+ ') }),
      fc.json().map((json) => json.slice(0, -1)),
      fc.nat({ max: 60_000 }).map((depth) => '['.repeat(depth)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(describeJSONError(text)).toMatch(/^(?:unexpected end of JSON input$|invalid character ')/);
      }),
    );
  });

  test('it ends early exactly where the parser ends early', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'{}[]:,"1a ') }).filter((text) => {
      try {
        JSON.parse(text);
        return false;
      } catch {
        return true;
      }
    });
    fc.assert(
      fc.property(texts, (text) => {
        const isPrefix = describeJSONError(text) === 'unexpected end of JSON input';
        const completions = ['', '"', '1', '1}', '"":1}', ':1}', '}', ']', '":1}', '":1'];
        if (completions.some((end) => canParse(text + end))) expect(isPrefix).toBe(true);
      }),
    );
  });
});

function canParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
