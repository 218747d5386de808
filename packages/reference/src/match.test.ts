import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyReference } from '../test/any-reference.ts';
import { familiarString } from './familiar.ts';
import { matchReference } from './match.ts';
import { parseReference } from './parse-reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('matchReference', () => {
  test.each([
    // reference, pattern, matches
    ['foo', 'foo', true],
    ['foo:latest', 'foo', true],
    ['foo:latest', 'foo:latest', true],
    ['foo:latest', 'foo:*', true],
    ['foo:latest', 'foo:l?test', true],
    ['foo', 'foo:*', false],
    ['foo', 'f*', true],
    ['foo', '*', true],
    ['foo', '**', true],
    ['foo', 'fo', false],
    ['foo', 'oo', false],
    ['foo/bar', 'foo', false],
    ['foo/bar', '*', false],
    ['foo/bar', '**', false],
    ['foo/bar', 'foo/ba?', true],
    ['foo/bar', 'foo?bar', false],
    ['foo/bar', 'foo[^a]bar', true],
    ['foo/bar', 'foo/*', true],
    ['foo/bar', 'f*/*r', true],
    ['foo/bar', '*/*', true],
    ['foo/bar/baz', '*/*', false],
    ['foo/bar/baz', 'foo/**', false],
    ['foo/bar/baz', 'foo/*/baz', true],
    ['any/repo:v1.2.3', 'any/*:v[0-9].*', true],
    ['any/repo:v1.2.3', 'any/*:v[^0-9].*', false],
    ['any/repo:vx', 'any/*:v[^0-9]', true],
    ['docker.io/library/foo', 'foo', true],
    ['docker.io/library/foo', 'docker.io/library/foo', false],
    ['ghcr.io/foo/bar', 'ghcr.io/foo/*', true],
    ['ghcr.io/foo/bar', 'foo/*', false],
    [`foo@${digest}`, 'foo', true],
    [`foo@${digest}`, 'foo@*', true],
    ['foo', '[a-f]oo', true],
    ['foo', '[g-z]oo', false],
    ['foo', '[f]oo', true],
    ['foo', '[af]oo', true],
    ['foo', '\\foo', true],
    ['foo', '[\\f]oo', true],
    ['foo', '\\*', false],
    ['aab', '*ab', true],
    ['aaab', '*aab', true],
    ['abcabd', '*abd', true],
    ['abab', 'a*b*c', false],
    ['foo', '', false],
  ])('%s against %s: %s', (input, pattern, expected) => {
    expect(matchReference(pattern, parseReference(input))).toBe(expected);
  });

  test.each([
    ['[-x]'],
    ['[x-]'],
    ['['],
    ['[a'],
    ['[a-'],
    ['[]a]'],
    ['[^]'],
    ['[a-b-c]'],
    ['foo\\'],
    ['[\\'],
    ['zzz[-x]'],
  ])('the pattern %s is malformed, even where nothing before it matches', (pattern) => {
    expect(() => matchReference(pattern, parseReference('foo'))).toThrow(
      expect.objectContaining({
        code: 'ERR_REFERENCE_INVALID',
        rule: 'pattern',
        message: 'syntax error in pattern',
        input: pattern,
      }),
    );
  });

  test('many stars do not explode', () => {
    const reference = parseReference(`${'a'.repeat(200)}:${'a'.repeat(128)}`);
    expect(matchReference(`${'*a'.repeat(150)}*b`, reference)).toBe(false);
  });

  test('a reference matches itself, and itself with its last part starred', () => {
    fc.assert(
      fc.property(anyReference, (reference) => {
        const text = familiarString(reference);
        const pattern = text.replaceAll('[', '\\[');
        expect(matchReference(pattern, reference)).toBe(true);
        expect(matchReference(`${pattern.slice(0, pattern.lastIndexOf('/') + 1)}*`, reference)).toBe(true);
      }),
    );
  });
});
