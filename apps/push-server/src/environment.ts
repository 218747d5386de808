import { homedir, tmpdir } from 'node:os';

/** Everything the daemon takes from the environment. No other file reads `process.env`. */
export interface Environment {
  readonly homeFolder: string;
  readonly temporaryFolder: string;
  /** All variables, for those who take them whole: settings, proxies. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Reads the environment. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  return { homeFolder: variables['HOME'] || homedir(), temporaryFolder: tmpdir(), variables };
}
