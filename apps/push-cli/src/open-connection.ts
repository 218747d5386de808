import type { CredentialProvider } from '@slipway/docker-credentials';
import {
  openRegistry,
  type Registry,
  type RegistryOptions,
  type RequestRecord,
  timeoutsOf,
} from '@slipway/registry-client';
import { dispatcherFor, readProxyVariables } from '@slipway/registry-client/proxy';
import { loadTLSOptions, loadTLSOptionsOf } from '@slipway/registry-client/tls';
import type { ConnectionOptions } from './connection-options.ts';
import type { Environment } from './environment.ts';
import { version } from './version.ts';

/** One way to one registry, as `endpointURLs` gives it. */
export interface ConnectionTarget {
  /** As in references, also the name that credentials and certificates are looked up by. */
  readonly registry: string;
  readonly url: URL;
  readonly insecureTls: boolean;
}

export interface OpenConnectionOptions extends Pick<ConnectionOptions, 'certDir' | 'maxRequestsPerSecond' | 'timeout'> {
  readonly environment: Pick<Environment, 'variables' | 'homeFolder'>;
  readonly credentials: CredentialProvider;
  /** Told of every finished request. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/** Opens a registry with this user's certificates and proxies, and this program's name. Nothing is sent yet. */
export async function openConnection(target: ConnectionTarget, options: OpenConnectionOptions): Promise<Registry> {
  return openRegistry(await connectionOptions(target, options));
}

/** What {@link openConnection} opens a registry with, for whoever speaks another protocol to it. */
export async function connectionOptions(
  { registry, url, insecureTls }: ConnectionTarget,
  { environment, certDir, maxRequestsPerSecond, timeout, credentials, onRequest, warn }: OpenConnectionOptions,
): Promise<RegistryOptions> {
  const certificates = {
    homeFolder: environment.homeFolder,
    env: environment.variables,
    certFolder: certDir,
    isInsecure: insecureTls,
    onWarning: warn,
  };
  const connect = url.protocol === 'https:' ? await loadTLSOptions(registry, certificates) : undefined;
  const proxies = await readProxyVariables({
    env: environment.variables,
    homeFolder: environment.homeFolder,
    onWarning: warn,
  });
  return {
    url,
    name: registry,
    credentials,
    userAgent: `slipway/${version}`,
    connect,
    connectTo: (host) => loadTLSOptionsOf(host, certificates),
    dispatcher: dispatcherFor(proxies),
    maxRequestsPerSecond,
    onRequest,
    onWarning: warn,
    ...(timeout !== undefined && { timeouts: timeoutsOf(timeout) }),
  };
}

/** One line about a request, for `--verbose`; the URL has no user and no query. */
export function requestLine({ method, url, status, sentBytes, receivedBytes, durationMs }: RequestRecord): string {
  const bytes = [sentBytes > 0 ? `${sentBytes} B sent` : '', receivedBytes > 0 ? `${receivedBytes} B read` : ''];
  return [`${method} ${url}`, status ?? 'no answer', ...bytes.filter(Boolean), `${Math.round(durationMs)} ms`].join(
    ' · ',
  );
}
