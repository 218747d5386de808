/** Codes of {@link InvalidReferenceError}. */
export type ReferenceErrorCode =
  /**
   * When: a text is no reference, tag, digest or pattern; `rule` names the broken rule. Retry: no. Do: correct the
   * spelling.
   */
  'ERR_REFERENCE_INVALID';

/** The rule that an invalid reference breaks. */
export type ReferenceRule =
  /** There is no text at all. */
  | 'empty'
  /** It does not have the form `[domain[:port]/]path[:tag][@digest]`. */
  | 'format'
  /** The repository has upper-case letters. */
  | 'uppercase'
  /** The repository's path is longer than 255 characters. */
  | 'length'
  /** Exactly 64 hex digits: that is an image ID, not a name. */
  | 'identifier'
  /** A tag is 1 to 128 of letters, digits, `_`, `.`, `-`, and starts with neither `.` nor `-`. */
  | 'tag'
  /** The digest is misspelt, of the wrong length, or of an unknown algorithm. */
  | 'digest'
  /** The text is a short form where the full one is wanted. */
  | 'canonical'
  /** A glob pattern is malformed. */
  | 'pattern';

/** A text is not what it is used as: a reference, or a part of one. The messages are those of Docker. */
export class InvalidReferenceError extends Error {
  readonly code: ReferenceErrorCode = 'ERR_REFERENCE_INVALID';
  override name = 'InvalidReferenceError';
  readonly rule: ReferenceRule;
  /** The text as it was given. */
  readonly input: string;

  constructor(rule: ReferenceRule, message: string, input: string, options?: ErrorOptions) {
    super(message, options);
    this.rule = rule;
    this.input = input;
  }
}
