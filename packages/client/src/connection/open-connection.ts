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
import type { ClientEnvironment } from '../environment.ts';
import type { ConnectionParts, ConnectionSettings } from './connection-settings.ts';
import { withHeaders } from './with-headers.ts';

/** One way to one registry, as `endpointURLs` gives it. */
export interface ConnectionTarget {
  /** As in references, also the name that credentials and certificates are looked up by. */
  readonly registry: string;
  readonly url: URL;
  readonly insecureTls: boolean;
}

export interface OpenConnectionOptions extends ConnectionSettings, Omit<ConnectionParts, 'onRequest'> {
  readonly environment: Pick<ClientEnvironment, 'variables' | 'homeFolder'>;
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
  options: OpenConnectionOptions,
): Promise<RegistryOptions> {
  const { environment, certDir, maxRequestsPerSecond, timeout, credentials, onRequest, warn } = options;
  const sources = { env: environment.variables, homeFolder: environment.homeFolder, onWarning: warn };
  const certificates = { ...sources, certFolder: certDir, isInsecure: insecureTls };
  const loadTLS = async (): Promise<RegistryOptions['connect']> => {
    if (url.protocol !== 'https:') return undefined;
    if (options.tls !== undefined) return insecureTls ? { ...options.tls, rejectUnauthorized: false } : options.tls;
    return await loadTLSOptions(registry, certificates);
  };
  const connect = await loadTLS();
  const dispatcher = options.dispatcher ?? dispatcherFor(await readProxyVariables(sources));
  return {
    url,
    name: registry,
    credentials,
    userAgent: options.userAgent ?? 'slipway-client',
    connect,
    connectTo: async (host) => options.tls ?? (await loadTLSOptionsOf(host, certificates)),
    dispatcher: withHeaders(dispatcher, options.headers ?? {}, url),
    maxRequestsPerSecond,
    onRequest,
    onWarning: warn,
    ...(timeout !== undefined && { timeouts: timeoutsOf(timeout) }),
  };
}
