import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { aNumber, anObject, aSignal, assertOptions } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { systemCodeOf } from '../answers/system-code.ts';
import { tlsSentence } from '../http/connection/tls-sentence.ts';
import type { TLSOptions } from '../options.ts';
import { type CertificateSummary, chainOf, summarise } from './certificate-chain.ts';
import { whyRefused } from './explain-tls-error.ts';

/** What a handshake with a server shows. */
export type TLSInspection =
  | {
      readonly kind: 'agreed';
      /** `TLSv1.3` */
      readonly protocol: string;
      /** Node's code for what is wrong with the chain or the name; undefined when it is trusted. */
      readonly problem: string | undefined;
      /** The same in words, as the end of a sentence that begins with the certificate: `has expired`. */
      readonly why: string | undefined;
      /** The certificates that the server sent, its own first. */
      readonly chain: readonly CertificateSummary[];
    }
  | {
      readonly kind: 'failed';
      /** The system's or Node's code. */
      readonly code: string;
      readonly message: string;
    };

/** How to look. */
export interface InspectTLSOptions extends AbortOptions {
  /** @default Node's authorities, no client certificate */
  readonly tls?: TLSOptions | undefined;
  /** Milliseconds for all of it. @default 10000 */
  readonly timeoutMs?: number | undefined;
}

/**
 * Shakes hands with a server and says what it sends, trusted or not. Nothing else is sent.
 *
 * @param url where to: `https://registry.example.org:5000`
 */
export function inspectTLS(url: URL, options: InspectTLSOptions = {}): Promise<TLSInspection> {
  assertOptions('options', options, { optional: { tls: anObject, timeoutMs: aNumber, signal: aSignal } });
  const { tls = {}, timeoutMs = 10_000, signal } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = connect({
      host,
      port: Number(url.port || 443),
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 && { servername: host }),
      ...(tls.ca !== undefined && { ca: typeof tls.ca === 'string' ? tls.ca : [...tls.ca] }),
      ...(tls.cert !== undefined && { cert: tls.cert, key: tls.key }),
      // What is wrong is told, not thrown: nothing is sent over this connection.
      rejectUnauthorized: false,
    });
    const finish = (inspection: TLSInspection): void => {
      stop();
      resolve(inspection);
    };
    const stop = (): void => {
      signal?.removeEventListener('abort', abort);
      clearTimeout(timer);
      socket.destroy();
    };
    const abort = (): void => {
      stop();
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => finish({ kind: 'failed', code: 'ETIMEDOUT', message: `no answer came within ${timeoutMs} ms` }),
      timeoutMs,
    );
    signal?.addEventListener('abort', abort, { once: true });
    socket.on('error', (error) => {
      const code = systemCodeOf(error);
      finish({ kind: 'failed', code, message: tlsSentence(code, messageOf(error)) });
    });
    socket.once('secureConnect', () => {
      const problem = socket.authorized ? undefined : codeOf(socket.authorizationError);
      finish({
        kind: 'agreed',
        protocol: socket.getProtocol() ?? 'unknown',
        problem,
        why: problem === undefined ? undefined : whyRefused(problem),
        chain: chainOf(socket).map(summarise),
      });
    });
  });
}

/** Node gives the code, or an error that has it. */
function codeOf(problem: unknown): string {
  return problem instanceof Error ? systemCodeOf(problem) : String(problem);
}

/** One for each address that was tried. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map((each) => (each instanceof Error ? each.message : String(each))))].join('; ');
  }
  return error.message;
}
