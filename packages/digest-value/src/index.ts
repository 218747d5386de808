/**
 * Digests as values: parse and check `sha256:…`, without computing any.
 *
 * @packageDocumentation
 */
export {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  encodedOf,
  isDigest,
  parseAlgorithm,
  parseDigest,
  shortDigest,
} from './digest.ts';
export { type DigestRule, InvalidDigestError, type InvalidDigestErrorCode } from './errors.ts';
