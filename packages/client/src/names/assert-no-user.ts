import { aString, assertArgument } from '@slipway/arguments';
import { ClientError } from '../errors.ts';
import { maskUser } from './mask-user.ts';

/**
 * Refuses a name that has a user and a password in it, without repeating them.
 *
 * @throws {ClientError} `ERR_CLIENT_PASSWORD_IN_NAME`
 */
export function assertNoUser(text: string): void {
  assertArgument('text', text, aString);
  const masked = maskUser(text);
  if (masked === undefined) return;
  throw new ClientError('ERR_CLIENT_PASSWORD_IN_NAME', `${JSON.stringify(masked)} has a user and a password in it`, {
    hint: 'leave them out, and give them as `credentials`',
  });
}
