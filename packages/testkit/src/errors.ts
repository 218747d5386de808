export type TestkitErrorCode =
  /**
   * When: `registry.verify()` or `readBack` found content that is missing, short or not what its digest says. Retry:
   * no. Do: read the problems listed; the push that wrote it is at fault.
   */
  | 'ERR_TESTKIT_INCONSISTENT'
  /**
   * When: a registry answered `readBack` with a status it did not expect. Retry: no. Do: check host, repository and
   * tag, and whether the registry wants credentials.
   */
  | 'ERR_TESTKIT_UNEXPECTED'
  /**
   * When: a program the test needs is not installed, and the run may not skip. Retry: no. Do: install it (Debian:
   * docker-registry, skopeo, zstd).
   */
  | 'ERR_TESTKIT_TOOL_MISSING'
  /**
   * When: a program ended early, did not start to answer, or ran out of time. Retry: no. Do: read its output in the
   * message.
   */
  | 'ERR_TESTKIT_TOOL_FAILED';

/** Everything the testkit throws, besides TypeError and RangeError for wrong arguments. */
export class TestkitError extends Error {
  override name = 'TestkitError';
  readonly code: TestkitErrorCode;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
