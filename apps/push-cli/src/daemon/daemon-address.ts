import { join } from 'node:path';
import type { Environment } from '../environment.ts';
import { usageError } from '../errors.ts';

/** Where a slipwayd listens when nothing says otherwise. */
export const defaultDaemonHost = 'unix:///run/slipway.sock';

/** A token, or certificates. */
const maxFileBytes = 4 * 1024 * 1024;

/** What is needed to talk to a slipwayd. */
export interface DaemonAddress {
  /** As messages name it, without credentials. */
  readonly text: string;
  readonly url: URL;
  /** A unix socket or a named pipe, in place of the URL's host. */
  readonly socketPath?: string | undefined;
  readonly tls?: DaemonTls | undefined;
  /** Shown as `Authorization: Bearer`. */
  readonly token?: string | undefined;
}

/** PEM; the names of Node's TLS options. */
export interface DaemonTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/**
 * The daemon that was named: `unix:///run/slipway.sock`, `npipe:////./pipe/slipway`, `tcp://HOST:PORT`, `https://HOST`,
 * or a docker context. Of the environment count `SLIPWAY_HOST`, `SLIPWAY_CERT_PATH` (a folder with ca.pem, cert.pem and
 * key.pem, as docker has them), and `SLIPWAY_TOKEN` or `SLIPWAY_TOKEN_FILE`, a file that holds it.
 *
 * @throws {CliError} `ERR_CLI_USAGE` for an address that leads nowhere, or that would show the token to everybody on
 * the way, and for a context that docker does not have, or that cannot be read
 */
export async function findDaemon(named: string | undefined, environment: Environment): Promise<DaemonAddress> {
  const { SLIPWAY_CERT_PATH: certificates } = environment.variables;
  const text = named ?? daemonOfEnvironment(environment) ?? defaultDaemonHost;
  const place = text.includes('://')
    ? { host: text, tls: certificates ? await readCertificates(certificates) : undefined }
    : await placeOfContext(text, environment);
  const address = { ...addressOf(place.host, place.tls), token: await tokenOf(environment) };
  if (address.token !== undefined && !isPrivate(address)) {
    throw usageError(`the token would be readable on the way to ${address.text}`, privateWays);
  }
  return address;
}

/** What to do where a token would be needed, and would be readable. */
export const privateWays: string =
  'with TLS at the daemon (slipwayd --tls-cert and --tls-key), name it as https://; else reach its port through a ' +
  'tunnel, such as `ssh -L 2375:127.0.0.1:PORT HOST`, and name it as tcp://127.0.0.1:2375';

/** A token in a file is one that somebody renews, as Kubernetes does. */
async function tokenOf({ variables }: Environment): Promise<string | undefined> {
  const { SLIPWAY_TOKEN: token = '', SLIPWAY_TOKEN_FILE: file = '' } = variables;
  if (file === '') return token === '' ? undefined : oneToken(token, 'SLIPWAY_TOKEN');
  if (token !== '') throw usageError('SLIPWAY_TOKEN and SLIPWAY_TOKEN_FILE exclude each other');
  const { readTextWithin } = await import('@slipway/read-file'); // most need neither a token nor certificates
  const text = await readTextWithin(file, { maxBytes: maxFileBytes, mayBePipe: true }).catch((cause: Error) => {
    throw usageError(`SLIPWAY_TOKEN_FILE cannot be read: ${cause.message}`);
  });
  return oneToken(text, `SLIPWAY_TOKEN_FILE: ${file}`);
}

/** Without the line break that a file leaves, be it of Windows. A header takes nothing else. */
function oneToken(text: string, place: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw usageError(`${place} does not hold one token and nothing else`);
}

/** The daemon that the environment names for all commands. */
export function daemonOfEnvironment({ variables }: Pick<Environment, 'variables'>): string | undefined {
  return variables['SLIPWAY_HOST'] || undefined;
}

function addressOf(host: string, tls: DaemonTls | undefined): DaemonAddress {
  const [, scheme, path = ''] = /^(unix|npipe):\/\/(.*)$/s.exec(host) ?? [];
  if (scheme !== undefined) {
    if (path === '') throw usageError(`the daemon's address ${JSON.stringify(host)} has no path`);
    return { text: host, url: new URL('http://slipwayd/'), socketPath: path };
  }
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || url.hostname === '' || !/^(?:tcp|https?):$/.test(url.protocol)) {
    throw usageError(
      `${JSON.stringify(host)} is no address of a daemon`,
      'write unix:///PATH, tcp://HOST:PORT, https://HOST[:PORT], or the name of a docker context',
    );
  }
  const isSecure = url.protocol === 'https:' || tls !== undefined;
  const port = url.port || (url.protocol === 'tcp:' ? (isSecure ? '2376' : '2375') : '');
  const origin = new URL(`${isSecure ? 'https' : 'http'}://${url.hostname}${port === '' ? '' : `:${port}`}/`);
  return { text: `${url.protocol}//${url.host}`, url: origin, tls };
}

/** Whether nobody on the way can read what is sent: it is a socket, TLS, or stays on this machine. */
export function isPrivate({ url, socketPath }: DaemonAddress): boolean {
  return (
    socketPath !== undefined || url.protocol === 'https:' || /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)
  );
}

async function placeOfContext(
  name: string,
  { dockerConfigFolder }: Environment,
): Promise<{ readonly host: string; readonly tls?: DaemonTls | undefined }> {
  const { findDaemonEndpoint } = await import('@slipway/image-source/daemon');
  const wanted = { variables: { DOCKER_CONTEXT: name }, configFolder: dockerConfigFolder };
  const { host, tls } = await findDaemonEndpoint(wanted).catch((error: unknown) => {
    // It is the way to a daemon that is wrong, and no source.
    if (!(error instanceof Error && 'origin' in error)) throw error;
    throw usageError(
      error.message,
      'write the daemon as unix:///PATH, tcp://HOST:PORT or https://HOST[:PORT], in --daemon or SLIPWAY_HOST; ' +
        '`docker context ls` lists the contexts',
    );
  });
  if (tls === undefined) return { host };
  const { ca, cert, key, verify } = tls;
  return { host, tls: { ca, cert, key, rejectUnauthorized: verify } };
}

async function readCertificates(folder: string): Promise<DaemonTls> {
  const { readTextWithin } = await import('@slipway/read-file');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map(async (name) => {
      try {
        return await readTextWithin(join(folder, name), { maxBytes: maxFileBytes });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw usageError(`SLIPWAY_CERT_PATH cannot be read: ${(cause as Error).message}`);
      }
    }),
  );
  if (ca === undefined && cert === undefined) {
    throw usageError(`SLIPWAY_CERT_PATH: ${folder} has neither ca.pem nor cert.pem`);
  }
  return { ca, cert, key };
}
