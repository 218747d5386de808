import { join } from 'node:path';
import { type ConfigFile, parseConfig, readConfigFile } from './config-file.ts';
import { CredentialsError } from './errors.ts';

/** Where a user's credentials may be. */
export interface CredentialSources {
  /** The environment: where the files are, and what helpers run in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  readonly homeFolder: string;
  /** The only file to use, as `--authfile` names it. @default `REGISTRY_AUTH_FILE`, else those of podman and docker */
  readonly authFile?: string | undefined;
  /** Where podman keeps credentials, in a folder by user number, when `XDG_RUNTIME_DIR` is not set, as for root. @default /run/containers */
  readonly runtimeFolder?: string | undefined;
  /** Told what a user should know, in a sentence. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds a helper may take. @default 30000 */
  readonly helperTimeoutMs?: number | undefined;
}

/** How strict to be about files. */
export interface OpenCredentialFilesOptions {
  /** Whether it is an error that the file that was named does not exist. @default true */
  readonly isNamedRequired?: boolean | undefined;
}

/**
 * Reads the credentials files that exist, the first to ask first: the one that was named, else `DOCKER_AUTH_CONFIG`,
 * podman's `auth.json` and docker's `config.json`.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`, also when the file that was named does not exist
 * @see https://github.com/containers/image/blob/v5.36.0/docs/containers-auth.json.5.md
 */
export async function* openCredentialFiles(
  sources: CredentialSources,
  { isNamedRequired = true }: OpenCredentialFilesOptions = {},
): AsyncGenerator<ConfigFile, void, void> {
  const { env, homeFolder } = sources;
  const { DOCKER_AUTH_CONFIG: inVariable, REGISTRY_AUTH_FILE: namedByVariable } = env;
  if (!sources.authFile && inVariable) yield parseConfig('DOCKER_AUTH_CONFIG', inVariable);
  const named = sources.authFile || namedByVariable;
  if (named) {
    const file = await readConfigFile(named);
    if (!file && isNamedRequired) {
      throw new CredentialsError('ERR_CREDENTIALS_FILE', `the credentials file ${named} does not exist`, {
        hint: sources.authFile ? undefined : 'it is named by REGISTRY_AUTH_FILE',
      });
    }
    if (file) yield file;
    return;
  }
  const places = [
    ...podmanPlaces(sources),
    { path: dockerConfigPath(sources) },
    { path: join(homeFolder, '.dockercfg'), isLegacy: true },
  ];
  for (const { path, ...options } of places) {
    const file = await readConfigFile(path, options);
    if (file) yield file;
  }
}

/** Where `login` keeps credentials: the file that was named, else docker's. */
export function writableFile(sources: CredentialSources): string {
  const { REGISTRY_AUTH_FILE: namedByVariable } = sources.env;
  return sources.authFile || namedByVariable || dockerConfigPath(sources);
}

/** Docker's `config.json`, which has proxies too. */
export function dockerConfigPath({ env, homeFolder }: Pick<CredentialSources, 'env' | 'homeFolder'>): string {
  const { DOCKER_CONFIG: folder } = env;
  return join(folder || join(homeFolder, '.docker'), 'config.json');
}

function podmanPlaces(sources: CredentialSources): readonly { readonly path: string }[] {
  const { env, homeFolder, runtimeFolder = '/run/containers' } = sources;
  const { XDG_RUNTIME_DIR: userRuntimeFolder, XDG_CONFIG_HOME: configFolder } = env;
  const folders = [
    userRuntimeFolder ? join(userRuntimeFolder, 'containers') : join(runtimeFolder, String(process.getuid?.())),
    join(configFolder || join(homeFolder, '.config'), 'containers'),
  ];
  return folders.map((folder) => ({ path: join(folder, 'auth.json') }));
}
