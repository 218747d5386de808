import type { AbortOptions } from '@slipway/digest';
import type { CredentialProvider } from '@slipway/docker-credentials';
import type { Endpoint, V1Endpoint } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import {
  endpointURLs,
  parseNondistributableRegistries,
  type Registry,
  type Repository,
  type RequestRecord,
  registryAddresses,
} from '@slipway/registry-client';
import type { AdaptiveLimits } from '@slipway/transfer';
import type { ConnectionOptions } from './connection-options.ts';
import type { Environment } from './environment.ts';
import type { NondistributableChoice } from './nondistributable.ts';
import { connectionOptions, openConnection } from './open-connection.ts';
import { limitUploads, limitV1Uploads, type RateLimit } from './rate-limit.ts';

export interface RegistriesOptions extends ConnectionOptions {
  readonly environment: Environment;
  readonly credentials: CredentialProvider;
  /** Uploads of all registries share it. @default none */
  readonly rateLimit?: RateLimit | undefined;
  /** Told how each registry bears what is asked of it. @default nothing is adapted */
  readonly adaptiveLimits?: AdaptiveLimits | undefined;
  /** Where foreign layers go. @default nowhere */
  readonly allowNondistributable?: NondistributableChoice | undefined;
  /** Told of every finished request, for `--verbose`. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/** The registries of one run, each opened once. Leaving scope ends their connections. */
export interface Registries extends AsyncDisposable {
  /** The ways to a reference's repository, in the order to try them. */
  endpointsOf(reference: Reference): Promise<readonly Endpoint[]>;
  /** The same for the protocol of before 2015. */
  v1EndpointsOf(reference: Reference): Promise<readonly V1Endpoint[]>;
}

/** Opens registries as they are needed, the way the options say. */
export function createRegistries(options: RegistriesOptions): Registries {
  const opened = new Map<string, Promise<Registry>>();
  const open = (registry: string, url: URL, insecureTls: boolean): Promise<Registry> => {
    const known = opened.get(url.href);
    if (known !== undefined) return known;
    const onRequest = (record: RequestRecord): void => {
      observe(registry, record, options.adaptiveLimits);
      options.onRequest?.(record);
    };
    const opening = openConnection({ registry, url, insecureTls }, { ...options, onRequest });
    opened.set(url.href, opening);
    return opening;
  };
  const connect = async (
    { registry, repository }: Reference,
    url: URL,
    insecureTls: boolean,
    { signal }: AbortOptions = {},
  ): Promise<Repository> => {
    const client = await open(registry, url, insecureTls);
    await client.ping({ signal });
    const plain = client.repository(repository);
    return options.rateLimit === undefined ? plain : limitUploads(plain, options.rateLimit);
  };
  return {
    async endpointsOf(reference) {
      const { registry } = reference;
      const allowNondistributable = await allowsNondistributable(registry, options.allowNondistributable);
      return endpointURLs(registry, options).map(({ url, insecureTls }) => ({
        url,
        allowNondistributable,
        connect: (connectOptions) => connect(reference, url, insecureTls, connectOptions),
        ping: async (pingOptions) => (await open(registry, url, insecureTls)).ping(pingOptions),
      }));
    },
    async v1EndpointsOf({ registry }) {
      const { openV1Session, v1EndpointURLs } = await import('@slipway/registry-client/v1');
      return v1EndpointURLs(registry, options).map(({ url, insecureTls }) => ({
        url,
        async open() {
          const session = openV1Session(await connectionOptions({ registry, url, insecureTls }, options));
          return options.rateLimit === undefined ? session : limitV1Uploads(session, options.rateLimit);
        },
      }));
    },
    async [Symbol.asyncDispose]() {
      const settled = await Promise.allSettled(opened.values());
      await Promise.all(settled.map((result) => result.status === 'fulfilled' && result.value[Symbol.asyncDispose]()));
    },
  };
}

/** By docker's rule: the host as it is written, or any of its addresses in a range. */
async function allowsNondistributable(registry: string, choice: NondistributableChoice | undefined): Promise<boolean> {
  if (choice === undefined || choice === 'all') return choice === 'all';
  const list = parseNondistributableRegistries(choice);
  return list.includes(registry, list.ranges.length > 0 ? await registryAddresses(registry) : undefined);
}

/** Refusals slow a registry's transfers down, and so do short questions that it answers ever more slowly. */
function observe(
  registry: string,
  { method, status, sentBytes, durationMs }: RequestRecord,
  limits: AdaptiveLimits | undefined,
): void {
  if (status === 429 || status === 503) limits?.overloaded(registry);
  else if (status !== undefined && sentBytes === 0 && (method === 'HEAD' || method === 'POST'))
    limits?.answered(registry, durationMs);
}
