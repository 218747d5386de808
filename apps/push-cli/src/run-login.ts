import { storeCredentials } from '@slipway/docker-credentials';
import { parseReference } from '@slipway/reference';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { credentialSources } from './credentials.ts';
import { usageError } from './errors.ts';
import { verifyLogin } from './login-check.ts';
import { assertNoUser } from './mask-user.ts';
import { once } from './once.ts';
import { warningLine } from './progress/lines.ts';
import { ask, passwordFor } from './prompt.ts';

export interface RawLoginOptions extends ConnectionOptions {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Asks for what is missing, shows it to the registry, and keeps it once the registry has accepted it. */
export async function runLogin(text: string, options: RawLoginOptions, context: CommandContext): Promise<void> {
  const { stdin, stderr, environment } = context;
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const warn = once((message) => say(warningLine(message)));
  const registry = parseRegistry(text);
  context.onInterrupted = () => say(''); // off the line of the prompt; there is nothing to stop
  if (options.username === undefined && (options.passwordStdin === true || stdin.isTTY !== true)) {
    throw usageError(
      '--username is needed where there is no terminal to ask on',
      'add --username and --password-stdin',
    );
  }
  const username = options.username ?? (await ask(`User name for ${registry}: `, context)).trim();
  if (username === '' || username.includes(':')) throw usageError('a user name is not empty and has no colon');
  const password = await passwordFor(username, options.passwordStdin === true, context);
  const credentials = { kind: 'basic', username, password } as const;
  await verifyLogin(registry, credentials, { ...options, warn }, context);
  const stored = await storeCredentials(registry, credentials, credentialSources(options, environment, warn));
  const place = stored.helper === undefined ? stored.file : `the ${stored.helper} credential helper`;
  say(`Logged in to ${registry} as ${username}; kept in ${place}`);
}

/**
 * A registry as people name it: `ghcr.io`, `https://ghcr.io/`, `https://ghcr.io/v2/`, or Docker Hub's old address.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function parseRegistry(text: string): string {
  assertNoUser(text);
  const host = text.replace(/^https?:\/\//i, '').replace(/(?:\/v[12])?\/*$/, '');
  if (/^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io)$/i.test(host)) return 'docker.io';
  const wrong = usageError(
    `${JSON.stringify(text)} is no registry`,
    'a registry is a host with an optional port, such as ghcr.io',
  );
  if (host === '' || host.includes('/')) throw wrong;
  try {
    // A registry without a dot, a port or the name localhost could not be told from a repository in a reference.
    if (parseReference(`${host}/name`).registry === host) return host;
  } catch {
    throw wrong;
  }
  throw wrong;
}
