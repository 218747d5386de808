import { statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { anObject, assertArgument } from '@slipway/arguments';

/** What the client takes of the machine it runs on. No other file of a package reads `process.env`. */
export interface ClientEnvironment {
  /** All variables, for those who take them whole: proxies, credential helpers, the way to a Docker daemon. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /**
   * Where credentials, certificates and settings of docker and podman are. Undefined for a user without a home folder.
   */
  readonly homeFolder: string | undefined;
  /**
   * Where stores and caches are: `SLIPWAY_DATA_DIR`, else `slipway/` in the XDG data folder. Undefined for a user
   * without a home folder, as a container has that runs under a number of its own: then nothing outlives the client.
   */
  readonly dataFolder: string | undefined;
  /** Where archives are spooled: the system's temporary folder. */
  readonly temporaryFolder: string;
  /** Where docker keeps its contexts: `DOCKER_CONFIG`, or the folder of the file that it names, else `~/.docker`. */
  readonly dockerConfigFolder: string;
  /** `DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE`: a registry that refuses schema 2 gets schema 1. */
  readonly allowsSchema1: boolean;
}

/**
 * Reads the environment as `slipway` does.
 *
 * @param variables taken as they are. @default `process.env`
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): ClientEnvironment {
  assertArgument('variables', variables, anObject);
  const value = (name: string): string | undefined => variables[name] || undefined;
  const home = value('HOME') ?? systemHome();
  return {
    variables,
    homeFolder: home,
    dataFolder: dataFolderOf(variables, home),
    temporaryFolder: tmpdir(),
    // Without a home folder, one that only root could fill.
    dockerConfigFolder: folderOf(value('DOCKER_CONFIG')) ?? join(home ?? '/', '.docker'),
    allowsSchema1: value('DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE') !== undefined,
  };
}

/** The home folder that the system's list of users has; undefined for a user who is not in it. */
function systemHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

function dataFolderOf(
  variables: Readonly<Record<string, string | undefined>>,
  home: string | undefined,
): string | undefined {
  const { SLIPWAY_DATA_DIR: named, XDG_DATA_HOME: xdg, LOCALAPPDATA: local } = variables;
  if (named) return resolve(named);
  if (process.platform === 'win32')
    return local ? join(local, 'slipway', 'Data') : under(home, 'AppData/Local/slipway/Data');
  if (process.platform === 'darwin') return under(home, 'Library/Application Support/slipway');
  // By its specification, a variable of XDG that is not absolute is to be ignored.
  return xdg && isAbsolute(xdg) ? join(xdg, 'slipway') : under(home, '.local/share/slipway');
}

function under(home: string | undefined, path: string): string | undefined {
  return home === undefined ? undefined : resolve(home, path);
}

function folderOf(path: string | undefined): string | undefined {
  try {
    return path !== undefined && statSync(path).isFile() ? dirname(path) : path;
  } catch {
    return path;
  }
}
