import { RegistryError } from '../../errors.ts';

/** Failures to connect. A connection that broke is another matter: somebody had answered. */
const connectFailures: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'tls',
]);

/** Whether a failure says that nothing answers at an address. */
export function leadsNowhere(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError) || error.status !== undefined) return false;
  return connectFailures.has(error.reason ?? '') || isConnectTimeout(error.cause);
}

function isConnectTimeout(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'UND_ERR_CONNECT_TIMEOUT';
}
