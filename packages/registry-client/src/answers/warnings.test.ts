import { describe, expect, test } from 'vitest';
import { readWarnings } from './warnings.ts';

describe('readWarnings', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['none', [], []],
    ['one', ['299 - "Tags older than a year go on May 1"'], ['Tags older than a year go on May 1']],
    ['one on each line', ['299 - "a"', '299 - "b"'], ['a', 'b']],
    ['several on a line', ['299 - "a, b" , 299 - "c",299 - "299 - d"'], ['a, b', 'c', '299 - d']],
    ['the same twice', ['299 - "a", 299 - "a"', '299 - "a"'], ['a']],
    ['with a date', ['299 - "a" "Tue, 01 Dec 2026 10:00:00 GMT", 299 - "b"'], ['a', 'b']],
    ['with escapes', [String.raw`299 - "a \"quota\" of 5\\6 \G\B"`], ['a "quota" of 5\\6 GB']],
    ['in UTF-8', [Buffer.from('299 - "plus que 3 € à dépenser"').toString('latin1')], ['plus que 3 € à dépenser']],
    ['in Latin-1', ['299 - "trop tard, d\xe9j\xe0"'], ['trop tard, déjà']],
    ['with controls', ['299 - "\x1b[2J\x1b]0;title\x07 red\tgreen\x9b31m"'], ['[2J ]0;title red green 31m']],
    ['that turns its text round', [Buffer.from('299 - "a\u202eb"').toString('latin1')], ['ab']],
    ['of a cache', ['110 - "Response is Stale", 299 - "a", 199 - "b"'], ['a']],
    ['of somebody else', ['299 proxy.corp "a", 299 - "b"'], ['b']],
    ['without words', ['299 - "", 299 - "  "'], []],
    ['without quotes', ['299 - gone soon'], []],
    ['without an end', ['299 - "a", 299 - "gone so'], ['a']],
    ['with an escape for an end', ['299 - "a\\"'], []],
    ['with more behind it', ['299 - "a" or so, 299 - "b"'], []],
    ['that fits', [`299 - "${'x'.repeat(4_088)}"`], ['x'.repeat(4_088)]],
    ['that is too long', [`299 - "a", 299 - "${'x'.repeat(4_096)}"`, '299 - "b"'], ['a']],
  ])('%s', (_, lines, texts) => {
    expect(readWarnings(lines)).toEqual(texts);
  });
});
