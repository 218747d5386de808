import { machineLimitOf } from '@slipway/digest';

/** What the program's exit says, in the words of `slipway help push`. */
export const exitCodes: Readonly<{
  pushed: 0;
  failed: 1;
  usage: 2;
  denied: 3;
  source: 4;
  unreachable: 5;
  interrupted: 130;
}> = Object.freeze({ pushed: 0, failed: 1, usage: 2, denied: 3, source: 4, unreachable: 5, interrupted: 130 });

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byCode: ReadonlyMap<string, ExitCode> = new Map<string, ExitCode>([
  ['ERR_CLI_INTERRUPTED', exitCodes.interrupted],
  ['ABORT_ERR', exitCodes.interrupted],
  ['ERR_CLI_USAGE', exitCodes.usage],
  ['ERR_CLI_NO_ITEM', exitCodes.source],
  ['ERR_CLI_OUTPUT', exitCodes.failed],
  ['ERR_CLI_LOGIN_REFUSED', exitCodes.denied],
  ['ERR_CLIENT_OPTION', exitCodes.usage],
  ['ERR_CLIENT_DESTINATION', exitCodes.usage],
  ['ERR_CLIENT_PASSWORD_IN_NAME', exitCodes.usage],
  ['ERR_CLIENT_SEVERAL_ITEMS', exitCodes.usage],
  ['ERR_CLIENT_TAGS', exitCodes.usage],
  ['ERR_CLIENT_SIGN_KEY', exitCodes.usage],
  ['ERR_CLIENT_ONE_REGISTRY', exitCodes.usage],
  ['ERR_CLIENT_NO_FOLDER', exitCodes.usage],
  ['ERR_CLIENT_NO_ITEM', exitCodes.source],
  ['ERR_CLI_DAEMON_UNREACHABLE', exitCodes.unreachable],
  ['ERR_CLI_DAEMON_DENIED', exitCodes.denied],
  ['ERR_CLI_DAEMON_NOT_FOUND', exitCodes.source],
  ['ERR_REFERENCE_INVALID', exitCodes.usage],
  ['ERR_PUSH_DIGEST_REFERENCE', exitCodes.usage],
  ['ERR_PUSH_FORMAT', exitCodes.usage],
  ['ERR_PUSH_NO_PLATFORM', exitCodes.usage],
  ['ERR_REGISTRY_NO_IMAGE', exitCodes.usage],
  ['ERR_SOURCE_TEXT', exitCodes.usage],
  ['ERR_ARGUMENT', exitCodes.usage],
  ['ERR_SOURCE_TITLE', exitCodes.usage],
  ['ERR_SOURCE_SPOOL', exitCodes.failed],
  ['ERR_IMAGE_STORE_NOT_FOUND', exitCodes.source],
  ['ERR_IMAGE_STORE_INVALID_IMAGE', exitCodes.source],
  ['ERR_IMAGE_STORE_CORRUPT', exitCodes.source],
  ['ERR_IMAGE_STORE_REFERENCE', exitCodes.usage],
  ['ERR_REGISTRY_UNAUTHORIZED', exitCodes.denied],
  ['ERR_REGISTRY_DENIED', exitCodes.denied],
  ['ERR_REGISTRY_UNREACHABLE', exitCodes.unreachable],
  ['ERR_REGISTRY_NOT_ASKED', exitCodes.failed],
  ['ERR_PUSH_NO_ENDPOINT', exitCodes.unreachable],
  ['ERR_PROXY_REFUSED', exitCodes.unreachable],
  ['ERR_PROXY_TLS', exitCodes.unreachable],
]);

/** Content that is not what it claims: the source's fault only where the source was being read. */
const contentCodes: ReadonlySet<string> = new Set([
  'ERR_DIGEST_INVALID',
  'ERR_DIGEST_MISMATCH',
  'ERR_DIGEST_UNSUPPORTED',
  'ERR_SIZE_MISMATCH',
  'ERR_COMPRESSION_CORRUPT',
  'ERR_COMPRESSION_TOO_LARGE',
  'ERR_COMPRESSION_UNSUPPORTED',
  'ERR_MANIFEST_INVALID',
  'ERR_MANIFEST_TOO_LARGE',
]);
const fileCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EIO', 'ELOOP']);
const connectionCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/**
 * The exit code of a failure. Wrappers (a push that failed, retries that are exhausted) are looked through: the first
 * error of the chain of causes that has a rule decides, in the light of the side the wrappers named.
 */
export function exitCodeOf(error: unknown): ExitCode {
  if (machineLimitOf(error) !== undefined) return exitCodes.failed;
  let side: unknown;
  for (const link of causesOf(error)) {
    side ??= (link as { origin?: unknown }).origin;
    // A registry that is the source says itself why it cannot be read.
    if (errorCodeOf(link) === 'ERR_SOURCE_UNREADABLE' && hasAnswer(link)) continue;
    const code = codeOfLink(link, side);
    if (code !== undefined) return code;
  }
  if (side === 'source' && hasAnswer(error)) return exitCodes.source;
  return side === 'request' ? exitCodes.usage : exitCodes.failed;
}

function hasAnswer(error: unknown): boolean {
  return causesOf(error).some((link) => errorCodeOf(link)?.startsWith('ERR_REGISTRY_') === true);
}

/** The error, its cause, the cause's cause …; of several errors at once the first. A ring ends the walk. */
export function causesOf(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let link = error; link instanceof Error && !chain.includes(link); ) {
    chain.push(link);
    link = link.cause ?? (link instanceof AggregateError ? link.errors[0] : undefined);
  }
  return chain;
}

/** The `code` of an error, if it has one. */
export function errorCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function codeOfLink(link: Error, side: unknown): ExitCode | undefined {
  if (link.name === 'AbortError') return exitCodes.interrupted;
  const code = errorCodeOf(link);
  if (code === undefined) return undefined;
  const fixed = byCode.get(code);
  if (fixed !== undefined) return fixed;
  if (code.startsWith('ERR_SOURCE_')) return exitCodes.source;
  if (side === 'source' && (contentCodes.has(code) || fileCodes.has(code) || connectionCodes.has(code))) {
    return exitCodes.source;
  }
  return connectionCodes.has(code) ? exitCodes.unreachable : undefined;
}
