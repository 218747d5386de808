import type { CredentialProvider } from '@slipway/docker-credentials';
import type { ConnectOptions, Endpoint, V1Endpoint } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import {
  type EndpointURLsOptions,
  endpointURLs,
  parseInsecureRegistries,
  parseNondistributableRegistries,
  type Registry,
  type Repository,
  type RequestRecord,
  registryAddresses,
} from '@slipway/registry-client';
import type { ClientEnvironment } from '../environment.ts';
import type { NondistributableChoice } from '../options/value-kinds.ts';
import { askAhead } from './ask-ahead.ts';
import type { ConnectionParts, ConnectionSettings } from './connection-settings.ts';
import { connectionOptions, openConnection } from './open-connection.ts';
import { limitUploads, limitV1Uploads, type RateLimit } from './rate-limit.ts';

export interface RegistriesOptions extends ConnectionSettings, ConnectionParts {
  readonly environment: ClientEnvironment;
  readonly credentials: CredentialProvider;
  /** What tokens are asked for. @default 'push' */
  readonly access?: 'push' | 'pull' | undefined;
  /** Uploads of all registries share it. @default none */
  readonly rateLimit?: RateLimit | undefined;
  /** Where foreign layers go. @default nowhere */
  readonly allowNondistributable?: NondistributableChoice | undefined;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/** One way to a registry: what it is like, and the registry itself, opened once and closed with all the others. */
export interface RegistryEndpoint {
  readonly url: URL;
  /** The certificate is not checked. */
  readonly insecureTls: boolean;
  /** Nothing is sent yet. */
  open(): Promise<Registry>;
}

/** Registries, each opened once. Leaving scope ends their connections. */
export interface Registries extends AsyncDisposable {
  /** The ways to a registry, in the order to try them: https, then plain http where it is allowed. */
  waysTo(registry: string): Promise<readonly RegistryEndpoint[]>;
  /**
   * The ways to a reference's repository, for a push.
   *
   * @param options tells whether this user has nothing to show there @default no
   */
  endpointsOf(
    reference: Reference,
    options?: { readonly isAnonymous?: () => Promise<boolean> },
  ): Promise<readonly Endpoint[]>;
  /** The same for the protocol of before 2015. */
  v1EndpointsOf(reference: Reference): Promise<readonly V1Endpoint[]>;
}

/** Opens registries as they are needed, the way the options say. */
export function createRegistries(options: RegistriesOptions): Registries {
  const opened = new Map<string, Promise<Registry>>();
  const { plainHttp, insecure, insecureRegistries } = options;
  const { ranges } = parseInsecureRegistries(insecureRegistries ?? []);
  const open = (registry: string, url: URL, insecureTls: boolean): Promise<Registry> => {
    const known = opened.get(url.href);
    if (known !== undefined) return known;
    const onRequest = (record: RequestRecord): void => options.onRequest?.(record, registry);
    const opening = openConnection({ registry, url, insecureTls }, { ...options, onRequest });
    opened.set(url.href, opening);
    opening.catch(() => opened.delete(url.href)); // a certificate may be put right while the client lives
    return opening;
  };
  const urlOptionsOf = async (registry: string): Promise<EndpointURLsOptions> => ({
    plainHttp,
    insecure,
    insecureRegistries,
    addresses: ranges.length > 0 ? await registryAddresses(registry) : undefined,
  });
  const waysTo = async (registry: string): Promise<readonly RegistryEndpoint[]> =>
    endpointURLs(registry, await urlOptionsOf(registry)).map(({ url, insecureTls }) => ({
      url,
      insecureTls,
      open: () => open(registry, url, insecureTls),
    }));
  const connect = async (
    { repository }: Reference,
    way: RegistryEndpoint,
    { signal, first }: ConnectOptions = {},
  ): Promise<Repository> => {
    const registry = await way.open();
    const { access, rateLimit } = options;
    using ahead = first && askAhead(registry.repository(repository, { access, ahead: true }), first, { signal });
    await registry.ping({ signal });
    const plain = registry.repository(repository, { access });
    const answered = ahead === undefined ? plain : ahead.before(plain);
    return rateLimit === undefined ? answered : limitUploads(answered, rateLimit);
  };
  return {
    waysTo,
    async endpointsOf(reference, { isAnonymous } = {}) {
      const allowNondistributable = await allowsNondistributable(reference.registry, options.allowNondistributable);
      const ways = await waysTo(reference.registry);
      return ways.map((way) => ({
        url: way.url,
        allowNondistributable,
        async connect({ signal, first } = {}) {
          // Where http comes after https, https is likely to fail.
          const mayAskAhead = first !== undefined && way === ways.at(-1) && (await isAnonymous?.());
          return await connect(reference, way, { signal, first: mayAskAhead ? first : undefined });
        },
        ping: async (pingOptions) => (await way.open()).ping(pingOptions),
      }));
    },
    async v1EndpointsOf({ registry }) {
      const { openV1Session, v1EndpointURLs } = await import('@slipway/registry-client/v1');
      const onRequest = (record: RequestRecord): void => options.onRequest?.(record, registry);
      return v1EndpointURLs(registry, await urlOptionsOf(registry)).map(({ url, insecureTls }) => ({
        url,
        async open() {
          const target = { registry, url, insecureTls };
          const session = openV1Session(await connectionOptions(target, { ...options, onRequest }));
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
