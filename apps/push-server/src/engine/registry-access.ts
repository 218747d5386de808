import { createHmac, randomBytes } from 'node:crypto';
import { withHeaders } from '@slipway/client';
import { type AuthConfig, type CredentialProvider, credentialsOf, hasAuthInfo } from '@slipway/docker-credentials';
import { computeHmacKey } from '@slipway/metadata-store';
import type { Destination, V1Endpoint } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import {
  type EndpointURL,
  type EndpointURLsOptions,
  endpointURLs,
  openRegistry,
  parseInsecureRegistries,
  parseNondistributableRegistries,
  type Registry,
  type RegistryOptions,
  type RequestRecord,
  registryAddresses,
  timeoutsOf,
} from '@slipway/registry-client';
import { dispatcherFor, type ProxyVariables, readProxyVariables } from '@slipway/registry-client/proxy';
import { loadTLSOptions, loadTLSOptionsOf } from '@slipway/registry-client/tls';
import type { TransferManager } from '@slipway/transfer';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { Environment } from '../environment.ts';
import { version } from '../version.ts';
import type { FairTransfers } from './fair-transfers.ts';
import type { MetaHeaders } from './meta-headers.ts';

/** Whose name a push goes in: credentials by registry, and headers for the registry. They are held while a lease lasts. */
export interface Identity {
  readonly auths: ReadonlyMap<string, AuthConfig>;
  readonly metaHeaders?: MetaHeaders | undefined;
  /** Added to the daemon's `User-Agent`; nobody becomes somebody else by it. */
  readonly upstreamClient?: string | undefined;
}

/** The registries as one identity sees them, for the time of one push. */
export interface RegistryLease extends AsyncDisposable {
  /** Shares transfers with all pushes of the same identity; its slots are those of the whole daemon. */
  readonly transfers: TransferManager;
  /** @param mayUseV1 whether the ways of before 2015 are wanted too */
  destinationOf(reference: Reference, options?: { readonly mayUseV1?: boolean | undefined }): Promise<Destination>;
}

/** Opens registries in the names of those who push. */
export interface RegistryAccess {
  lease(identity: Identity): RegistryLease;
  endpointsOf(registry: string): Promise<readonly EndpointURL[]>;
  /** Opens a registry that is the caller's alone, and the caller's to dispose. */
  open(registry: string, endpoint: EndpointURL, options: OpenAccessOptions): Promise<Registry>;
}

