import { type ClientOptions, credentialSourcesOf } from '@slipway/client';
import { type Credentials, eraseCredentials, storeCredentials } from '@slipway/docker-credentials';
import type { CommandContext } from './command-context.ts';

/** Where credentials are kept, and who is told of what is odd there. */
export interface KeptCredentialsOptions extends Pick<ClientOptions, 'authfile'> {
  readonly warn: (message: string) => void;
}

/** Keeps credentials where docker keeps them, and says where that is. */
export async function keepCredentials(
  registry: string,
  credentials: Credentials,
  options: KeptCredentialsOptions,
  { environment }: Pick<CommandContext, 'environment'>,
): Promise<string> {
  const stored = await storeCredentials(
    registry,
    credentials,
    credentialSourcesOf({ authfile: options.authfile, warn: options.warn, environment }),
  );
  return stored.helper === undefined ? stored.file : `the ${stored.helper} credential helper`;
}

/** Forgets a registry's credentials; false when there were none. */
export async function forgetCredentials(
  registry: string,
  options: KeptCredentialsOptions,
  { environment }: Pick<CommandContext, 'environment'>,
): Promise<boolean> {
  return await eraseCredentials(
    registry,
    credentialSourcesOf({ authfile: options.authfile, warn: options.warn, environment }),
  );
}
