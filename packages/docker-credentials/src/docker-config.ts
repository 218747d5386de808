import { aFunction, anObject, aString, assertOptions, surviving } from '@slipway/arguments';
import { readConfigFile } from './config-file.ts';
import { type CredentialSources, dockerConfigPath } from './credential-sources.ts';
import { CredentialsError } from './errors.ts';

/** Where docker's `config.json` may be. */
export type DockerConfigSources = Pick<CredentialSources, 'env' | 'homeFolder' | 'onWarning'>;

/**
 * Docker's `config.json` as an object, for what it holds beside credentials: `proxies`, `HttpHeaders`. Empty where
 * there is no such file, and where it cannot be used, which `onWarning` is told.
 */
export async function readDockerConfig(sources: DockerConfigSources): Promise<Readonly<Record<string, unknown>>> {
  assertOptions('sources', sources, {
    required: { env: anObject },
    optional: { homeFolder: aString, onWarning: aFunction },
  });
  const path = await dockerConfigPath(sources);
  if (path === undefined) return {};
  try {
    return (await readConfigFile(path))?.document ?? {};
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    surviving('onWarning', sources.onWarning)?.(error.message);
    return {};
  }
}
