import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { AbortOptions } from '@slipway/digest';

/** What a certificate says of itself. */
export interface CertificateSummary {
  /** `CN=registry.example.org, O=Example` */
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string;
  readonly validTo: string;
  /** Names and addresses it is for: `DNS:example.org, IP Address:127.0.0.1`. */
  readonly names: string | undefined;
}

/** Why TLS failed, for people. */
export interface TLSExplanation {
  /** Which certificate, and what is wrong with it, in a sentence. */
  readonly message: string;
  /** What to do, where the fix is known. */
  readonly hint: string | undefined;
  /** Undefined when the registry could not be asked for it again. */
  readonly certificate: CertificateSummary | undefined;
}

/** How to look at the certificate. */
export interface ExplainTLSErrorOptions extends AbortOptions {
  /** Milliseconds for the look. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** Why, by Node's codes. @see https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes */
const reasons: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  CERT_HAS_EXPIRED: ['has expired', "renew the registry's certificate, or set this machine's clock"],
  CERT_NOT_YET_VALID: ['is not valid yet', "set this machine's clock, or wait"],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'is signed by itself',
    'put it as ca.crt into the registry’s folder of certs.d, or into --cert-dir',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'comes from an authority that this machine does not trust',
    'put the authority’s certificate as ca.crt into the registry’s folder of certs.d, or into --cert-dir',
  ],
  UNABLE_TO_GET_ISSUER_CERT: [
    'comes from an authority that this machine does not know',
    'put the authority’s certificate as ca.crt into the registry’s folder of certs.d, or into --cert-dir',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'comes from an authority that this machine does not know',
    'put the authority’s certificate as ca.crt into the registry’s folder of certs.d, or into --cert-dir',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'comes from an authority that this machine does not know, or the registry leaves out the certificates in between',
    'put the authority’s certificate as ca.crt into the registry’s folder of certs.d, or let the registry send its whole chain',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: ['is not for this name', 'use a name that the certificate is for'],
  CERT_REVOKED: ['has been revoked', "renew the registry's certificate"],
};

/**
 * Says which certificate a TLS failure is about and why, after a second, unverified look at what the registry sends:
 * nothing but the handshake is exchanged. Undefined when the failure is not about a certificate.
 *
 * @param error what the network threw, or an error with that among its causes
 * @param url where to: `https://registry.example.org:5000`
 */
export async function explainTLSError(
  error: unknown,
  url: URL,
  options: ExplainTLSErrorOptions = {},
): Promise<TLSExplanation | undefined> {
  const code = certificateCodeOf(error);
  if (code === undefined) return undefined;
  const [why, hint] = reasons[code] ?? [`was refused (${code})`, undefined];
  const chain = await fetchChain(url, options);
  const guilty = pick(chain, code, options.now ?? Date.now);
  if (!guilty) return { message: `the certificate of ${url.host} ${why}`, hint, certificate: undefined };
  const certificate = summarise(guilty);
  const role = guilty === chain[0] ? `the certificate of ${url.host}` : `a certificate in the chain of ${url.host}`;
  const { subject, issuer, validFrom, validTo, names } = certificate;
  const details = [
    `subject ${subject}`,
    `issuer ${issuer}`,
    `valid from ${validFrom} to ${validTo}`,
    ...(code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? [`for ${names ?? 'no name at all'}`] : []),
  ];
  return { message: `${role} ${why} (${details.join('; ')})`, hint, certificate };
}

/** Walks down the causes: the failure is often wrapped. */
function certificateCodeOf(error: unknown): string | undefined {
  for (let depth = 0, current = error; depth < 8 && current instanceof Error; depth += 1, current = current.cause) {
    const code = 'code' in current && typeof current.code === 'string' ? current.code : '';
    if (code in reasons || /^(?:CERT_|INVALID_CA|UNABLE_TO_|PATH_LENGTH_|HOSTNAME_MISMATCH)/.test(code)) return code;
  }
  return undefined;
}

/** The certificates that the registry sends, its own first; empty when it cannot be reached. */
function fetchChain(url: URL, { signal, timeoutMs = 5_000 }: ExplainTLSErrorOptions): Promise<X509Certificate[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve([]);
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(isIP(host) === 0 && { servername: host }),
      // Only to look: nothing is sent over this connection.
      rejectUnauthorized: false,
    });
    const finish = (): void => {
      signal?.removeEventListener('abort', finish);
      clearTimeout(timer);
      const chain = chainOf(socket);
      socket.destroy();
      resolve(chain);
    };
    const timer = setTimeout(finish, timeoutMs);
    signal?.addEventListener('abort', finish, { once: true });
    socket.once('secureConnect', finish);
    socket.on('error', finish);
  });
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < 10 && !chain.some(({ fingerprint256 }) => fingerprint256 === next?.fingerprint256)) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** The certificate that the code is about: the first out of its time, the last one known of a chain that leads nowhere, else the registry's own. */
function pick(chain: readonly X509Certificate[], code: string, now: () => number): X509Certificate | undefined {
  if (code === 'CERT_HAS_EXPIRED') return chain.find(({ validTo }) => Date.parse(validTo) < now()) ?? chain[0];
  if (code === 'CERT_NOT_YET_VALID') return chain.find(({ validFrom }) => Date.parse(validFrom) > now()) ?? chain[0];
  return /ISSUER_CERT|IN_CHAIN/.test(code) ? chain.at(-1) : chain[0];
}

function summarise(certificate: X509Certificate): CertificateSummary {
  const oneLine = (name: string): string => name.split('\n').filter(Boolean).reverse().join(', ');
  return {
    subject: oneLine(certificate.subject ?? '') || '(none)',
    issuer: oneLine(certificate.issuer ?? '') || '(none)',
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    names: certificate.subjectAltName,
  };
}
