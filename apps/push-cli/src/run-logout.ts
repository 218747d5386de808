import { eraseCredentials } from '@slipway/docker-credentials';
import type { CommandContext } from './command-context.ts';
import { credentialSources } from './credentials.ts';
import { warningLine } from './progress/lines.ts';
import { parseRegistry } from './run-login.ts';

export interface RawLogoutOptions {
  readonly authfile?: string | undefined;
}

/** Forgets a registry's credentials; that there were none is no failure. */
export async function runLogout(text: string, options: RawLogoutOptions, context: CommandContext): Promise<void> {
  const { stderr, environment } = context;
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const registry = parseRegistry(text);
  const erased = await eraseCredentials(
    registry,
    credentialSources(options, environment, (message) => say(warningLine(message))),
  );
  say(erased ? `Logged out of ${registry}` : `There were no credentials for ${registry}`);
}
