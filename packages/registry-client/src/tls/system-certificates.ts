import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { isCertificate, readBundle, readCertificates } from './certificate-file.ts';
import { CertificateError } from './errors.ts';

/**
 * Where systems keep the authorities they trust.
 *
 * @see https://github.com/golang/go/blob/go1.24.0/src/crypto/x509/root_linux.go
 */
export const defaultBundles: readonly string[] = Object.freeze([
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Gentoo, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL 6
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/tls/cacert.pem', // OpenELEC
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // CentOS, RHEL 7
  '/etc/ssl/cert.pem', // Alpine, macOS
]);

/** What decides which authorities are trusted. */
export interface SystemCertificatesOptions {
  /** Read: `SSL_CERT_FILE`, `SSL_CERT_DIR`, `NODE_EXTRA_CA_CERTS`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The first of these that exists is the system's. @default those of the usual Linux distributions */
  readonly bundles?: readonly string[] | undefined;
  /** Told what a user should know, in a sentence. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * The authorities that this machine trusts beyond Node's own list: the system's bundle, or `SSL_CERT_FILE` in its
 * place, what is in the folders of `SSL_CERT_DIR`, and `NODE_EXTRA_CA_CERTS`. Node itself does not look at the
 * system's, so a company's authority that docker accepts would be unknown to it. What cannot be used is passed over,
 * and `onWarning` is told of what a variable names.
 */
export async function readSystemCertificates({
  env: { SSL_CERT_FILE: file, SSL_CERT_DIR: folders = '', NODE_EXTRA_CA_CERTS: extra },
  bundles = defaultBundles,
  onWarning = () => {},
}: SystemCertificatesOptions): Promise<readonly string[]> {
  const found = new Map<string, string>();
  const add = (certificates: readonly string[]): void => {
    for (const certificate of certificates) found.set(identityOf(certificate), certificate);
  };
  const named = file ? await readNamed('SSL_CERT_FILE', file, onWarning) : undefined;
  add(named ?? (await readFirst(bundles)));
  for (const folder of folders.split(delimiter).filter((name) => name !== '')) {
    // The same certificate is often there twice, by name and by hash; both count once.
    for (const name of await readdir(folder).catch(() => [])) add(await readBundle(join(folder, name)).catch(() => []));
  }
  if (extra) add(await readBundle(extra).catch(() => [])); // Node itself only warns of one that it cannot read
  for (const certificate of rootCertificates) found.delete(identityOf(certificate));
  return [...found.values()].filter(isCertificate);
}

async function readNamed(
  variable: string,
  file: string,
  onWarning: (message: string) => void,
): Promise<readonly string[] | undefined> {
  try {
    return await readCertificates(file);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    onWarning(`${error.message}; ${variable} names it, and is left out of account`);
    return undefined;
  }
}

async function readFirst(bundles: readonly string[]): Promise<readonly string[]> {
  for (const bundle of bundles) {
    const certificates = await readBundle(bundle).catch(() => []);
    if (certificates.length > 0) return certificates;
  }
  return [];
}

function identityOf(certificate: string): string {
  return certificate.replace(/\s+/g, '');
}
