import type { AbortOptions } from '@slipway/digest';
import type { Endpoint } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import {
  type CredentialProvider,
  endpointURLs,
  openRegistry,
  type Registry,
  type Repository,
  type RequestRecord,
} from '@slipway/registry-client';
import { certificatesFor } from './certificates.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { limitUploads, type RateLimit } from './rate-limit.ts';
import { version } from './version.ts';

export interface RegistriesOptions extends ConnectionOptions {
  readonly credentials: CredentialProvider;
  /** Uploads of all registries share it. @default none */
  readonly rateLimit?: RateLimit | undefined;
  readonly allowNondistributable?: boolean | undefined;
  /** Told of every finished request, for `--verbose`. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/** The registries of one run, each opened once. Leaving scope ends their connections. */
export interface Registries extends AsyncDisposable {
  /** The ways to a reference's repository, in the order to try them. */
  endpointsOf(reference: Reference): readonly Endpoint[];
}

/** Opens registries as they are needed, the way the options say. */
export function createRegistries(options: RegistriesOptions): Registries {
  const opened = new Map<string, Promise<Registry>>();
  const open = (registry: string, url: URL, insecureTls: boolean): Promise<Registry> => {
    const known = opened.get(url.href);
    if (known !== undefined) return known;
    const opening = openOne(registry, url, insecureTls, options);
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
    endpointsOf: (reference) =>
      endpointURLs(reference.registry, options).map(({ url, insecureTls }) => ({
        url,
        allowNondistributable: options.allowNondistributable,
        connect: (connectOptions) => connect(reference, url, insecureTls, connectOptions),
      })),
    async [Symbol.asyncDispose]() {
      const settled = await Promise.allSettled(opened.values());
      await Promise.all(settled.map((result) => result.status === 'fulfilled' && result.value[Symbol.asyncDispose]()));
    },
  };
}

async function openOne(name: string, url: URL, insecureTls: boolean, options: RegistriesOptions): Promise<Registry> {
  const certificates = url.protocol === 'https:' ? await certificatesFor(name, options.certDir) : {};
  return openRegistry({
    url,
    name,
    credentials: options.credentials,
    userAgent: `slipway/${version}`,
    connect: insecureTls ? { ...certificates, rejectUnauthorized: false } : certificates,
    onRequest: options.onRequest,
  });
}

/** One line about a request, for `--verbose`; the URL has no user and no query. */
export function requestLine({ method, url, status, sentBytes, receivedBytes, durationMs }: RequestRecord): string {
  const bytes = [sentBytes > 0 ? `${sentBytes} B sent` : '', receivedBytes > 0 ? `${receivedBytes} B read` : ''];
  return [`${method} ${url}`, status ?? 'no answer', ...bytes.filter(Boolean), `${Math.round(durationMs)} ms`].join(
    ' · ',
  );
}
