import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyReference } from '../test/any-reference.ts';
import { familiarName, familiarString } from './familiar.ts';
import { parseGrammar } from './grammar.ts';
import { parseAnyReference, parseCanonicalName, parseDockerReference, parseReference } from './parse-reference.ts';
import { canonicalName, defaultRegistry, formatReference } from './reference.ts';

const hex = 'dbcc1c35ac38df41fd2f5e4130b32ffdb93ebae8b3dbe638c23575912276fc9c';
const digest = `sha256:${hex}`;

describe('parseReference', () => {
  test.each([
    // what the user types, familiar name, canonical name
    ['alpine', 'alpine', 'docker.io/library/alpine'],
    ['library/alpine', 'alpine', 'docker.io/library/alpine'],
    ['docker.io/alpine', 'alpine', 'docker.io/library/alpine'],
    ['docker.io/library/alpine', 'alpine', 'docker.io/library/alpine'],
    ['index.docker.io/alpine', 'alpine', 'docker.io/library/alpine'],
    ['index.docker.io/library/alpine', 'alpine', 'docker.io/library/alpine'],
    ['index.docker.io/me/app', 'me/app', 'docker.io/me/app'],
    ['me/app', 'me/app', 'docker.io/me/app'],
    ['docker/docker', 'docker/docker', 'docker.io/docker/docker'],
    ['library/debian', 'debian', 'docker.io/library/debian'],
    ['docker.io/library/foo/bar', 'library/foo/bar', 'docker.io/library/foo/bar'],
    ['library/foo/bar', 'library/foo/bar', 'docker.io/library/foo/bar'],
    ['foo/foo/bar', 'foo/foo/bar', 'docker.io/foo/foo/bar'],
    ['127.0.0.1/a/b', '127.0.0.1/a/b', '127.0.0.1/a/b'],
    ['127.0.0.1:5000/docker/docker', '127.0.0.1:5000/docker/docker', '127.0.0.1:5000/docker/docker'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost/library/app', 'localhost/library/app', 'localhost/library/app'],
    ['localhost:5000/app', 'localhost:5000/app', 'localhost:5000/app'],
    ['Localhost/app', 'Localhost/app', 'Localhost/app'],
    ['Foo/bar', 'Foo/bar', 'Foo/bar'],
    ['example.com/app', 'example.com/app', 'example.com/app'],
    ['EXAMPLE.com/app', 'EXAMPLE.com/app', 'EXAMPLE.com/app'],
    ['gcr.io/library/app', 'gcr.io/library/app', 'gcr.io/library/app'],
    ['registry/app', 'registry/app', 'docker.io/registry/app'],
    ['a__b/c', 'a__b/c', 'docker.io/a__b/c'],
    ['dock__er/docker', 'dock__er/docker', 'docker.io/dock__er/docker'],
    ['foo---bar/foo', 'foo---bar/foo', 'docker.io/foo---bar/foo'],
    ['localhost', 'localhost', 'docker.io/library/localhost'],
    ['example.com', 'example.com', 'docker.io/library/example.com'],
    [hex.slice(1), hex.slice(1), `docker.io/library/${hex.slice(1)}`],
    [`docker.io/${hex}`, hex, `docker.io/library/${hex}`],
  ])('%s is %s', (input, familiar, canonical) => {
    const reference = parseReference(input);
    expect(reference).toMatchObject({ tag: undefined, digest: undefined });
    expect(familiarName(reference)).toBe(familiar);
    expect(canonicalName(reference)).toBe(canonical);
    expect(parseReference(canonical)).toEqual(reference);
  });

  test.each([
    ['alpine:3.20', 'alpine:3.20'],
    ['localhost:5000', 'localhost:5000'],
    ['example.com:8080', 'example.com:8080'],
    ['localhost:5000/app:5000', 'localhost:5000/app:5000'],
    [`alpine@${digest}`, `alpine@${digest}`],
    [`docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
    ['alpine:UPPER', 'alpine:UPPER'],
    ['docker.io/me/app:V1', 'me/app:V1'],
  ])('%s is %s for people', (input, familiar) => {
    expect(familiarString(parseReference(input))).toBe(familiar);
  });

  test('a lone host:port is a repository with a tag', () => {
    expect(parseReference('localhost:5000')).toEqual({
      registry: 'docker.io',
      repository: 'library/localhost',
      tag: '5000',
      digest: undefined,
    });
  });

  const format = 'invalid reference format';
  test.each([
    ['', 'format', format],
    [hex, 'identifier', `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    ['Alpine', 'uppercase', `${format}: repository name (library/Alpine) must be lowercase`],
    ['me/App', 'uppercase', `${format}: repository name (me/App) must be lowercase`],
    ['ghcr.io/Me/app:v1', 'uppercase', `${format}: repository name (Me/app) must be lowercase`],
    [`ghcr.io/app@SHA256:${hex}`, 'uppercase', `${format}: repository name (app@SHA256) must be lowercase`],
    ['localhost:5000/É', 'uppercase', `${format}: repository name (É) must be lowercase`],
    ['a/B\u001b[31m', 'uppercase', `${format}: repository name (a/B\\u001b[31m) must be lowercase`],
    [`a/${'B'.repeat(600)}`, 'uppercase', `${format}: repository name (a/${'B'.repeat(510)}…) must be lowercase`],
    ['https://github.com/docker/docker', 'format', format],
    ['docker/Docker', 'uppercase', `${format}: repository name (docker/Docker) must be lowercase`],
    ['-docker', 'format', format],
    ['-docker/docker', 'format', format],
    ['-docker.io/docker/docker', 'format', format],
    ['docker///docker', 'format', format],
    ['docker.io/docker/', 'format', format],
    ['docker.io/', 'format', format],
    ['/docker', 'format', format],
    ['docker.io/docker/docker_', 'format', format],
    ['me/app:', 'format', format],
    ['me/app@', 'format', format],
    ['me/app@sha256:beef', 'format', format],
    [`me/app@sha256:${'f'.repeat(40)}`, 'digest', 'invalid checksum digest length'],
    [`me/app@md5:${'f'.repeat(32)}`, 'digest', 'unsupported digest algorithm'],
    [`ghcr.io/${'a'.repeat(256)}`, 'length', 'repository name must not be more than 255 characters'],
    [`${'a'.repeat(248)}`, 'length', 'repository name must not be more than 255 characters'],
  ])('%s is refused: %s', (input, rule, message) => {
    expect(() => parseReference(input)).toThrow(
      expect.objectContaining({ name: 'InvalidReferenceError', code: 'ERR_REFERENCE_INVALID', rule, message }),
    );
  });

  test('what is no text is a wrong argument, not a wrong reference', () => {
    const input = undefined as unknown as string;
    for (const parse of [parseReference, parseCanonicalName, parseAnyReference, parseDockerReference, parseGrammar]) {
      expect(() => parse(input)).toThrow(
        expect.objectContaining({ code: 'ERR_ARGUMENT', message: 'Expected `input` to be a string, got undefined' }),
      );
    }
  });

  test('the default tag is given to a bare name only', () => {
    expect(parseReference('a', { defaultTag: 'edge' }).tag).toBe('edge');
    expect(parseReference('a:b', { defaultTag: 'edge' }).tag).toBe('b');
    expect(parseReference(`a@${digest}`, { defaultTag: 'edge' }).tag).toBeUndefined();
    expect(() => parseReference('a', { defaultTag: '-' })).toThrow('invalid tag format');
  });

  test.each([['a/'], ['a-'], [':'], ['@'], ['A'], ['/'], ['a.'], ['\u0130']])(
    'a mebibyte of %j is answered',
    (unit) => {
      const hostile = unit.repeat((1024 * 1024) / unit.length);
      expect(() => parseReference(hostile)).toThrow(expect.objectContaining({ code: 'ERR_REFERENCE_INVALID' }));
      expect(() => parseAnyReference(`ghcr.io/${hostile}`)).toThrow(
        expect.objectContaining({ code: 'ERR_REFERENCE_INVALID' }),
      );
    },
  );

  test('whatever the text, the answer is a reference or a refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (input) => {
        try {
          expect(formatReference(parseReference(input))).toContain('/');
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_REFERENCE_INVALID', input });
        }
      }),
    );
  });

  test('format and parse are inverses', () => {
    fc.assert(
      fc.property(anyReference, (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseCanonicalName(formatReference(reference))).toEqual(reference);
      }),
    );
  });

  test('the familiar string means the same reference', () => {
    fc.assert(
      fc.property(anyReference, (reference) => {
        // Without its domain, a path of Docker Hub that begins like a host (`docker.io/a.a/x`) means that host: so with
        // Docker.
        fc.pre(reference.registry !== defaultRegistry || !/^(?:localhost|[^/]*[.][^/]*)[/]/.test(reference.repository));
        expect(parseReference(familiarString(reference))).toEqual(reference);
      }),
    );
  });
});

