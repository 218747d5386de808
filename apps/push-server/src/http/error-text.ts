import { printable } from '@slipway/client/program';
import { PushError } from '@slipway/push';
import { formatDiagnostics, type RegistryError, registryErrorOf } from '@slipway/registry-client';
import { RequestError } from '../errors.ts';
import { toldText } from './told-text.ts';
import { withoutPasswords } from './without-passwords.ts';

/**
 * What a client is told of a failure: docker's words for what a registry answered, else the message of the first error
 * that says more than that something failed. Neither names a place on this machine, nor moves a terminal's cursor, nor
 * repeats a password.
 */
export function errorText(error: unknown): string {
  return withoutPasswords(ownWords(error));
}

function ownWords(error: unknown): string {
  if (!(error instanceof Error)) return toldText(String(error));
  // A failure of the push that explains another one says what docker says.
  if (error instanceof PushError && error.cause instanceof PushError) return printable(error.message);
  if (error instanceof RequestError) return printable(error.message);
  const answer = registryErrorOf(error);
  if (answer === undefined) return toldText(error.message);
  return printable(firstOfBlob(error, answer) ?? answer.dockerMessage ?? answer.message);
}

/**
 * Of what a registry lists against a blob, docker tells the first: a layer's, as it sends those first.
 *
 * @see https://github.com/moby/moby/blob/v25.0.0/distribution/errors.go retryOnError
 */
function firstOfBlob(error: Error, { diagnostics }: RegistryError): string | undefined {
  const isBlob = error instanceof PushError && (error.op === 'push layer' || error.op === 'push config');
  return isBlob && diagnostics.length > 1 ? formatDiagnostics(diagnostics.slice(0, 1)) : undefined;
}
