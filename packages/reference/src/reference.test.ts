import type { Digest } from '@slipway/digest-value';
import { expect, test } from 'vitest';
import { familiarName } from './familiar.ts';
import { parseRepositoryName } from './grammar.ts';
import { parseReference } from './parse-reference.ts';
import { formatReference, isNameOnly, nameOnly } from './reference.ts';
import { withDefaultTag, withDigest, withTag } from './with-tag.ts';

const digest = `sha256:${'ab'.repeat(32)}` as Digest;

test.each([
  ['a', true],
  ['a:b', false],
  [`a@${digest}`, false],
  [`a:b@${digest}`, false],
])('%s is only a name: %s', (input, expected) => {
  expect(isNameOnly(parseReference(input))).toBe(expected);
});

test.each([
  ['a', 'docker.io/library/a:v1'],
  ['a:b', 'docker.io/library/a:v1'],
  [`a@${digest}`, `docker.io/library/a:v1@${digest}`],
])('%s gets a tag', (input, expected) => {
  const reference = withTag(parseReference(input), 'v1');
  expect(formatReference(reference)).toBe(expected);
  expect(reference).toSatisfy(Object.isFrozen);
});

test.each([[''], ['-v1'], ['.v1'], ['a:b'], ['t'.repeat(129)], ['v1\n']])('%j is refused as a tag', (tag) => {
  expect(() => withTag(parseReference('a'), tag)).toThrow(
    expect.objectContaining({ code: 'ERR_REFERENCE_INVALID', rule: 'tag', message: 'invalid tag format', input: tag }),
  );
});

test.each([
  ['a', `docker.io/library/a@${digest}`],
  ['a:b', `docker.io/library/a:b@${digest}`],
  [`a@sha256:${'0'.repeat(64)}`, `docker.io/library/a@${digest}`],
])('%s gets a digest', (input, expected) => {
  expect(formatReference(withDigest(parseReference(input), digest))).toBe(expected);
});

test('a digest is checked by the grammar of references alone', () => {
  const odd = `sha256:${'a'.repeat(37)}` as Digest;
  expect(withDigest(parseReference('a'), odd).digest).toBe(odd);
  expect(() => withDigest(parseReference('a'), 'sha256:beef' as Digest)).toThrow(
    expect.objectContaining({ rule: 'digest', message: 'invalid digest format' }),
  );
});

test.each([
  ['a', 'docker.io/library/a:latest'],
  ['a:b', 'docker.io/library/a:b'],
  [`a@${digest}`, `docker.io/library/a@${digest}`],
])('%s with the default tag is %s', (input, expected) => {
  expect(formatReference(withDefaultTag(parseReference(input)))).toBe(expected);
});

test('the name alone has neither tag nor digest', () => {
  expect(nameOnly(parseReference(`a:b@${digest}`))).toEqual(parseReference('a'));
});

test('a name without a registry is written without one', () => {
  expect(formatReference(parseRepositoryName('a'))).toBe('a');
  expect(familiarName(parseRepositoryName('a'))).toBe('a');
});
