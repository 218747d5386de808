import type { X509Certificate } from 'node:crypto';
import { aFunction, aNumber, aSignal, assertOptions } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { type CertificateSummary, connectToLook, fetchChain, summarise } from './certificate-chain.ts';

/** Why TLS failed, for people. */
export interface TLSExplanation {
  /** Which certificate, and what is wrong with it, in a sentence. */
  readonly message: string;
  /** Node's code of the failure (`CERT_HAS_EXPIRED`), or `CLIENT_CERTIFICATE_WANTED`. */
  readonly code: string;
  /** Undefined when the registry could not be asked for it again, or it is not about its certificate. */
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
const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'comes from an authority that this machine does not trust',
  UNABLE_TO_GET_ISSUER_CERT: 'comes from an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that this machine does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'comes from an authority that this machine does not know, or the registry leaves out the certificates in between',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is not for this name',
  CERT_REVOKED: 'has been revoked',
};

/** What is wrong with a certificate, as the end of a sentence that begins with it. */
export function whyRefused(code: string): string {
  return reasons[code] ?? `was refused (${code})`;
}

/** A connection that ended without a word. */
const endings: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Says which certificate a TLS failure is about and why, after a second, unverified look at what the registry sends:
 * nothing but the handshake is exchanged. Of a connection that was closed it says whether the registry closes every
 * connection right after the handshake, as one does that misses a client certificate. Undefined when the failure is not
 * about a certificate.
 *
 * @param error what the network threw, or an error with that among its causes
 * @param url where to: `https://registry.example.org:5000`
 */
export async function explainTLSError(
  error: unknown,
  url: URL,
  options: ExplainTLSErrorOptions = {},
): Promise<TLSExplanation | undefined> {
  assertOptions('options', options, { optional: { timeoutMs: aNumber, now: aFunction, signal: aSignal } });
  const timing = { signal: options.signal, timeoutMs: options.timeoutMs ?? 5_000 };
  const code = certificateCodeOf(error);
  if (code === undefined) return isEnding(error) ? await explainEnding(url, timing) : undefined;
  const why = whyRefused(code);
  const chain = await fetchChain(url, timing);
  const guilty = pick(chain, code, options.now ?? Date.now);
  if (!guilty) return { message: `the certificate of ${url.host} ${why}`, code, certificate: undefined };
  const certificate = summarise(guilty);
  const role = guilty === chain[0] ? `the certificate of ${url.host}` : `a certificate in the chain of ${url.host}`;
  const { subject, issuer, validFrom, validTo, names } = certificate;
  const details = [
    `subject ${subject}`,
    `issuer ${issuer}`,
    `valid from ${validFrom} to ${validTo}`,
    ...(code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? [`for ${names ?? 'no name at all'}`] : []),
  ];
  return { message: `${role} ${why} (${details.join('; ')})`, code, certificate };
}

/** Walks down the causes: the failure is often wrapped. */
function certificateCodeOf(error: unknown): string | undefined {
  for (let depth = 0, current = error; depth < 8 && current instanceof Error; depth += 1, current = current.cause) {
    const code = 'code' in current && typeof current.code === 'string' ? current.code : '';
    if (code in reasons || /^(?:CERT_|INVALID_CA|UNABLE_TO_|PATH_LENGTH_|HOSTNAME_MISMATCH)/.test(code)) return code;
  }
  return undefined;
}

function isEnding(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && endings.has(error.code);
}

/** A server waits for the first request; one that misses a client certificate (TLS 1.3) hangs up instead. */
function explainEnding(
  url: URL,
  { signal, timeoutMs }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<TLSExplanation | undefined> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(undefined);
    const socket = connectToLook(url);
    let isAgreed = false;
    const finish = (hangsUp: boolean): void => {
      signal?.removeEventListener('abort', giveUp);
      clearTimeout(timer);
      socket.destroy();
      const message = `${url.host} closes the connection as soon as TLS is agreed on: it may want a client certificate`;
      resolve(hangsUp && isAgreed ? { message, code: 'CLIENT_CERTIFICATE_WANTED', certificate: undefined } : undefined);
    };
    const giveUp = (): void => finish(false);
    const timer = setTimeout(giveUp, Math.min(timeoutMs, 1_000));
    signal?.addEventListener('abort', giveUp, { once: true });
    socket.once('secureConnect', () => {
      isAgreed = true;
    });
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.resume();
  });
}

/**
 * The certificate that the code is about: the first out of its time, the last one known of a chain that leads nowhere,
 * else the registry's own.
 */
function pick(chain: readonly X509Certificate[], code: string, now: () => number): X509Certificate | undefined {
  if (code === 'CERT_HAS_EXPIRED') return chain.find(({ validTo }) => Date.parse(validTo) < now()) ?? chain[0];
  if (code === 'CERT_NOT_YET_VALID') return chain.find(({ validFrom }) => Date.parse(validFrom) > now()) ?? chain[0];
  return /ISSUER_CERT|IN_CHAIN/.test(code) ? chain.at(-1) : chain[0];
}
