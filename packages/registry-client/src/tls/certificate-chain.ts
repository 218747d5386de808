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

/** How to look at a certificate. */
export interface FetchChainOptions extends AbortOptions {
  readonly timeoutMs: number;
}

/**
 * The certificates that a server sends, its own first; empty when it cannot be reached. Nothing but the handshake is
 * exchanged.
 */
export function fetchChain(url: URL, { signal, timeoutMs }: FetchChainOptions): Promise<X509Certificate[]> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve([]);
    const socket = connectToLook(url);
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

/** A connection on which nothing is sent, and so any certificate will do. */
export function connectToLook(url: URL): TLSSocket {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return connect({
    host,
    port: Number(url.port || 443),
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: false,
  });
}

/** The certificates of the other side of a connection, its own first. */
export function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < 10 && !chain.some(({ fingerprint256 }) => fingerprint256 === next?.fingerprint256)) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Says what a certificate says of itself. */
export function summarise(certificate: X509Certificate): CertificateSummary {
  const oneLine = (name: string): string => name.split('\n').filter(Boolean).reverse().join(', ');
  return {
    subject: oneLine(certificate.subject ?? '') || '(none)',
    issuer: oneLine(certificate.issuer ?? '') || '(none)',
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    names: certificate.subjectAltName,
  };
}
