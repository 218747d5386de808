import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { FileRefusedError, readFileWithin } from '@slipway/read-file';
import { systemCodeOf } from '../answers/system-code.ts';
import { CertificateError } from './errors.ts';

/** The largest bundles of authorities have a few hundred kilobytes. */
const maxBytes = 4 * 1024 * 1024;

/**
 * Reads the certificates of a PEM file, or the one of a DER file, as PEM.
 *
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE` when it cannot be read, has none, or has one that is malformed
 */
export async function readCertificates(path: string): Promise<string[]> {
  const bytes = await readFile(path);
  const blocks = pemCertificates(bytes.toString('latin1'));
  try {
    if (blocks.length === 0) return [new X509Certificate(bytes).toString()];
    for (const block of blocks) new X509Certificate(block);
  } catch (error) {
    const message = `cannot use the certificate ${path}: it is neither PEM nor DER of one`;
    throw new CertificateError(message, { reason: 'malformed', file: path }, { cause: error });
  }
  return blocks;
}

/** Reads what looks like certificates in a bundle that others look after; {@link isCertificate} tells which are. */
export async function readBundle(path: string): Promise<string[]> {
  return pemCertificates((await readFile(path)).toString('latin1'));
}

/** Whether Node can use it: one bad certificate among the authorities would fail every connection. */
export function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).raw.byteLength > 0;
  } catch {
    return false;
  }
}

/**
 * Reads a private key and checks that it belongs to the certificate.
 *
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE`
 */
export async function readKey(path: string, certificate: string): Promise<string> {
  const text = (await readFile(path)).toString('latin1');
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    const isEncrypted = /ENCRYPTED/.test(text); // the codes for it differ from one OpenSSL to the next
    const why = isEncrypted ? 'it is encrypted: remove its passphrase' : 'it is not a private key in PEM';
    // Without the cause, which might quote the key.
    throw new CertificateError(`cannot use the key ${path}: ${why}`, { reason: 'malformed', file: path });
  }
  if (!new X509Certificate(certificate).checkPrivateKey(key)) {
    const message = `cannot use the key ${path}: it does not belong to its certificate`;
    throw new CertificateError(message, { reason: 'mismatched', file: path });
  }
  return text;
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await readFileWithin(path, { maxBytes }));
  } catch (error) {
    const isTooLarge = error instanceof FileRefusedError && error.code === 'ERR_FILE_TOO_LARGE';
    const why = error instanceof FileRefusedError ? error.why : systemCodeOf(error);
    const message = isTooLarge ? `cannot use ${path}: ${why}` : `cannot read ${path}: ${why}`;
    const reason = isTooLarge ? 'malformed' : 'unreadable';
    throw new CertificateError(message, { reason, file: path }, { cause: error });
  }
}

function pemCertificates(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
