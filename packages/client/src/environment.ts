import { statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** Everything the program takes from the environment. No other file reads `process.env`. */
export interface Environment {
  /**
   * Where stores and caches lie: `SLIPWAY_DATA_DIR`, else `slipway/` in the XDG data folder. Undefined for a user without
   * a home folder, as a container has that runs under a number of its own: then nothing outlives the run.
   */
  readonly dataFolder: string | undefined;
  /** Where archives are spooled: the system's temporary folder. */
  readonly temporaryFolder: string;
  /** Undefined where there is neither `HOME` nor an entry in the system's list of users. */
  readonly homeFolder: string | undefined;
  /** Where docker keeps its contexts: `DOCKER_CONFIG`, or the folder of the file that it names, else `~/.docker`. */
  readonly dockerConfigFolder: string;
  /** All variables, for those who take them whole: proxies, credential helpers, the way to a Docker daemon. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** `DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE`: a registry that refuses schema 2 gets schema 1. */
  readonly allowsSchema1: boolean;
  /** A CI service runs the program. */
  readonly isCI: boolean;
  /** The locale says UTF-8, so bars and dots may be more than ASCII. */
  readonly hasUnicode: boolean;
  /** Colours are welcome on a terminal: no `NO_COLOR`, no `TERM=dumb`. */
  readonly hasColour: boolean;
  /** The terminal understands no cursor movements: `TERM=dumb`. */
  readonly isDumbTerminal: boolean;
}

/** Reads the environment. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const value = (name: string): string | undefined => variables[name] || undefined;
  const home = value('HOME') ?? systemHome();
  const locale = value('LC_ALL') ?? value('LC_CTYPE') ?? value('LANG') ?? '';
  const isDumbTerminal = value('TERM') === 'dumb';
  return {
    dataFolder: dataFolderOf(variables, home),
    temporaryFolder: tmpdir(),
    homeFolder: home,
    // Without a home folder, one that only root could fill.
    dockerConfigFolder: folderOf(value('DOCKER_CONFIG')) ?? join(home ?? '/', '.docker'),
    variables,
    allowsSchema1: value('DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE') !== undefined,
    isCI: value('CI') !== undefined && value('CI') !== 'false',
    hasUnicode: process.platform === 'win32' ? value('WT_SESSION') !== undefined : /utf-?8/i.test(locale),
    hasColour: value('NO_COLOR') === undefined && !isDumbTerminal,
    isDumbTerminal,
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

function dataFolderOf(variables: NodeJS.ProcessEnv, home: string | undefined): string | undefined {
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
