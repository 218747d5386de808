import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a certificate is made. */
export interface CertificateRequest {
  readonly name: string;
  /** Of a certificate made before. @default it signs itself */
  readonly issuer?: string;
  /** What the certificate is called, where that is not its `name` here. */
  readonly subject?: string;
  /** Lines of an OpenSSL extension section; none at all for a certificate of version 1. */
  readonly extensions?: readonly string[];
  /** @default 1000 */
  readonly days?: number;
  /** The key of another certificate. @default a new one */
  readonly keyOf?: string;
}

/** Makes certificates with OpenSSL, and asks it what it thinks of them. */
export class CertificateMaker implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'slipway-certificates-'));

  make(...requests: readonly CertificateRequest[]): void {
    for (const { name, issuer, subject = name, extensions, days = 1000, keyOf } of requests) {
      const key = keyOf === undefined ? newKey() : this.key(keyOf);
      writeFileSync(this.#at(name, 'key'), key);
      this.#openssl([
        'req',
        '-new',
        '-key',
        this.#at(name, 'key'),
        '-subj',
        `/CN=${subject}`,
        '-out',
        this.#at(name, 'csr'),
      ]);
      const signer =
        issuer === undefined
          ? ['-signkey', this.#at(name, 'key')]
          : ['-CA', this.#at(issuer, 'pem'), '-CAkey', this.#at(issuer, 'key'), '-CAcreateserial'];
      writeFileSync(this.#at(name, 'ext'), (extensions ?? []).join('\n'));
      const added = extensions === undefined ? [] : ['-extfile', this.#at(name, 'ext')];
      const to = ['-days', String(days), '-out', this.#at(name, 'pem')];
      this.#openssl(['x509', '-req', '-in', this.#at(name, 'csr'), ...signer, ...added, ...to]);
    }
  }

  pem(name: string): string {
    return readFileSync(this.#at(name, 'pem'), 'utf8');
  }

  key(name: string): string {
    return readFileSync(this.#at(name, 'key'), 'utf8');
  }

  /** As in `x5c`. */
  base64(name: string): string {
    return new X509Certificate(this.pem(name)).raw.toString('base64');
  }

  /** Undefined where OpenSSL takes the chain, else its words. */
  complaint(chain: readonly string[], roots: readonly string[], atMs: number): string | undefined {
    const [leaf = '', ...others] = chain;
    writeFileSync(this.#at('roots', 'pem'), roots.map((name) => this.pem(name)).join(''));
    const untrusted = others.flatMap((name) => ['-untrusted', this.#at(name, 'pem')]);
    const time = ['-attime', String(Math.floor(atMs / 1000))];
    // The system's own certificates are nobody's business here; a root counts for itself, as in Go.
    const trust = ['-no-CApath', '-no-CAstore', '-partial_chain', '-CAfile', this.#at('roots', 'pem')];
    try {
      this.#openssl(['verify', ...trust, ...time, ...untrusted, this.#at(leaf, 'pem')]);
      return undefined;
    } catch (error) {
      return String((error as { stderr?: unknown }).stderr);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  #at(name: string, ending: string): string {
    return join(this.#folder, `${name}.${ending}`);
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'sec1',
    format: 'pem',
  }) as string;
}
