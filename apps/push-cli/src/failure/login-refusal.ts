import { LoginRefusedError } from '@slipway/client';
import { RegistryError } from '@slipway/registry-client';
import { CliError } from '../errors.ts';
import { reasonIn } from './registry-advice.ts';

/** What to tell of a login that failed: where it was refused, with what the registry said. */
export function refusalOf(error: unknown, registry: string): unknown {
  if (!(error instanceof LoginRefusedError)) return error;
  const { cause, wasAsked, message } = error;
  if (!wasAsked) {
    return new CliError('ERR_CLI_LOGIN_REFUSED', message, {
      cause,
      hint: 'its owner has to look: a WWW-Authenticate header is missing, or lost on the way',
    });
  }
  const said = cause instanceof RegistryError ? reasonIn(cause) : undefined;
  const why = said === undefined ? '' : `: ${said}`;
  return new CliError('ERR_CLI_LOGIN_REFUSED', `${registry} does not accept this user name or password${why}`, {
    cause,
    hint: 'check both; some registries want an access token in place of the password',
  });
}
