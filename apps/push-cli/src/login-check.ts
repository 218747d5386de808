import type { Credentials } from '@slipway/docker-credentials';
import { endpointURLs, RegistryError, type RequestRecord } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { CliError } from './errors.ts';
import { openConnection, requestLine } from './open-connection.ts';
import { preferredFailure } from './preferred-failure.ts';
import { reasonIn } from './registry-advice.ts';

/**
 * Shows credentials to a registry.
 *
 * Asks for a manifest that nobody has, since a registry that hands out tokens accepts a login by giving one out, whatever
 * it then says of that repository.
 *
 * @throws {CliError} `ERR_CLI_LOGIN_REFUSED` when they are refused
 * @throws {RegistryError} `ERR_REGISTRY_UNREACHABLE` when there is no answer
 */
export async function verifyLogin(
  name: string,
  credentials: Credentials,
  options: ConnectionOptions & {
    readonly verbose?: boolean | undefined;
    /** Told what a user should know. */
    readonly warn: (message: string) => void;
  },
  { signal, stderr, environment }: Pick<CommandContext, 'signal' | 'stderr' | 'environment'>,
): Promise<void> {
  let failure: unknown;
  let wasAsked = false;
  for (const { url, insecureTls } of endpointURLs(name, options)) {
    const requests: RequestRecord[] = [];
    const say = (line: string): void => void stderr.write(`${line}\n`);
    await using registry = await openConnection(
      { registry: name, url, insecureTls },
      {
        certDir: options.certDir,
        timeout: options.timeout,
        environment,
        warn: options.warn,
        credentials: async () => {
          wasAsked = true;
          return credentials;
        },
        onRequest: (request) => {
          requests.push(request);
          if (options.verbose === true) say(requestLine(request));
        },
      },
    );
    try {
      await registry.repository('slipway/login', { access: 'pull' }).statManifest('latest', { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      if (wasAsked && (error.code === 'ERR_REGISTRY_DENIED' || requests.some(isTokenGrant))) return;
      if (error.code === 'ERR_REGISTRY_UNAUTHORIZED') throw refused(name, error, wasAsked);
      if (error.code !== 'ERR_REGISTRY_UNREACHABLE') throw error;
      failure = preferredFailure(failure, error);
    }
  }
  throw failure;
}

function refused(name: string, cause: RegistryError, wasAsked: boolean): CliError {
  if (!wasAsked) {
    const message = `${name} answered 401 and did not say how to log in, so the credentials were not shown`;
    return new CliError('ERR_CLI_LOGIN_REFUSED', message, {
      cause,
      hint: 'its owner has to look: a WWW-Authenticate header is missing, or lost on the way',
    });
  }
  const said = reasonIn(cause);
  const why = said === undefined ? '' : `: ${said}`;
  return new CliError('ERR_CLI_LOGIN_REFUSED', `${name} does not accept this user name or password${why}`, {
    cause,
    hint: 'check both; some registries want an access token in place of the password',
  });
}

function isTokenGrant({ url, status }: RequestRecord): boolean {
  return status === 200 && !/\/v2\/$|\/manifests\//.test(url);
}
