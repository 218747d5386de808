import { homedir, tmpdir } from 'node:os';

/** Everything the daemon takes from the environment. No other file reads `process.env`. */
export interface Environment {
  /** Undefined for a user without one: a number that no list of users has. */
  readonly homeFolder: string | undefined;
  readonly temporaryFolder: string;
  /** All variables, for those who take them whole: settings, proxies. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Reads the environment. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  return { homeFolder: variables['HOME'] || systemHome(), temporaryFolder: tmpdir(), variables };
}

/** The home folder that the system's list of users has; undefined for a user who is not in it. */
function systemHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}
