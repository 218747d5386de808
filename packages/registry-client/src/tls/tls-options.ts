import { isAbsolute, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import {
  ArgumentError,
  aBoolean,
  aFunction,
  anObject,
  aString,
  assertOptions,
  listOf,
  type OptionKinds,
  surviving,
} from '@slipway/arguments';
import type { TLSOptions } from '../options.ts';
import { type CertificateFolder, readCertificateFolder } from './certificate-folder.ts';
import { CertificateError } from './errors.ts';
import { readSystemCertificates, type SystemCertificatesOptions } from './system-certificates.ts';

/** Where TLS material for a registry may be. */
export interface TLSSources extends SystemCertificatesOptions {
  /** The user's home folder; undefined for a user without one. */
  readonly homeFolder: string | undefined;
  /**
   * The only folder to look into, as `--cert-dir` names it: the registry's own folder in it, or itself.
   * @default the `certs.d` of podman and docker
   */
  readonly certFolder?: string | undefined;
  /** Accept any certificate; then only `certFolder` is read. @default false */
  readonly isInsecure?: boolean | undefined;
  /** The system's `certs.d` folders. @default /etc/containers/certs.d, /etc/docker/certs.d */
  readonly systemFolders?: readonly string[] | undefined;
}

const tlsKinds: OptionKinds<TLSSources> = {
  required: { env: anObject },
  optional: {
    homeFolder: aString,
    certFolder: aString,
    isInsecure: aBoolean,
    systemFolders: listOf(aString),
    bundles: listOf(aString),
    onWarning: aFunction,
  },
};

/** What was found for one registry, for advice; without any key. */
export interface TLSReport {
  /** The folder that counts; undefined where there is none. */
  readonly folder: string | undefined;
  /** Authorities that it adds. */
  readonly authorities: number;
  /** File name of the client certificate that is shown. */
  readonly client: string | undefined;
  /** Files and folders that are passed over, and why. */
  readonly skipped: readonly CertificateError[];
}

const defaultSystemFolders: readonly string[] = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/**
 * Gathers what TLS to a registry needs: the authorities of this machine and of the registry's folder, the client
 * certificate of that folder. Of several folders for one registry the first that exists counts, the user's before the
 * system's, podman's before docker's. What cannot be read is passed over.
 *
 * @param registry host, with its port if references name it so: `ghcr.io`, `localhost:5000`
 * @throws {CertificateError} `ERR_CERTIFICATE_FILE` for a client certificate without its key, or a named folder that is
 * closed, or not there
 * @throws {TypeError} when `registry` is no host
 */
export async function loadTLSOptions(registry: string, sources: TLSSources): Promise<TLSOptions> {
  assertOptions('sources', sources, tlsKinds);
  const { folder, skipped } = await findFolder(registry, sources);
  tellSkipped(skipped, folder, sources);
  if (sources.certFolder && !folder) {
    const message = `the certificate folder ${sources.certFolder} does not exist, or is no folder`;
    throw new CertificateError(message, { reason: 'unreadable', file: sources.certFolder });
  }
  const [client, ...others] = folder?.clients ?? [];
  if (client && others.length > 0) {
    surviving(
      'onWarning',
      sources.onWarning,
    )?.(
      `of the client certificates for ${registry} only ${client.name} is used, not ` +
        `${others.map(({ name }) => name).join(', ')}`,
    );
  }
  const clientOptions = client ? { cert: client.cert, key: client.key } : {};
  if (sources.isInsecure) return { rejectUnauthorized: false, ...clientOptions };
  const added = [...(await readSystemCertificates(sources)), ...(folder?.authorities ?? [])];
  // Without `ca`, Node uses its own list, which it has ready.
  return { ...(added.length > 0 && { ca: [...rootCertificates, ...added] }), ...clientOptions };
}

/**
 * The same for a host that a registry leads to, its token server or its storage: with the authorities and the client
 * certificate of that host's own folder.
 *
 * @returns undefined where there is no folder of its own
 * @throws {CertificateError | TypeError} as {@link loadTLSOptions}
 */
export async function loadTLSOptionsOf(host: string, sources: TLSSources): Promise<TLSOptions | undefined> {
  assertOptions('sources', sources, tlsKinds);
  const own = { ...sources, certFolder: sources.certFolder && join(sources.certFolder, host) };
  const { folder } = await findFolder(host, own);
  return folder === undefined ? undefined : await loadTLSOptions(host, own);
}

/**
 * Says what {@link loadTLSOptions} finds in the folders for a registry.
 *
 * @throws {CertificateError | TypeError} as {@link loadTLSOptions}
 */
export async function describeTLS(registry: string, sources: TLSSources): Promise<TLSReport> {
  assertOptions('sources', sources, tlsKinds);
  const { folder, skipped } = await findFolder(registry, sources);
  return {
    folder: folder?.path,
    authorities: folder?.authorities.length ?? 0,
    client: folder?.clients[0]?.name,
    skipped,
  };
}

interface FoundFolder {
  readonly folder: CertificateFolder | undefined;
  readonly skipped: readonly CertificateError[];
}

async function findFolder(registry: string, sources: TLSSources): Promise<FoundFolder> {
  if (!/^[^/\\]+$/.test(registry) || /^\.+$/.test(registry)) {
    throw new ArgumentError('registry', `Expected \`registry\` to be a host, got ${JSON.stringify(registry)}`);
  }
  const skipped: CertificateError[] = [];
  for (const path of folderPaths(registry, sources)) {
    const folder = await readCertificateFolder(path).catch((error: unknown) => {
      // A folder that is closed to this user is not meant for it, as podman has it; one that the user named is.
      const isOptional = !sources.certFolder && error instanceof CertificateError && error.facts.file === path;
      if (!isOptional) throw error;
      skipped.push(error);
      return undefined;
    });
    if (folder) return { folder, skipped: [...skipped, ...folder.skipped] };
  }
  return { folder: undefined, skipped };
}

/**
 * A link that leads nowhere is told only where somebody named the folder: systems ship such links. What is there and is
 * no certificate, or cannot be read, is told everywhere: somebody put it there.
 */
function tellSkipped(
  skipped: readonly CertificateError[],
  folder: CertificateFolder | undefined,
  { certFolder, onWarning }: TLSSources,
): void {
  for (const error of skipped) {
    const isGone = /: (?:ENOENT|ELOOP)$/.test(error.message);
    const isInFolder = folder?.skipped.includes(error) ?? false;
    if (isInFolder && (certFolder || !isGone))
      surviving('onWarning', onWarning)?.(`${error.message}; it is left out of account`);
  }
}

function folderPaths(
  registry: string,
  { homeFolder, env, certFolder, isInsecure = false, systemFolders = defaultSystemFolders }: TLSSources,
): readonly string[] {
  if (certFolder) return [join(certFolder, registry), certFolder];
  if (isInsecure) return [];
  const { XDG_CONFIG_HOME: named } = env;
  // A folder that is not absolute is to be ignored, says the XDG specification.
  const isNamed = named !== undefined && isAbsolute(named);
  const configFolder = isNamed ? named : homeFolder === undefined ? undefined : join(homeFolder, '.config');
  const userFolders =
    configFolder === undefined ? [] : ['containers', 'docker'].map((name) => join(configFolder, name, 'certs.d'));
  return [...userFolders, ...systemFolders].map((folder) => join(folder, registry));
}
