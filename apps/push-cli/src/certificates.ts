import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { TLSOptions } from '@slipway/registry-client';
import { usageError } from './errors.ts';

/** Folders where docker and podman keep a registry's certificates, the first that exists counts. */
export function certificateFolders(registry: string): readonly string[] {
  return [`/etc/docker/certs.d/${registry}`, `/etc/containers/certs.d/${registry}`];
}

/**
 * Reads a folder as docker lays it out: `*.crt` are authorities, trusted besides those of Node; `NAME.cert` is a client
 * certificate with its key in `NAME.key`.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when a certificate lacks its key
 */
export async function readCertificates(folder: string): Promise<TLSOptions> {
  const names = (await readdir(folder)).sort();
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const authorities = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const client = names.find((name) => name.endsWith('.cert'));
  const ca = authorities.length === 0 ? undefined : [...rootCertificates, ...authorities];
  if (client === undefined) return { ca };
  const key = client.replace(/\.cert$/, '.key');
  if (!names.includes(key)) throw usageError(`${join(folder, client)} has no key: ${key} is missing beside it`);
  return { ca, cert: await read(client), key: await read(key) };
}

/** The certificates for a registry: of `folder` if it is given, else of the first folder of docker or podman that exists. */
export async function certificatesFor(registry: string, folder: string | undefined): Promise<TLSOptions> {
  if (folder !== undefined) {
    return await readCertificates(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw usageError(`--cert-dir ${folder}: no such folder`);
      throw error;
    });
  }
  for (const candidate of certificateFolders(registry)) {
    try {
      return await readCertificates(candidate);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ENOTDIR')
        throw error;
    }
  }
  return {};
}
