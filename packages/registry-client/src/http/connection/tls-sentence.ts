/**
 * A TLS failure in a sentence, without OpenSSL's addresses, error numbers and source files.
 *
 * @param code the code of Node's error
 * @param text its message: `80CCB331017F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version
 * number:../deps/…`
 */
export function tlsSentence(code: string, text: string): string {
  const reason = reasonOf(text);
  const refused = certificates[code];
  if (refused !== undefined) return refused;
  const known = sentences.find(([pattern]) => pattern.test(reason) || pattern.test(code));
  if (known) return known[1];
  return reason === text.trim() ? reason : `TLS failed: ${reason}`;
}

/** OpenSSL's own words for certificates; BoringSSL, which Bun has, spells some of them in another way. */
const certificates: Readonly<Record<string, string>> = {
  CERT_CHAIN_TOO_LONG: 'certificate chain too long',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_REVOKED: 'certificate revoked',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
};

/** By its code such an end is like any other. */
export const closedBeforeTLS = 'the connection was closed before TLS was agreed on';

const sentences: readonly (readonly [RegExp, string])[] = [
  [
    /wrong[ _]version[ _]number|packet[ _]length[ _]too[ _]long|http[ _]request|unknown[ _]protocol/i,
    'the other side does not speak TLS',
  ],
  [
    /unsupported[ _]protocol|alert[ _]protocol[ _]version|version[ _]too[ _]low/i,
    'the other side speaks only versions of TLS below 1.2, which are not safe',
  ],
  [/certificate[ _]required/i, 'the other side wants a client certificate'],
  [/alert[ _]unknown[ _]ca/i, 'the other side does not know the authority of the client certificate'],
  [/alert[ _](?:bad|unsupported)[ _]certificate/i, 'the other side refused the client certificate'],
  [/alert[ _]certificate[ _]expired/i, 'the client certificate has expired'],
  [/alert[ _]certificate[ _]revoked/i, 'the client certificate has been revoked'],
  [
    /handshake[ _]failure|no[ _]shared[ _]cipher|insufficient[ _]security/i,
    'the other side refused TLS: it may want a client certificate, or ciphers that are not safe',
  ],
  [/unrecognized[ _]name/i, 'the other side does not know the name that it was asked for'],
  [/socket disconnected before secure TLS connection/i, closedBeforeTLS],
  [/dh[ _]key[ _]too[ _]small|ee[ _]key[ _]too[ _]small/i, 'the keys of the other side are too short to be safe'],
];

/** OpenSSL's own reason among the fields of its text; the text itself where it has no such form. */
function reasonOf(text: string): string {
  const [, fields] = /error:[0-9A-F]{4,8}:(.*)/is.exec(text) ?? [];
  if (fields === undefined) return text.trim();
  const [library = '', , reason] = fields.split(':');
  return (reason ?? library).trim() || text.trim();
}
