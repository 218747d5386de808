/** Why TLS material cannot be used. */
export type CertificateErrorCode =
  /** When: a certificate or key file is unreadable, malformed, or lacks its counterpart. Retry: no. Do: correct the file that the message names. */
  'ERR_CERTIFICATE_FILE';

/** A certificate or key file cannot be used. */
export class CertificateError extends Error {
  readonly code: CertificateErrorCode = 'ERR_CERTIFICATE_FILE';
  override name = 'CertificateError';
}
