import { assertArgument, kind } from '@slipway/arguments';
import { RegistryError } from '@slipway/registry-client';

const anError = kind('an error', (value) => value instanceof Error);

/**
 * Which failure to tell when a registry was tried over https and then over http: that of the way which the other side
 * speaks.
 *
 * @param earlier what https ended in, undefined for the first try
 */
export function preferredFailure(earlier: unknown, later: RegistryError): unknown {
  assertArgument('later', later, anError);
  if (earlier === undefined || later.status !== undefined) return later;
  // That it does not speak TLS is proof that http was the way to try.
  return isPlain(earlier) ? later : earlier;
}

function isPlain(error: unknown): boolean {
  return error instanceof RegistryError && error.reason === 'tls' && /does not speak TLS/.test(error.message);
}
