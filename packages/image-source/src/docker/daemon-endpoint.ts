import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { FileRefusedError, readFileWithin } from '@slipway/read-file';
import { objectOf, parseJson, textOf } from '../documents.ts';
import { fromSystemError, invalidSource, SourceError } from '../errors.ts';

/** Where a Docker daemon listens when nothing says otherwise. */
export const defaultDaemonHost: string = 'unix:///var/run/docker.sock';

/** What docker's `config.json`, a context or a certificate may have. */
const maxFileBytes = 4 * 1024 * 1024;

/** How a connection to a daemon is secured. All certificates and keys are PEM. */
export interface DaemonTls {
  /** Authorities that may have signed the daemon's certificate. @default the system's */
  readonly ca?: string | undefined;
  /** What the daemon is shown. @default nothing */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the daemon's certificate is checked. @default true */
  readonly verify?: boolean | undefined;
}

/** A Docker daemon and the way to it. */
export interface DaemonEndpoint {
  /** `unix:///run/docker.sock`, `npipe:////./pipe/docker_engine`, `tcp://host:2376`, `http://…` or `https://…`. */
  readonly host: string;
  /** @default none: `tcp:` is plain HTTP then */
  readonly tls?: DaemonTls | undefined;
}

/** What the docker client would look at to find its daemon. */
export interface DaemonEnvironment {
  /** Of these, `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` count. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where `config.json` and `contexts/` lie: `DOCKER_CONFIG`, else `~/.docker`. */
  readonly configFolder: string;
}

/**
 * Finds the daemon that the docker client would talk to: `DOCKER_HOST`, else the context named by `DOCKER_CONTEXT`,
 * else the `currentContext` of `config.json`, else the default socket. TLS comes from `DOCKER_TLS_VERIFY` and
 * `DOCKER_CERT_PATH`, or from the context.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` for a context that does not exist; `ERR_SOURCE_INVALID` for damaged
 * files; `ERR_SOURCE_UNREADABLE` for files that may not be read.
 * @see https://github.com/docker/cli/blob/v28.5.2/cli/command/cli.go#L403-L438
 */
export async function findDaemonEndpoint({ variables, configFolder }: DaemonEnvironment): Promise<DaemonEndpoint> {
  const value = (name: string): string | undefined => variables[name] || undefined;
  const host = value('DOCKER_HOST');
  const context = host ? 'default' : (value('DOCKER_CONTEXT') ?? (await currentContext(configFolder)) ?? 'default');
  if (context !== 'default') return await readContext(configFolder, context);
  const verify = value('DOCKER_TLS_VERIFY') !== undefined;
  const tls =
    verify || value('DOCKER_TLS') !== undefined
      ? { ...(await readCertificates(value('DOCKER_CERT_PATH') ?? configFolder)), verify }
      : undefined;
  return { host: host ?? defaultDaemonHost, tls };
}

async function currentContext(configFolder: string): Promise<string | undefined> {
  const path = join(configFolder, 'config.json');
  const bytes = await readOptional(path);
  const label = JSON.stringify(path);
  return bytes && textOf(objectOf(parseJson(bytes, label), label), 'currentContext');
}

/** @see https://github.com/docker/cli/blob/v28.5.2/cli/context/store/metadatastore.go */
async function readContext(configFolder: string, name: string): Promise<DaemonEndpoint> {
  const id = createHash('sha256').update(name).digest('hex');
  const path = join(configFolder, 'contexts', 'meta', id, 'meta.json');
  const label = JSON.stringify(path);
  const bytes = await readOptional(path);
  if (!bytes) {
    throw new SourceError('ERR_SOURCE_NOT_FOUND', `There is no docker context ${JSON.stringify(name)}`, {
      hint: 'See `docker context ls`, or name the daemon in DOCKER_HOST',
    });
  }
  const { Endpoints: endpoints } = objectOf(parseJson(bytes, label), label).fields;
  const { docker } = objectOf(endpoints ?? {}, `${label}: Endpoints`).fields;
  if (!docker) throw invalidSource(`${label} has no endpoint of a Docker daemon`);
  const endpoint = objectOf(docker, `${label}: Endpoints.docker`);
  const certificates = await readCertificates(join(configFolder, 'contexts', 'tls', id, 'docker'));
  const { SkipTLSVerify: skipsVerify } = endpoint.fields;
  const verify = skipsVerify !== true;
  const hasTls = !verify || Object.values(certificates).some((pem) => pem !== undefined);
  return { host: textOf(endpoint, 'Host') ?? defaultDaemonHost, tls: hasTls ? { ...certificates, verify } : undefined };
}

async function readCertificates(folder: string): Promise<Omit<DaemonTls, 'verify'>> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map(async (name) => (await readOptional(join(folder, name)))?.toString('utf8')),
  );
  return { ca, cert, key };
}

async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await readFileWithin(path, { maxBytes: maxFileBytes }));
  } catch (cause) {
    if (cause instanceof FileRefusedError) throw invalidSource(cause.message);
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fromSystemError(cause, path);
  }
}
