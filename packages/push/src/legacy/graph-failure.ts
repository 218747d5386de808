import { RegistryError } from '@slipway/registry-client';

/** A registry that knows no TarSums cannot make anything of such a name. */
const unknownNames: ReadonlySet<number> = new Set([400, 404, 405]);

/**
 * What a registry answered, in the words of Docker 1.5, and with the way out where it takes no TarSums.
 *
 * @param what `trying to push demo/app blob - tarsum.v1+sha256:…`
 * @see https://github.com/moby/moby/blob/d172f1253a/registry/session_v2.go
 */
export function graphFailure(error: unknown, what: string): unknown {
  if (!(error instanceof RegistryError) || error.status === undefined) return error;
  const { code, status, diagnostics, transient, retryAfterMs, message } = error;
  const dockerMessage = status === 401 ? 'Authentication is required.' : `Server error: ${status} ${what}`;
  const hint = unknownNames.has(status)
    ? 'the registry may know layers by their digest only: use `format: schema1`, or leave `format` out'
    : error.hint;
  return new RegistryError(message, {
    code,
    status,
    diagnostics,
    transient,
    retryAfterMs,
    dockerMessage,
    hint,
    cause: error,
  });
}
