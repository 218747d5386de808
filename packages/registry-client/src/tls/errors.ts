/** Why TLS material cannot be used. */
export type CertificateErrorCode =
  /**
   * When: a certificate or key file is unreadable, malformed, or lacks its counterpart. Retry: no. Do: correct the file
   * that the message names.
   */
  'ERR_CERTIFICATE_FILE';

/** What is known of a failure, for whoever words the advice. */
export interface CertificateErrorFacts {
  /**
   * `unpaired`: a client certificate without its key, or the other way round · `mismatched`: a key of another
   * certificate.
   */
  readonly reason: 'unreadable' | 'malformed' | 'unpaired' | 'mismatched';
  /** Path of the file or folder. */
  readonly file: string;
}

/** A certificate or key file cannot be used. */
export class CertificateError extends Error {
  readonly code: CertificateErrorCode = 'ERR_CERTIFICATE_FILE';
  override name = 'CertificateError';
  readonly facts: CertificateErrorFacts;

  constructor(message: string, facts: CertificateErrorFacts, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.facts = facts;
  }
}
