import { type DigestRule, InvalidDigestError } from './errors.ts';

declare const digestBrand: unique symbol;

/**
 * `algorithm:encoded`, validated by {@link parseDigest}. A plain string at run time, so `===` compares and JSON just
 * works.
 */
export type Digest = string & { readonly [digestBrand]: true };

/** The hash functions a digest may name. */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** Letters that `encoded` has, two per byte of the hash. */
const encodedLength: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/** What the specification lets a digest look like, whatever its algorithm. */
const anyDigest = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const lowerHex = /^[a-f0-9]+$/;

/**
 * Checks that a text is a digest and gives it back as one. Nothing is normalised: upper case is refused.
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_INVALID`, for what is no string too, or `ERR_DIGEST_UNSUPPORTED`; `rule`
 * says which rule was broken.
 * @see https://github.com/opencontainers/go-digest/blob/v1.0.0/digest.go#L102-L119
 */
export function parseDigest(text: string): Digest {
  const rule = brokenRule(textOf(text));
  if (rule !== undefined) throw new InvalidDigestError(text, rule);
  return text as Digest;
}

/** Whether {@link parseDigest} would accept the value. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && brokenRule(text) === undefined;
}

/**
 * The part before the `:`.
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED` when it is no algorithm that digests are made with here.
 */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return parseAlgorithm(textOf(digest).slice(0, digest.indexOf(':')));
}

/**
 * Checks that a name is that of an algorithm; it may come out of settings or JavaScript, where no type holds it.
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED`
 */
export function parseAlgorithm(algorithm: unknown): DigestAlgorithm {
  if (typeof algorithm === 'string' && encodedLength.has(algorithm)) return algorithm as DigestAlgorithm;
  throw new InvalidDigestError(String(algorithm), 'unsupported digest algorithm', 'a digest algorithm');
}

/** The part after the `:`, in lower-case hex. */
export function encodedOf(digest: Digest): string {
  return textOf(digest).slice(digest.indexOf(':') + 1);
}

/** The 12 letters people are shown: those after the first `:`. */
export function shortDigest(digest: Digest): string {
  return encodedOf(digest).slice(0, 12);
}

/** Callers without types hand over what is no text at all: `undefined` for a digest that they do not have. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new InvalidDigestError(value, 'invalid checksum digest format');
}

/** The order of the checks is go-digest's, so that the same text breaks the same rule there and here. */
function brokenRule(text: string): DigestRule | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) return 'invalid checksum digest format';
  const expected = encodedLength.get(text.slice(0, colon));
  if (expected === undefined) {
    return anyDigest.test(text) ? 'unsupported digest algorithm' : 'invalid checksum digest format';
  }
  const encoded = text.slice(colon + 1);
  if (utf8Length(encoded) !== expected) return 'invalid checksum digest length';
  return lowerHex.test(encoded) ? undefined : 'invalid checksum digest format';
}

/** Go counts bytes where JavaScript counts UTF-16 units. */
function utf8Length(text: string): number {
  return lowerHex.test(text) ? text.length : new TextEncoder().encode(text).byteLength;
}
