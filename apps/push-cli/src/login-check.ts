import { type Credentials, endpointURLs, RegistryError, type RequestRecord } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { openConnection, requestLine } from './open-connection.ts';
import { warningLine } from './progress/progress.ts';

/**
 * Shows credentials to a registry.
 *
 * Asks for a manifest that nobody has, since a registry that hands out tokens accepts a login by giving one out, whatever
 * it then says of that repository.
 *
 * @throws {RegistryError} `ERR_REGISTRY_UNAUTHORIZED` when they are refused, `ERR_REGISTRY_UNREACHABLE` when there is no answer
 */
export async function verifyLogin(
  name: string,
  credentials: Credentials,
  options: ConnectionOptions & { readonly verbose?: boolean | undefined },
  { signal, stderr, environment }: Pick<CommandContext, 'signal' | 'stderr' | 'environment'>,
): Promise<void> {
  let failure: unknown;
  for (const { url, insecureTls } of endpointURLs(name, options)) {
    const requests: RequestRecord[] = [];
    const say = (line: string): void => void stderr.write(`${line}\n`);
    await using registry = await openConnection(
      { registry: name, url, insecureTls },
      {
        certDir: options.certDir,
        environment,
        warn: (message) => say(warningLine(message)),
        credentials: async () => credentials,
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
      failure = error;
      if (!(error instanceof RegistryError)) throw error;
      if (error.code === 'ERR_REGISTRY_DENIED' || requests.some(isTokenGrant)) return;
      if (error.code !== 'ERR_REGISTRY_UNREACHABLE') throw error;
    }
  }
  throw failure;
}

function isTokenGrant({ url, status }: RequestRecord): boolean {
  return status === 200 && !/\/v2\/$|\/manifests\//.test(url);
}
