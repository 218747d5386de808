import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readCertificates, readKey } from './certificate-file.ts';
import { CertificateError } from './errors.ts';

/** What a folder of `certs.d` holds for one registry. */
export interface CertificateFolder {
  /** Authorities, in PEM. */
  readonly authorities: readonly string[];
  /** Client certificates with their keys, in PEM, by file name. */
  readonly clients: readonly { readonly name: string; readonly cert: string; readonly key: string }[];
}

/**
 * Reads a folder as docker and podman do: `*.crt` are authorities, each `x.cert` is a client certificate whose key is
 * `x.key`. Undefined where there is no such folder.
 *
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE`, with docker's texts where half of a pair is missing
 * @see https://github.com/moby/moby/blob/v28.0.0/registry/registry.go#L57-L110
 */
export async function readCertificateFolder(folder: string): Promise<CertificateFolder | undefined> {
  const names = await listFolder(folder);
  if (!names) return undefined;
  const authorities: string[] = [];
  const clients: { name: string; cert: string; key: string }[] = [];
  for (const name of names) {
    const [, stem, ending] = /^(.+)\.(crt|cert|key)$/.exec(name) ?? [];
    if (ending === 'crt') {
      authorities.push(...(await readCertificates(join(folder, name))));
    } else if (ending === 'cert') {
      if (!names.includes(`${stem}.key`)) {
        throw new CertificateError(
          `missing key ${stem}.key for client certificate ${name}. CA certificates must use the extension .crt`,
        );
      }
      const cert = (await readCertificates(join(folder, name))).join('\n');
      clients.push({ name, cert, key: await readKey(join(folder, `${stem}.key`), cert) });
    } else if (ending === 'key' && !names.includes(`${stem}.cert`)) {
      throw new CertificateError(`missing client certificate ${stem}.cert for key ${name}`);
    }
  }
  return { authorities, clients };
}

async function listFolder(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CertificateError(`cannot read the certificate folder ${folder}: ${code}`, { cause: error });
  }
}
