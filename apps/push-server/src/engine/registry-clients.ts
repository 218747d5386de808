import { createHmac, randomBytes } from 'node:crypto';
import { type Client, type ClientEnvironment, type ClientOptions, createClient } from '@slipway/client';
import { type AuthConfig, type CredentialProvider, credentialsOf, findRegistryKey } from '@slipway/docker-credentials';
import type { RequestRecord } from '@slipway/registry-client';
import { dispatcherFor, readProxyVariables } from '@slipway/registry-client/proxy';
import { createHostBackoff } from '@slipway/transfer';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { SharedLocks } from '../jobs/queue/shared-locks.ts';
import type { Egress } from '../security/egress.ts';
import { version } from '../version.ts';
import { createBlobTurns } from './blob-turns.ts';
import type { FairTransfers } from './fair-transfers.ts';
import type { MetaHeaders } from './meta-headers.ts';
import type { LinkSettings } from './push-settings.ts';
import { scopedTransfers } from './scoped-transfers.ts';

/**
 * Whose name a push goes in: credentials by registry, and headers for the registry. They are held while a lease lasts.
 */
export interface Identity {
  readonly auths: ReadonlyMap<string, AuthConfig>;
  readonly metaHeaders?: MetaHeaders | undefined;
  /** Added to the daemon's `User-Agent`; nobody becomes somebody else by it. */
  readonly upstreamClient?: string | undefined;
  /** What is different about the connection for this push. @default as the daemon was started */
  readonly link?: LinkSettings | undefined;
}

/** A client as long as somebody needs it. */
export interface ClientLease extends AsyncDisposable {
  readonly client: Client;
}

/** The client of each identity: made for the first push of its name, and closed after the last one that runs. */
export interface RegistryClients {
  lease(identity: Identity): Promise<ClientLease>;
}

export interface RegistryClientsOptions
  extends Required<Pick<ClientOptions, 'metadataStore' | 'layerCache' | 'trustKey'>> {
  readonly config: Pick<
    ServerConfig,
    'compressionLevel' | 'timeoutMs' | 'insecureRegistries' | 'certDir' | 'allowNondistributable' | 'retries'
  >;
  readonly environment: ClientEnvironment;
  readonly log: Logger;
  readonly transfers: FairTransfers;
  /** Where connections may lead. */
  readonly egress: Egress;
  /** Keeps daemons that share a Redis from sending the same blob at once. @default there are no others */
  readonly locks?: SharedLocks | undefined;
  /** Told of every finished request. */
  readonly onRequest?: ((record: RequestRecord, registry: string) => void) | undefined;
}

/** Makes the clients of a daemon. They share its slots, its stores, and the rest that a registry wants. */
export function createRegistryClients(options: RegistryClientsOptions): RegistryClients {
  const { config, transfers, locks, onRequest, log } = options;
  const { environment, metadataStore, layerCache, trustKey } = options;
  const { certDir, insecureRegistries, retries, timeoutMs: timeout, allowNondistributable: foreign } = config;
  const hostBackoff = createHostBackoff(); // a registry that wants to be left alone is left alone by everybody
  const secret = randomBytes(32); // keys that stand in the transfer manager tell nothing of the credentials
  const turnsOf = locks && createBlobTurns(locks);
  const opened = new Map<string, { leases: number; readonly client: Promise<Client> }>();

  const { egress } = options;
  const open = async ({ auths, metaHeaders, upstreamClient, link = {} }: Identity, scope: string): Promise<Client> => {
    const { variables: env, homeFolder } = environment;
    const onWarning = (message: string): void => log.warn(message);
    return await createClient({
      dispatcher: egress.guard(dispatcherFor(await readProxyVariables({ env, homeFolder, onWarning }))),
      ...{ environment, metadataStore, layerCache, trustKey, hostBackoff },
      ...{ certDir, insecureRegistries, gzipLevel: config.compressionLevel },
      limitRate: link.limitRate,
      maxRequestsPerSecond: link.maxRequestsPerSecond,
      retries: link.retries ?? retries,
      timeout: link.timeout ?? timeout,
      allowNondistributable: typeof foreign === 'boolean' ? (foreign ? 'all' : []) : foreign,
      credentials: providerOf(auths),
      headers: metaHeaders,
      userAgent: [`slipwayd/${version}`, ...(upstreamClient ? [upstreamClient] : [])].join(' '),
      transfers: scopedTransfers(transfers, scope),
      sharedTurns: turnsOf?.(scope),
      onRequest(record, registry) {
        transfers.observe(registry, record);
        onRequest?.(record, registry);
      },
      onWarning,
    });
  };

  return {
    async lease(identity) {
      const scope = scopeOf(secret, identity);
      // Transfers are shared all the same: what another push sends just now is not sent again.
      const name = JSON.stringify([scope, identity.upstreamClient ?? '', linkNameOf(identity.link)]);
      const shared = opened.get(name) ?? { leases: 0, client: open(identity, scope) };
      shared.leases += 1;
      opened.set(name, shared);
      shared.client.catch(() => opened.delete(name)); // the next one tries again
      let isOpen = true;
      return {
        client: await shared.client,
        async [Symbol.asyncDispose]() {
          if (!isOpen) return;
          isOpen = false;
          shared.leases -= 1;
          if (shared.leases > 0) return;
          opened.delete(name);
          await (await shared.client)[Symbol.asyncDispose]();
        },
      };
    },
  };
}

/** A rate is one of a single push, not of all that were given the same. */
function linkNameOf(link: LinkSettings = {}): unknown {
  const { limitRate, maxRequestsPerSecond, retries, timeout } = link;
  const rate = limitRate === undefined ? undefined : randomBytes(6).toString('hex');
  return [rate, maxRequestsPerSecond, retries, timeout];
}

/** Credentials as docker's client sent them: the whole auth config marks what is pushed with them. */
function providerOf(auths: Identity['auths']): CredentialProvider {
  const names = [...auths.keys()];
  const authConfigOf = async (registry: string): Promise<AuthConfig | undefined> =>
    auths.get(findRegistryKey(names, registry) ?? registry);
  const provide: CredentialProvider = async (registry) => credentialsOf((await authConfigOf(registry)) ?? {});
  return Object.assign(provide, {
    authConfigOf,
    describe: async () => ({ steps: [], found: undefined }),
  });
}

function scopeOf(secret: Uint8Array, { auths, metaHeaders = {} }: Identity): string {
  const parts = [...auths].map(([registry, auth]) => [registry, credentialsOf(auth) ?? null]);
  const text = JSON.stringify([parts.sort(byFirst), Object.entries(metaHeaders).sort(byFirst)]);
  return createHmac('sha256', secret).update(text).digest('base64url');
}

function byFirst([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}
