import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { TLSOptions } from '../options.ts';
import { type CertificateFolder, readCertificateFolder } from './certificate-folder.ts';
import { readSystemCertificates, type SystemCertificatesOptions } from './system-certificates.ts';

/** Where TLS material for a registry may be. */
export interface TLSSources extends SystemCertificatesOptions {
  /** The user's home folder. */
  readonly homeFolder: string;
  /** The only folder to look into, as `--cert-dir` names it: the registry's own folder in it, or itself. @default the `certs.d` of podman and docker */
  readonly certFolder?: string | undefined;
  /** Accept any certificate; then only `certFolder` is read. @default false */
  readonly isInsecure?: boolean | undefined;
  /** The system's `certs.d` folders. @default /etc/containers/certs.d, /etc/docker/certs.d */
  readonly systemFolders?: readonly string[] | undefined;
  /** Told what a user should know, in a sentence. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const defaultSystemFolders: readonly string[] = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/**
 * Gathers what TLS to a registry needs: the authorities of this machine and of the registry's folder, the client
 * certificate of that folder. Of several folders for one registry the first that exists counts, the user's before the
 * system's, podman's before docker's.
 *
 * @param registry host, with its port if references name it so: `ghcr.io`, `localhost:5000`
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE`
 * @throws {TypeError} when `registry` is no host
 */
export async function loadTLSOptions(registry: string, sources: TLSSources): Promise<TLSOptions> {
  if (!/^[^/\\]+$/.test(registry) || /^\.+$/.test(registry)) {
    throw new TypeError(`Expected \`registry\` to be a host, got ${JSON.stringify(registry)}`);
  }
  const folder = await findFolder(registry, sources);
  const [client, ...others] = folder?.clients ?? [];
  if (client && others.length > 0) {
    sources.onWarning?.(
      `of the client certificates for ${registry} only ${client.name} is used, not ${others.map(({ name }) => name).join(', ')}`,
    );
  }
  const clientOptions = client ? { cert: client.cert, key: client.key } : {};
  if (sources.isInsecure) return { rejectUnauthorized: false, ...clientOptions };
  const added = [...(await readSystemCertificates(sources)), ...(folder?.authorities ?? [])];
  // Without `ca`, Node uses its own list, which it has ready.
  return { ...(added.length > 0 && { ca: [...rootCertificates, ...added] }), ...clientOptions };
}

async function findFolder(registry: string, sources: TLSSources): Promise<CertificateFolder | undefined> {
  for (const path of folderPaths(registry, sources)) {
    const folder = await readCertificateFolder(path).catch((error: unknown) => {
      // A folder that is closed to this user is not meant for it, as podman has it; one that the user named is.
      if (!sources.certFolder && isForbidden(error)) return undefined;
      throw error;
    });
    if (folder) return folder;
  }
  return undefined;
}

function isForbidden(error: unknown): boolean {
  const { code } = (error as { readonly cause?: { readonly code?: unknown } }).cause ?? {};
  return code === 'EACCES' || code === 'EPERM';
}

function folderPaths(
  registry: string,
  { homeFolder, certFolder, isInsecure = false, systemFolders = defaultSystemFolders }: TLSSources,
): readonly string[] {
  if (certFolder) return [join(certFolder, registry), certFolder];
  if (isInsecure) return [];
  const userFolders = ['containers', 'docker'].map((name) => join(homeFolder, '.config', name, 'certs.d'));
  return [...userFolders, ...systemFolders].map((folder) => join(folder, registry));
}
