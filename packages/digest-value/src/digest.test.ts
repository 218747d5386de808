import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  encodedOf,
  isDigest,
  parseDigest,
  shortDigest,
} from './digest.ts';
import { InvalidDigestError } from './errors.ts';

const a64 = 'a'.repeat(64);

describe('parseDigest', () => {
  test.each([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
  ])('%s with %i hex letters is accepted', (algorithm, length) => {
    const text = `${algorithm}:${'0a'.repeat(length / 2)}`;
    expect(parseDigest(text)).toBe(text);
    expect(isDigest(text)).toBe(true);
  });

  test.each([
    // rule                                             text                              broken rule
    ['no colon', 'sha256', 'invalid checksum digest format'],
    ['empty', '', 'invalid checksum digest format'],
    ['colon first', `:${a64}`, 'invalid checksum digest format'],
    ['nothing after the colon', 'sha256:', 'invalid checksum digest format'],
    ['nothing after an unknown algorithm', 'foo:', 'invalid checksum digest format'],
    ['unknown algorithm', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'unsupported digest algorithm'],
    ['unknown algorithm of parts', 'a.b+c_d-e:x=_-Z', 'unsupported digest algorithm'],
    ['algorithms are lower case', `SHA256:${a64}`, 'invalid checksum digest format'],
    ['parts are joined by one separator', 'a..b:abc', 'invalid checksum digest format'],
    ['a second colon', `foo:bar:${a64}`, 'invalid checksum digest format'],
    ['a slash in an unknown encoding', 'foo:a/b', 'invalid checksum digest format'],
    ['too short', `sha256:${a64.slice(1)}`, 'invalid checksum digest length'],
    ['too long', `sha256:${a64}a`, 'invalid checksum digest length'],
    ["another algorithm's length", `sha512:${a64}`, 'invalid checksum digest length'],
    ['length is checked before letters', 'sha256:xyz', 'invalid checksum digest length'],
    ['length counts bytes, as Go does', `sha256:${'é'.repeat(64)}`, 'invalid checksum digest length'],
    ['upper-case hex', `sha256:${'A'.repeat(64)}`, 'invalid checksum digest format'],
    ['right length, not hex', `sha256:${'g'.repeat(64)}`, 'invalid checksum digest format'],
    ['right length in bytes, not hex', `sha256:${'é'.repeat(32)}`, 'invalid checksum digest format'],
    ['a final newline', `sha256:${a64}\n`, 'invalid checksum digest length'],
    ['a final newline in place of a letter', `sha256:${a64.slice(1)}\n`, 'invalid checksum digest format'],
    ['a final newline after an unknown encoding', 'foo:abc\n', 'invalid checksum digest format'],
  ])('%s', (_, text, rule) => {
    const code = rule === 'unsupported digest algorithm' ? 'ERR_DIGEST_UNSUPPORTED' : 'ERR_DIGEST_INVALID';
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ name: 'InvalidDigestError', code, rule }));
    expect(isDigest(text)).toBe(false);
  });

  test.each([[undefined], [null], [7], [{}]])('%s is not a digest', (value) => {
    expect(isDigest(value)).toBe(false);
    const kind = value === null ? 'null' : typeof value;
    const message = `Expected a digest, got ${kind}: invalid checksum digest format`;
    for (const take of [parseDigest, algorithmOf, encodedOf, shortDigest])
      expect(() => take(value as never)).toThrow(expect.objectContaining({ code: 'ERR_DIGEST_INVALID', message }));
  });

  test('there is no algorithm of a digest nobody can make', () => {
    const refusal = { code: 'ERR_DIGEST_UNSUPPORTED', message: expect.stringContaining('got "md5"') };
    expect(() => algorithmOf('md5:00' as Digest)).toThrow(expect.objectContaining(refusal));
  });

  test('a long text is quoted in part', () => {
    const error = new InvalidDigestError('x'.repeat(1_000_000), 'invalid checksum digest format');
    expect(error.message.length).toBeLessThan(300);
  });

  test('the parts make the digest again', () => {
    const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha384', 'sha512'];
    const lengths = { sha256: 32, sha384: 48, sha512: 64 };
    const anyDigest = fc
      .constantFrom(...algorithms)
      .chain((algorithm) =>
        fc
          .uint8Array({ minLength: lengths[algorithm], maxLength: lengths[algorithm] })
          .map((bytes) => `${algorithm}:${Buffer.from(bytes).toString('hex')}`),
      );
    fc.assert(
      fc.property(anyDigest, (text) => {
        const digest = parseDigest(text);
        expect(`${algorithmOf(digest)}:${encodedOf(digest)}`).toBe(text);
        expect(encodedOf(digest).startsWith(shortDigest(digest))).toBe(true);
        expect(shortDigest(digest)).toHaveLength(12);
      }),
    );
  });
});
