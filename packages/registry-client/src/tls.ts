/**
 * Certificates for registries: those of `certs.d` and of the system, and what a handshake shows.
 *
 * @packageDocumentation
 */
export type { CertificateSummary } from './tls/certificate-chain.ts';
export { CertificateError, type CertificateErrorCode, type CertificateErrorFacts } from './tls/errors.ts';
export {
  type ExplainTLSErrorOptions,
  explainTLSError,
  type TLSExplanation,
} from './tls/explain-tls-error.ts';
export { type InspectTLSOptions, inspectTLS, type TLSInspection } from './tls/inspect-tls.ts';
export { describeTLS, loadTLSOptions, loadTLSOptionsOf, type TLSReport, type TLSSources } from './tls/tls-options.ts';
