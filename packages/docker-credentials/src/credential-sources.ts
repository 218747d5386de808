import { lstat, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { aFunction, aNumber, anObject, aString, type OptionKinds } from '@slipway/arguments';
import { type ConfigFile, parseConfig, readConfigFile } from './config-file.ts';
import { CredentialsError } from './errors.ts';

/** Where a user's credentials may be. */
export interface CredentialSources {
  /** The environment: where the files are, and what helpers run in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder; undefined for a user without one. */
  readonly homeFolder: string | undefined;
  /** The only file to use, as `--authfile` names it. @default `REGISTRY_AUTH_FILE`, else those of podman and docker */
  readonly authFile?: string | undefined;
  /**
   * Where podman keeps credentials, in a folder by user number, when `XDG_RUNTIME_DIR` is not set, as for root.
   * @default /run/containers
   */
  readonly runtimeFolder?: string | undefined;
  /** Told what a user should know, in a sentence. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds a helper may take. @default 30000 */
  readonly helperTimeoutMs?: number | undefined;
}

/** What {@link CredentialSources} may have, for `assertOptions`. */
export const sourceKinds: OptionKinds<CredentialSources> = {
  required: { env: anObject },
  optional: {
    homeFolder: aString,
    authFile: aString,
    runtimeFolder: aString,
    onWarning: aFunction,
    helperTimeoutMs: aNumber,
  },
};

/** One place where credentials may be, and what was found there. */
export type CredentialPlace = {
  /** Path of the file, or name of the variable that holds one. */
  readonly name: string;
  /** The variable that names the file; undefined when it lies where it is looked for anyway, or the caller named it. */
  readonly namedBy: string | undefined;
} & (
  | { readonly kind: 'read'; readonly file: ConfigFile }
  | { readonly kind: 'absent' }
  /** It is there and cannot be used, or should not look like this; `isTold` when the user would want to know. */
  | { readonly kind: 'skipped'; readonly error: CredentialsError; readonly isTold: boolean }
);

interface Candidate {
  readonly path: string;
  readonly namedBy?: string | undefined;
  readonly isLegacy?: boolean | undefined;
  /** Somebody named it for this very purpose, and wants to know when it is of no use. */
  readonly isChosen?: boolean | undefined;
}

/**
 * Looks into the places where credentials may be, the first to ask first: the file that was named, else
 * `DOCKER_AUTH_CONFIG`, podman's `auth.json` and docker's `config.json`. Of these only a file that was named has to be
 * there; whatever else cannot be read or understood is passed over, and told.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` for the file that `authFile` or `REGISTRY_AUTH_FILE` names
 * @see https://github.com/containers/image/blob/v5.36.0/docs/containers-auth.json.5.md
 */
export async function* openCredentialPlaces(sources: CredentialSources): AsyncGenerator<CredentialPlace, void, void> {
  const { DOCKER_AUTH_CONFIG: inVariable, REGISTRY_AUTH_FILE: namedByVariable } = sources.env;
  if (!sources.authFile && inVariable) yield readVariable('DOCKER_AUTH_CONFIG', inVariable);
  const named = sources.authFile || namedByVariable;
  if (named) {
    yield await readNamed(named, sources.authFile ? undefined : 'REGISTRY_AUTH_FILE');
    return;
  }
  for (const candidate of [...podmanPlaces(sources), ...(await dockerPlaces(sources))]) {
    yield await readCandidate(candidate);
  }
}

/** What to tell of a file that was read although it is not as docker and podman want it. */
export function remarksOn({ name, namedBy, encoding }: ConfigFile, { env }: CredentialSources): readonly string[] {
  const isFolderWanted = namedBy === 'DOCKER_CONFIG' && name === env['DOCKER_CONFIG'];
  return [
    ...(encoding === undefined
      ? []
      : [`${name} is ${encoding}, which docker and podman cannot read: save it as UTF-8`]),
    ...(isFolderWanted
      ? [`DOCKER_CONFIG names the file ${name}, where docker expects the folder that contains it`]
      : []),
  ];
}

/**
 * Where `login` keeps credentials: the file that was named, else docker's; undefined for a user without a home folder.
 */
export async function writableFile(sources: CredentialSources): Promise<string | undefined> {
  const { REGISTRY_AUTH_FILE: namedByVariable } = sources.env;
  return sources.authFile || namedByVariable || (await dockerConfigPath(sources));
}

/**
 * Docker's `config.json`, which has proxies too. `DOCKER_CONFIG` names its folder; people also name the file itself.
 * Undefined for a user without a home folder.
 */
export async function dockerConfigPath({
  env,
  homeFolder,
}: Pick<CredentialSources, 'env' | 'homeFolder'>): Promise<string | undefined> {
  const { DOCKER_CONFIG: named } = env;
  if (!named) return homeFolder === undefined ? undefined : join(homeFolder, '.docker', 'config.json');
  const isFile = await stat(named).then(
    (stats) => stats.isFile(),
    () => false,
  );
  return isFile ? named : join(named, 'config.json');
}

/** A folder that a variable of the XDG specification names: one that is not absolute is to be ignored. */
export function xdgFolder(value: string | undefined): string | undefined {
  return value && isAbsolute(value) ? value : undefined;
}

function podmanPlaces({ env, homeFolder, runtimeFolder = '/run/containers' }: CredentialSources): readonly Candidate[] {
  const userRuntimeFolder = xdgFolder(env['XDG_RUNTIME_DIR']);
  const configFolder = xdgFolder(env['XDG_CONFIG_HOME']);
  const runtime: Candidate = userRuntimeFolder
    ? { path: join(userRuntimeFolder, 'containers', 'auth.json'), namedBy: 'XDG_RUNTIME_DIR' }
    : { path: join(runtimeFolder, String(process.getuid?.()), 'auth.json') };
  if (configFolder) {
    return [runtime, { path: join(configFolder, 'containers', 'auth.json'), namedBy: 'XDG_CONFIG_HOME' }];
  }
  if (homeFolder === undefined) return [runtime];
  return [runtime, { path: join(homeFolder, '.config', 'containers', 'auth.json') }];
}

async function dockerPlaces(sources: CredentialSources): Promise<readonly Candidate[]> {
  const { env, homeFolder } = sources;
  const config = await dockerConfigPath(sources);
  const isChosen = Boolean(env['DOCKER_CONFIG']);
  return [
    ...(config === undefined ? [] : [{ path: config, namedBy: isChosen ? 'DOCKER_CONFIG' : undefined, isChosen }]),
    ...(homeFolder === undefined ? [] : [{ path: join(homeFolder, '.dockercfg'), isLegacy: true }]),
  ];
}

function readVariable(name: string, text: string): CredentialPlace {
  const place = { name, namedBy: undefined };
  try {
    return { ...place, kind: 'read', file: parseConfig(name, text) };
  } catch (error) {
    return { ...place, kind: 'skipped', error: asCredentialsError(error), isTold: true };
  }
}

async function readNamed(path: string, namedBy: string | undefined): Promise<CredentialPlace> {
  const file = await readConfigFile(path, { namedBy, mayBePipe: true });
  if (file) return { name: path, namedBy, kind: 'read', file };
  const facts = { reason: 'missing', file: path, namedBy } as const;
  throw new CredentialsError('ERR_CREDENTIALS_FILE', `the credentials file ${path} does not exist`, facts);
}

async function readCandidate({ path, namedBy, isLegacy, isChosen }: Candidate): Promise<CredentialPlace> {
  const place = { name: path, namedBy };
  try {
    const file = await readConfigFile(path, { isLegacy, namedBy });
    return file ? { ...place, kind: 'read', file } : { ...place, kind: 'absent' };
  } catch (thrown) {
    const error = asCredentialsError(thrown);
    // Behind a closed folder there may be nothing at all: /run/containers is root's once root has used podman.
    const isTold = isChosen === true || error.facts.reason !== 'unreadable' || (await isThere(path));
    return { ...place, kind: 'skipped', error, isTold };
  }
}

function asCredentialsError(error: unknown): CredentialsError {
  if (error instanceof CredentialsError) return error;
  throw error;
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