export interface OpenAccessOptions {
  readonly credentials: CredentialProvider;
  readonly metaHeaders?: MetaHeaders | undefined;
  readonly upstreamClient?: string | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

export interface RegistryAccessOptions {
  readonly config: Pick<ServerConfig, 'timeoutMs' | 'insecureRegistries' | 'certDir' | 'allowNondistributable'>;
  readonly environment: Environment;
  readonly log: Logger;
  readonly transfers: FairTransfers;
  /** Told of every finished request of a lease. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/** What all leases of one identity have in common. */
interface SharedAccess {
  leases: number;
  readonly transfers: TransferManager;
  readonly registries: Map<string, Promise<Registry>>;
}

/** Makes the way to all registries. */
export function createRegistryAccess(accessOptions: RegistryAccessOptions): RegistryAccess {
  const { config, environment, log, transfers, onRequest } = accessOptions;
  const shared = new Map<string, SharedAccess>();
  const secret = randomBytes(32); // keys that stand in the transfer manager tell nothing of the credentials
  const insecure = parseInsecureRegistries(config.insecureRegistries);
  let proxies: Promise<ProxyVariables> | undefined;

  const insecureOptions = async (registry: string): Promise<EndpointURLsOptions> => {
    const { insecureRegistries } = config;
    const addresses = insecure.ranges.length > 0 ? await registryAddresses(registry) : undefined;
    return { insecureRegistries, addresses };
  };
  const endpointsOf = async (registry: string): Promise<readonly EndpointURL[]> =>
    endpointURLs(registry, await insecureOptions(registry));

  const { allowNondistributable } = config;
  const foreign = parseNondistributableRegistries(
    typeof allowNondistributable === 'boolean' ? [] : allowNondistributable,
  );
  const allowsForeign = async (registry: string): Promise<boolean> => {
    if (allowNondistributable === true) return true;
    return foreign.includes(registry, foreign.ranges.length > 0 ? await registryAddresses(registry) : undefined);
  };

  const optionsOf = async (
    registry: string,
    { url, insecureTls }: EndpointURL,
    options: OpenAccessOptions,
  ): Promise<RegistryOptions> => {
    const { homeFolder, variables } = environment;
    proxies ??= readProxyVariables({ env: variables, homeFolder });
    const onWarning = (message: string): void => log.warn(message);
    const certificates = {
      homeFolder,
      env: variables,
      certFolder: config.certDir,
      isInsecure: insecureTls,
      onWarning,
    };
    const connect = url.protocol === 'https:' ? await loadTLSOptions(registry, certificates) : undefined;
    return {
      url,
      name: registry,
      credentials: options.credentials,
      userAgent: [`slipwayd/${version}`, ...(options.upstreamClient ? [options.upstreamClient] : [])].join(' '),
      connect,
      connectTo: (host) => loadTLSOptionsOf(host, certificates),
      dispatcher: withHeaders(dispatcherFor(await proxies), options.metaHeaders ?? {}, url),
      onRequest: options.onRequest,
      onWarning,
      ...(config.timeoutMs !== undefined && { timeouts: timeoutsOf(config.timeoutMs) }),
    };
  };
  const open: RegistryAccess['open'] = async (registry, endpoint, options) =>
    openRegistry(await optionsOf(registry, endpoint, options));

  /** The ways to a registry of before 2015; each opens a session of its own. */
  const v1EndpointsOf = async (registry: string, options: OpenAccessOptions): Promise<readonly V1Endpoint[]> => {
    const { openV1Session, v1EndpointURLs } = await import('@slipway/registry-client/v1');
    return v1EndpointURLs(registry, await insecureOptions(registry)).map((endpoint) => ({
      url: endpoint.url,
      open: async () => openV1Session(await optionsOf(registry, endpoint, options)),
    }));
  };

  return {
    endpointsOf,
    open,
    lease({ auths, metaHeaders = {}, upstreamClient }) {
      const key = keyOf(secret, auths, metaHeaders);
      const access = shared.get(key) ?? {
        leases: 0,
        registries: new Map(),
        transfers: scopedTransfers(transfers, key),
      };
      access.leases += 1;
      shared.set(key, access);
      const credentials: CredentialProvider = async (registry) => credentialsOf(auths.get(registry) ?? {});
      const accessOf = (registry: string): OpenAccessOptions => ({
        ...{ credentials, metaHeaders, upstreamClient },
        onRequest(record) {
          transfers.observe(registry, record);
          onRequest?.(record);
        },
      });
      const openShared = (registry: string, endpoint: EndpointURL): Promise<Registry> => {
        const name = `${endpoint.url.href} ${upstreamClient ?? ''}`;
        const known = access.registries.get(name);
        if (known !== undefined) return known;
        const opening = open(registry, endpoint, accessOf(registry));
        access.registries.set(name, opening);
        opening.catch(() => access.registries.delete(name));
        return opening;
      };
      let isOpen = true;
      return {
        transfers: access.transfers,
        async destinationOf(reference, { mayUseV1 = false } = {}) {
          const auth = auths.get(reference.registry) ?? {};
          const endpoints = await endpointsOf(reference.registry);
          const allowNondistributable = await allowsForeign(reference.registry);
          return {
            reference,
            hmacKey: computeHmacKey(auth),
            hasAuthInfo: hasAuthInfo(auth),
            v1Endpoints: mayUseV1 ? await v1EndpointsOf(reference.registry, accessOf(reference.registry)) : [],
            endpoints: endpoints.map((endpoint) => ({
              url: endpoint.url,
              allowNondistributable,
              async connect({ signal } = {}) {
                const registry = await openShared(reference.registry, endpoint);
                await registry.ping({ signal });
                return registry.repository(reference.repository);
              },
              ping: async ({ signal } = {}) => (await openShared(reference.registry, endpoint)).ping({ signal }),
            })),
          };
        },
        async [Symbol.asyncDispose]() {
          if (!isOpen) return;
          isOpen = false;
          access.leases -= 1;
          if (access.leases > 0) return;
          shared.delete(key);
          const settled = await Promise.allSettled(access.registries.values());
          await Promise.all(settled.map((one) => one.status === 'fulfilled' && one.value[Symbol.asyncDispose]()));
        },
      };
    },
  };
}

/** Equal work of another identity is other work: nobody's credentials serve somebody else, and nobody inherits a refusal. */
function scopedTransfers(transfers: TransferManager, scope: string): TransferManager {
  return {
    transfer: (request, options) => transfers.transfer({ ...request, key: `${scope} ${request.key}` }, options),
    get concurrency() {
      return transfers.concurrency;
    },
    set concurrency(slots) {
      transfers.concurrency = slots;
    },
    limitHost: (host, limit) => transfers.limitHost(host, limit),
    async [Symbol.asyncDispose]() {}, // the daemon's own, which outlives the lease
  };
}

function keyOf(secret: Uint8Array, auths: ReadonlyMap<string, AuthConfig>, metaHeaders: MetaHeaders): string {
  const parts = [...auths].map(([registry, auth]) => [registry, credentialsOf(auth) ?? null]);
  const text = JSON.stringify([parts.sort(byFirst), Object.entries(metaHeaders).sort(byFirst)]);
  return createHmac('sha256', secret).update(text).digest('base64url');
}

function byFirst([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}
