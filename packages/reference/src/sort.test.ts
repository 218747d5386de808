import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyReference } from '../test/any-reference.ts';
import { compareReferences, sortReferences } from './sort.ts';

const hex = 'ab'.repeat(32);
const digest = `sha256:${hex}`;

test('references are ranked by what they say, then bytewise in full; the unparsable come last', () => {
  const sorted = [
    `docker.io/library/b:1@${digest}`,
    'docker.io/library/b:1',
    'docker.io/library/b:2',
    'docker.io/me/a:1',
    `docker.io/library/a@${digest}`,
    'docker.io/library/a',
    'docker.io/library/c',
    'ghcr.io/a/b',
    digest,
    '',
    'A',
    'a//b',
    '\uffee',
    '\u{10000}',
  ];
  const typed = [
    '\u{10000}',
    '\uffee',
    'a//b',
    'c',
    'A',
    'b:2',
    hex,
    'ghcr.io/a/b',
    'me/a:1',
    `a@${digest}`,
    '',
    'a',
    `b:1@${digest}`,
    'b:1',
  ];
  expect(sortReferences(typed)).toEqual(sorted);
  expect(sortReferences(typed.reverse())).toEqual(sorted);
});

test('the order is total and antisymmetric', () => {
  fc.assert(
    fc.property(anyReference, anyReference, (a, b) => {
      expect(Math.sign(compareReferences(a, b))).toBe(0 - Math.sign(compareReferences(b, a)));
      expect(compareReferences(a, a)).toBe(0);
    }),
  );
});
