import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidReferenceError } from './errors.ts';
import {
  hasDigestForm,
  isIdentifier,
  isRegistryName,
  isTag,
  parseGrammar,
  parseRepositoryName,
  toLowerCase,
} from './grammar.ts';
import { formatReference } from './reference.ts';

const hex = 'a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4';
const digest = `sha256:${hex}`;
const digest512 = `sha512:${hex}${hex}`;

describe('parseGrammar', () => {
  test.each([
    // input, registry, repository, tag, digest
    ['test_com', '', 'test_com'],
    ['test.com:tag', '', 'test.com', 'tag'],
    ['test.com:5000', '', 'test.com', '5000'],
    ['test.com/repo:tag', 'test.com', 'repo', 'tag'],
    ['test:5000/repo', 'test:5000', 'repo'],
    ['test:5000/repo:tag', 'test:5000', 'repo', 'tag'],
    [`test:5000/repo@${digest}`, 'test:5000', 'repo', undefined, digest],
    [`test:5000/repo:tag@${digest}`, 'test:5000', 'repo', 'tag', digest],
    [`repo@${digest512}`, '', 'repo', undefined, digest512],
    ['foo/bar', 'foo', 'bar'],
    ['Foo/bar', 'Foo', 'bar'],
    ['foo_bar.com:8080', '', 'foo_bar.com', '8080'],
    ['test_com/foo', '', 'test_com/foo'],
    ['foo/foo_bar.com:8080', 'foo', 'foo_bar.com', '8080'],
    ['sub-dom1.foo.com/bar/baz/quux', 'sub-dom1.foo.com', 'bar/baz/quux'],
    ['sub-dom1.foo.com/bar/baz/quux:some-long-tag', 'sub-dom1.foo.com', 'bar/baz/quux', 'some-long-tag'],
    ['b.gcr.io/test.example.com/my-app:test.example.com', 'b.gcr.io', 'test.example.com/my-app', 'test.example.com'],
    ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com', 'myimage', 'xn--n3h.com'],
    [`xn--7o8h.com/myimage:xn--7o8h.com@${digest512}`, 'xn--7o8h.com', 'myimage', 'xn--7o8h.com', digest512],
    ['192.168.1.1', '', '192.168.1.1'],
    ['192.168.1.1:tag', '', '192.168.1.1', 'tag'],
    ['192.168.1.1:5000', '', '192.168.1.1', '5000'],
    ['192.168.1.1/repo', '192.168.1.1', 'repo'],
    ['192.168.1.1:5000/repo:5050', '192.168.1.1:5000', 'repo', '5050'],
    ['[2001:db8::1]/repo', '[2001:db8::1]', 'repo'],
    ['[2001:db8:1:2:3:4:5:6]/repo:tag', '[2001:db8:1:2:3:4:5:6]', 'repo', 'tag'],
    ['[2001:db8::1]:5000/repo', '[2001:db8::1]:5000', 'repo'],
    [`[2001:db8::1]:5000/repo:tag@${digest}`, '[2001:db8::1]:5000', 'repo', 'tag', digest],
    ['[2001:db8::]:5000/repo', '[2001:db8::]:5000', 'repo'],
    ['[::1]:5000/repo', '[::1]:5000', 'repo'],
    ['[fE80::A]/repo', '[fE80::A]', 'repo'],
    ['[:::::]/its-validity-is-not-checked', '[:::::]', 'its-validity-is-not-checked'],
    ['host:99999999999999999999/repo', 'host:99999999999999999999', 'repo'],
    ['a__b/c', '', 'a__b/c'],
    ['host/a.b_c__d-e--f---g', 'host', 'a.b_c__d-e--f---g'],
    ['host/0/1:_', 'host', '0/1', '_'],
    [`a/b:${'t'.repeat(128)}`, 'a', 'b', 't'.repeat(128)],
    [`a/${'a/'.repeat(127)}a`, 'a', `${'a/'.repeat(127)}a`],
    [`${'a'.repeat(300)}.example/b`, `${'a'.repeat(300)}.example`, 'b'],
  ])('%s is taken apart', (input, registry, repository, tag?: string, wanted?: string) => {
    const reference = parseGrammar(input);
    expect(reference).toEqual({ registry, repository, tag, digest: wanted });
    expect(reference).toSatisfy(Object.isFrozen);
    expect(formatReference(reference)).toBe(input);
  });

  const format = 'invalid reference format';
  const lower = 'repository name must be lowercase';
  test.each([
    ['', 'empty', 'repository name must have at least one component'],
    [':justtag', 'format', format],
    [`@${digest}`, 'format', format],
    ['repo@sha256:ffffffffffffffffffffffffffffff', 'format', format],
    [`repo@${digest}@${digest}`, 'format', format],
    [`validname@invaliddigest:${'f'.repeat(128)}`, 'digest', 'unsupported digest algorithm'],
    [`repo@sha256:${'f'.repeat(65)}`, 'digest', 'invalid checksum digest length'],
    [`repo@sha256:${'F'.repeat(64)}`, 'digest', 'invalid checksum digest format'],
    ['Uppercase:tag', 'uppercase', lower],
    ['test:5000/Uppercase/lowercase:tag', 'uppercase', lower],
    ['\u0130/a', 'uppercase', lower],
    ['Foo/bar/Baz', 'uppercase', lower],
    ['lowercase:Uppercase/x', 'format', format],
    [`${'a/'.repeat(129)}a:tag`, 'length', 'repository name must not be more than 255 characters'],
    ['aa/asdf$$^/aa', 'format', format],
    ['-foo/bar', 'format', format],
    ['foo-/bar', 'format', format],
    ['foo/bar-', 'format', format],
    ['foo/-bar', 'format', format],
    ['foo//bar', 'format', format],
    ['/foo', 'format', format],
    ['foo/', 'format', format],
    ['foo/bar/', 'format', format],
    ['foo/a..b', 'format', format],
    ['foo/a___b', 'format', format],
    ['foo/a_.b', 'format', format],
    ['foo/a-.b', 'format', format],
    ['foo/a._b', 'format', format],
    ['foo:', 'format', format],
    ['foo@', 'format', format],
    ['foo:tag:tag', 'format', format],
    ['foo:.tag', 'format', format],
    ['foo:-tag', 'format', format],
    [`foo:${'t'.repeat(129)}`, 'format', format],
    ['foo bar', 'format', format],
    [' foo', 'format', format],
    ['foo\n', 'format', format],
    ['föö', 'format', format],
    ['foo..com/bar', 'format', format],
    ['.foo.com/bar', 'format', format],
    ['foo.com./bar', 'format', format],
    ['foo:port/bar', 'format', format],
    ['foo:/bar', 'format', format],
    ['[fe80::1%eth0]:5000/repo', 'format', format],
    ['[fe80::1%@invalidzone]:5000/repo', 'format', format],
    ['[2001:db8::1', 'format', format],
    ['[2001:db8::1]', 'format', format],
    ['[2001:db8::1]:tag', 'format', format],
    ['[]/repo', 'format', format],
    ['[::ffff:1.2.3.4]/repo', 'format', format],
    ['[::1]x/repo', 'format', format],
    ['a[::1]/repo', 'format', format],
    ['2001:db8:1:2:3:4:5:6/repo', 'format', format],
    ['https://github.com/docker/docker', 'format', format],
  ])('%s is refused: %s', (input, rule, message) => {
    const refused = expect.objectContaining({
      code: 'ERR_REFERENCE_INVALID',
      rule,
      input,
      message,
    });
    expect(() => parseGrammar(input)).toThrow(InvalidReferenceError);
    expect(() => parseGrammar(input)).toThrow(refused);
  });

  test('a refused digest keeps the reason as its cause', () => {
    expect(() => parseGrammar('a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: 'ERR_DIGEST_INVALID' }) }),
    );
  });

  const mega = 1024 * 1024;
  test.each([
    ['a'],
    ['A'],
    ['-'],
    ['.'],
    ['_'],
    ['a-'],
    ['a.'],
    ['a_'],
    ['a/'],
    ['/'],
    [':'],
    ['@'],
    ['['],
    ['[:'],
    ['a:'],
    ['a@'],
    ['0'],
    ['a--'],
    ['a__/'],
    ['é'],
    ['\u0130'],
    ['a.b-c_d/'],
    ['\ud800'],
  ])('a mebibyte of %j is answered', (unit) => {
    const hostile = unit.repeat(mega / unit.length);
    for (const input of [
      hostile,
      `${hostile}$`,
      `a/${hostile}`,
      `a:${hostile}`,
      `a@${hostile}:${hostile}`,
      `[${hostile}]/a`,
    ]) {
      let outcome: unknown;
      try {
        outcome = parseGrammar(input).repository;
      } catch (error) {
        outcome = error;
      }
      expect(typeof outcome === 'string' || outcome instanceof InvalidReferenceError).toBe(true);
    }
  });

  test('agrees with the grammar written as an expression', () => {
    const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
    const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
    const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
    const expression = new RegExp(
      `^(?:(${domain})/)?(${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@(${'[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}'}))?$`,
    );
    const pieces = fc.constantFrom(
      'a',
      'b1',
      'Z',
      '.',
      '_',
      '__',
      '-',
      '/',
      ':',
      '@',
      '[',
      ']',
      '80',
      '::1',
      digest,
      '\n',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
        const input = parts.join('');
        const match = expression.exec(input);
        if (match === null || (match[4] !== undefined && match[4] !== digest)) {
          expect(() => parseGrammar(input)).toThrow(InvalidReferenceError);
        } else {
          const [, registry = '', repository, tag, found] = match;
          expect(parseGrammar(input)).toEqual({ registry, repository, tag, digest: found });
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

test.each<[string, boolean]>([
  ['docker.io', true],
  ['localhost:5000', true],
  ['Registry', true],
  ['[::1]', true],
  ['[2001:db8::1]:443', true],
  ['a--b', true],
  ['', false],
  ['-a', false],
  ['a-.b', false],
  ['a_b', false],
  ['a:', false],
  ['a:b', false],
  ['::1', false],
  ['[::g]', false],
  ['a/b', false],
])('%j is a registry: %s', (text, expected) => {
  expect(isRegistryName(text)).toBe(expected);
});

describe('parseRepositoryName', () => {
  test.each([
    ['foo', '', 'foo'],
    ['foo/bar', 'foo', 'bar'],
    ['test.com/foo/bar', 'test.com', 'foo/bar'],
    ['localhost:8080/foo', 'localhost:8080', 'foo'],
    ['Foo/bar', 'Foo', 'bar'],
    [`${'a/'.repeat(64)}a`, 'a', `${'a/'.repeat(63)}a`],
  ])('%s is a name', (input, registry, repository) => {
    expect(parseRepositoryName(input)).toEqual({ registry, repository, tag: undefined, digest: undefined });
  });

  test.each([
    ['', 'format'],
    ['foo:tag', 'format'],
    [`foo@${digest}`, 'format'],
    ['FOO', 'format'],
    ['test.com:5000', 'format'],
    ['a//b', 'format'],
    [`a/${'a'.repeat(256)}`, 'length'],
  ])('%s is no name: %s', (input, rule) => {
    expect(() => parseRepositoryName(input)).toThrow(expect.objectContaining({ rule }));
  });
});

test.each([
  ['v1', true],
  ['_', true],
  ['A.b-C_', true],
  ['t'.repeat(128), true],
  ['t'.repeat(129), false],
  ['', false],
  ['-a', false],
  ['.a', false],
  ['a/b', false],
  ['a:b', false],
  ['a\n', false],
  ['ä', false],
])('%j as a tag: %s', (text, expected) => {
  expect(isTag(text)).toBe(expected);
});

test.each([
  [digest, true],
  [`tarsum.v1+sha256:${hex}`, true],
  [`sha256:${'F'.repeat(32)}`, true],
  [`sha256:${'f'.repeat(37)}`, true],
  [`sha256:${'f'.repeat(31)}`, false],
  [`sha256+b64u:${'g'.repeat(32)}`, false],
  [`1sha:${hex}`, false],
  [`sha+:${hex}`, false],
  [`sha.2:${hex}`, false],
  [`:${hex}`, false],
  [hex, false],
])('%s in the form of a digest: %s', (text, expected) => {
  expect(hasDigestForm(text)).toBe(expected);
});

test.each([
  [hex, true],
  [hex.toUpperCase(), false],
  [hex.slice(1), false],
  [`${hex}0`, false],
  [`${hex}\n`, false],
])('%j as an identifier: %s', (text, expected) => {
  expect(isIdentifier(text)).toBe(expected);
});

test('lower case is made character by character', () => {
  expect(toLowerCase('AÉ\u0130')).toBe('aéi');
});
