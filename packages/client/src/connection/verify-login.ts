import { STATUS_CODES } from 'node:http';
import { surviving } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import type { Credentials } from '@slipway/docker-credentials';
import { furtherFailure, type Ping, RegistryError, type RequestRecord } from '@slipway/registry-client';
import { ClientError } from '../errors.ts';
import { createRegistries, type RegistriesOptions } from './registries.ts';

/** A registry does not accept credentials, or did not say how to show them. */
export class LoginRefusedError extends ClientError {
  override name = 'LoginRefusedError';
  /** The registry asked for credentials and was shown them: else its 401 did not say how. */
  readonly wasAsked: boolean;

  constructor(registry: string, cause: RegistryError, wasAsked: boolean) {
    const message = wasAsked
      ? `${registry} does not accept these credentials`
      : `${registry} answered 401 and did not say how to log in, so the credentials were not shown`;
    super('ERR_CLIENT_LOGIN_REFUSED', message, { cause });
    this.wasAsked = wasAsked;
  }
}

/** How credentials are shown. */
export interface LoginOptions extends AbortOptions {
  /** Told of each way to the registry before it is tried. @default nobody is told */
  readonly onAttempt?: ((url: URL) => void) | undefined;
}

export type VerifyLoginOptions = Omit<RegistriesOptions, 'credentials'> & LoginOptions;

/**
 * Shows credentials to a registry.
 *
 * Asks for a manifest that nobody has, since a registry that hands out tokens accepts a login by giving one out,
 * whatever it then says of that repository. What asks for no credentials has to answer `GET /v2/` as a registry does,
 * for a web site has no such manifest either.
 *
 * @throws {LoginRefusedError} `ERR_CLIENT_LOGIN_REFUSED` when they are refused
 * @throws {RegistryError} when the registry cannot be reached, or answers something else
 */
export async function verifyLogin(
  registry: string,
  credentials: Credentials | undefined,
  { signal, onAttempt, ...options }: VerifyLoginOptions,
): Promise<void> {
  let wasAsked = false;
  let requests: RequestRecord[] = [];
  await using registries = createRegistries({
    ...options,
    credentials: async () => {
      wasAsked = true;
      return credentials;
    },
    onRequest(record) {
      requests.push(record);
      options.onRequest?.(record, registry);
    },
  });
  let failure: Error | undefined;
  for (const way of await registries.waysTo(registry)) {
    requests = [];
    surviving('onAttempt', onAttempt)?.(way.url);
    try {
      const opened = await way.open();
      await opened.repository('slipway/login', { access: 'pull' }).statManifest('latest', { signal });
      const ping = await opened.ping({ signal });
      if (!wasAsked && (ping.status < 200 || ping.status > 299)) throw noRegistry(registry, way.url, ping);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      if (wasAsked && (error.code === 'ERR_REGISTRY_DENIED' || requests.some(isTokenGrant))) return;
      if (error.code === 'ERR_REGISTRY_UNAUTHORIZED') throw new LoginRefusedError(registry, error, wasAsked);
      failure = furtherFailure(failure, error);
      if (error.hasAnswered || error.code !== 'ERR_REGISTRY_UNREACHABLE') throw failure;
    }
  }
  throw failure;
}

function noRegistry(registry: string, way: URL, { status, details }: Ping): RegistryError {
  const page = details?.mediaType === 'text/html' ? ' with a web page' : '';
  const message =
    `${registry} answered ${status}${page} to GET ${way.origin}/v2/ and asked for no credentials: ` +
    'it is no registry';
  return new RegistryError(message, {
    code: 'ERR_REGISTRY_PROTOCOL',
    status,
    dockerMessage:
      `login attempt to ${way.origin}/v2/ failed with status: ${status} ${STATUS_CODES[status] ?? ''}`.trim(),
    hint: "check the registry's name and port, and that its proxy passes /v2/ on",
  });
}

function isTokenGrant({ url, status }: RequestRecord): boolean {
  return status === 200 && !/\/v2\/$|\/manifests\//.test(url);
}