describe('parseCanonicalName', () => {
  test.each([['docker.io/library/alpine'], ['docker.io/library/alpine:3'], ['ghcr.io/a/b'], [`localhost/a@${digest}`]])(
    '%s is canonical',
    (input) => {
      expect(formatReference(parseCanonicalName(input))).toBe(input);
    },
  );

  test.each([['alpine'], ['docker.io/alpine'], ['me/app'], ['index.docker.io/library/alpine'], ['library/alpine']])(
    '%s is not canonical',
    (input) => {
      expect(() => parseCanonicalName(input)).toThrow(
        expect.objectContaining({ rule: 'canonical', message: 'repository name must be canonical' }),
      );
    },
  );

  test('a text that is no reference is refused for that', () => {
    expect(() => parseCanonicalName('a//b')).toThrow('invalid reference format');
  });
});

describe('parseAnyReference', () => {
  test.each([
    [hex, { digest }],
    [digest, { digest }],
    [`sha512:${hex}${hex}`, { digest: `sha512:${hex}${hex}` }],
    [`sha256:${hex.slice(1)}`, parseReference(`sha256:${hex.slice(1)}`)],
    [hex.slice(1), parseReference(hex.slice(1))],
    ['alpine', parseReference('alpine')],
    [`alpine@${digest}`, parseReference(`alpine@${digest}`)],
  ])('%s', (input, expected) => {
    expect(parseAnyReference(input)).toEqual(expected);
  });

  test('an unsupported digest is no reference either', () => {
    expect(() => parseAnyReference(`unsupported:${hex}${hex}${hex}`)).toThrow('invalid reference format');
  });
});

test.each([
  ['alpine', 'docker.io/library/alpine:latest'],
  ['alpine:3', 'docker.io/library/alpine:3'],
  [`alpine@${digest}`, `docker.io/library/alpine@${digest}`],
  [`alpine:3@${digest}`, `docker.io/library/alpine@${digest}`],
])('as a Docker reference, %s is %s', (input, expected) => {
  expect(formatReference(parseDockerReference(input))).toBe(expected);
});
