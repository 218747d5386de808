import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../answers/system-code.ts';
import { readCertificates, readKey } from './certificate-file.ts';
import { CertificateError } from './errors.ts';

/** What a folder of `certs.d` holds for one registry. */
export interface CertificateFolder {
  /** Where it lies. */
  readonly path: string;
  /** Authorities, in PEM. */
  readonly authorities: readonly string[];
  /** Client certificates with their keys, in PEM, by file name. */
  readonly clients: readonly { readonly name: string; readonly cert: string; readonly key: string }[];
  /** Files that are passed over, and why: others look after the folder, and one bad file must not stop everything. */
  readonly skipped: readonly CertificateError[];
}

/**
 * Reads a folder as docker and podman do: `*.crt` are authorities, each `x.cert` is a client certificate whose key is
 * `x.key`. A file that cannot be read (a dangling link, a key that is root's), or an authority that is none, is passed
 * over. Undefined where there is no such folder.
 *
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE`, with docker's texts where half of a pair is missing
 * @see https://github.com/moby/moby/blob/v28.0.0/registry/registry.go#L57-L110
 */
export async function readCertificateFolder(folder: string): Promise<CertificateFolder | undefined> {
  const names = await listFolder(folder);
  if (!names) return undefined;
  const authorities: string[] = [];
  const clients: { name: string; cert: string; key: string }[] = [];
  const skipped: CertificateError[] = [];
  const unlessSkipped = async <T>(read: () => Promise<T>, isOptional: (error: CertificateError) => boolean) => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CertificateError && isOptional(error))) throw error;
      skipped.push(error);
      return undefined;
    }
  };
  for (const name of names) {
    const path = join(folder, name);
    const [, stem, ending] = /^(.+)\.(crt|cert|key)$/.exec(name) ?? [];
    if (ending === 'crt') {
      authorities.push(
        ...((await unlessSkipped(
          () => readCertificates(path),
          () => true,
        )) ?? []),
      );
    } else if (ending === 'cert') {
      if (!names.includes(`${stem}.key`)) {
        const missing = `missing key ${stem}.key for client certificate ${name}`;
        const message = `${missing}. CA certificates must use the extension .crt`;
        throw new CertificateError(message, { reason: 'unpaired', file: path });
      }
      const key = join(folder, `${stem}.key`);
      const client = await unlessSkipped(() => readClient(name, path, key), isUnreadable);
      if (client) clients.push(client);
    } else if (ending === 'key' && !names.includes(`${stem}.cert`)) {
      const message = `missing client certificate ${stem}.cert for key ${name}`;
      throw new CertificateError(message, { reason: 'unpaired', file: path });
    }
  }
  return { path: folder, authorities, clients, skipped };
}

function isUnreadable({ facts }: CertificateError): boolean {
  return facts.reason === 'unreadable';
}

async function readClient(
  name: string,
  certPath: string,
  keyPath: string,
): Promise<{ name: string; cert: string; key: string }> {
  const cert = (await readCertificates(certPath)).join('\n');
  return { name, cert, key: await readKey(keyPath, cert) };
}

async function listFolder(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const message = `cannot read the certificate folder ${folder}: ${code}`;
    throw new CertificateError(message, { reason: 'unreadable', file: folder }, { cause: error });
  }
}
