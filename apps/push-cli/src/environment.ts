import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/** Everything the program takes from the environment. No other file reads `process.env`. */
export interface Environment {
  /** Where stores and caches lie: `SLIPWAY_DATA_DIR`, else `slipway/` in the XDG data folder. */
  readonly dataFolder: string;
  /** Where archives are spooled: the system's temporary folder. */
  readonly temporaryFolder: string;
  readonly homeFolder: string;
  /** Where docker keeps its contexts: `DOCKER_CONFIG`, else `~/.docker`. */
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
  const home = value('HOME') ?? homedir();
  const locale = value('LC_ALL') ?? value('LC_CTYPE') ?? value('LANG') ?? '';
  const isDumbTerminal = value('TERM') === 'dumb';
  return {
    dataFolder: resolve(value('SLIPWAY_DATA_DIR') ?? envPaths('slipway', { suffix: '' }).data),
    temporaryFolder: tmpdir(),
    homeFolder: home,
    dockerConfigFolder: value('DOCKER_CONFIG') ?? join(home, '.docker'),
    variables,
    allowsSchema1: value('DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE') !== undefined,
    isCI: value('CI') !== undefined && value('CI') !== 'false',
    hasUnicode: process.platform === 'win32' ? value('WT_SESSION') !== undefined : /utf-?8/i.test(locale),
    hasColour: value('NO_COLOR') === undefined && !isDumbTerminal,
    isDumbTerminal,
  };
}
