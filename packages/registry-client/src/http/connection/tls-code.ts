/**
 * OpenSSL's verification results come as bare names.
 * @see https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes
 */
const verificationCodes: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

/** Whether a code of Node's says that TLS failed. */
export function isTLSCode(code: string): boolean {
  return code === 'EPROTO' || /^ERR_(?:SSL|TLS|OSSL)/.test(code) || isVerificationCode(code);
}

/** Whether a code says that nobody vouches for a certificate, or no longer. */
export function isVerificationCode(code: string): boolean {
  return verificationCodes.has(code);
}

/** Whether OpenSSL's words say that what was greeted with TLS answered in another language: plain http, mostly. */
export function isNotTLS(said: string): boolean {
  return /wrong version number|packet length too long|unknown protocol|http request/i.test(said);
}
