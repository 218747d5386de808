/** Why a text is not accepted as a digest. */
export type InvalidDigestErrorCode =
  /**
   * When: the text is not `algorithm:encoded`, or `encoded` has the wrong length or letters. Retry: no. Do: check the
   * digest's spelling.
   */
  | 'ERR_DIGEST_INVALID'
  /** When: an algorithm, or that of a digest, is not sha256, sha384 or sha512. Retry: no. Do: use one of these. */
  | 'ERR_DIGEST_UNSUPPORTED';

/** The rule of the digest grammar that was broken, in the words of go-digest. */
export type DigestRule =
  | 'invalid checksum digest format'
  | 'invalid checksum digest length'
  | 'unsupported digest algorithm';

/** A text is not a digest this package can work with. */
export class InvalidDigestError extends Error {
  override name = 'InvalidDigestError';
  readonly code: InvalidDigestErrorCode;
  readonly rule: DigestRule;

  /** `subject` is what the text was taken for; of what is no text, the message names the kind only. */
  constructor(text: unknown, rule: DigestRule, subject: 'a digest' | 'a digest algorithm' = 'a digest') {
    super(`Expected ${subject}, got ${quote(text)}: ${rule}`);
    this.code = rule === 'unsupported digest algorithm' ? 'ERR_DIGEST_UNSUPPORTED' : 'ERR_DIGEST_INVALID';
    this.rule = rule;
  }
}

/** Input may be anything, of any length: the message shows its beginning. */
function quote(text: unknown): string {
  if (typeof text !== 'string') return text === null ? 'null' : typeof text;
  return text.length > 160 ? `${JSON.stringify(text.slice(0, 160))}…` : JSON.stringify(text);
}
