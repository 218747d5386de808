import { type Diagnostic, readErrorAnswer } from '../../answers/diagnostics.ts';
import { type Challenge, parseChallenges } from '../../auth/challenge.ts';
import { RegistryError, type RegistryErrorCode } from '../../errors.ts';
import { redactURL, scrub } from '../redirect/redact-url.ts';
import type { Answer } from './answer.ts';
import { errorSecretsOf, readErrorText } from './error-text.ts';
import { parseRetryAfter } from './retry-after.ts';
import { storageRefusal } from './storage-refusal.ts';

/** What is known about an answer besides itself. */
export interface AnswerErrorContext {
  readonly now: number;
  /** What to do about 401 and 403. */
  readonly authHint?: string | undefined;
  /** The registry that led to whoever answered; undefined where it has answered itself. */
  readonly storageOf?: string | undefined;
}

/** Reads an answer nobody asked for and makes an error of it. */
export async function answerError(answer: Answer, context: AnswerErrorContext): Promise<RegistryError> {
  return answerErrorOf(answer, await readErrorText(answer), context);
}

/** The same for an answer that has been read by {@link readErrorText}. */
export function answerErrorOf(answer: Answer, body: string, context: AnswerErrorContext): RegistryError {
  const { method, url, status, statusText } = answer;
  const secrets = errorSecretsOf(answer);
  const challenges = parseChallenges(answer.headers('www-authenticate'));
  const unknown = status === 401 ? unknownSchemes(challenges) : '';
  const read = readErrorAnswer({
    status,
    statusText,
    contentType: answer.header('content-type'),
    challenges,
    body,
  });
  const diagnostics = read.diagnostics.map((diagnostic) => scrubbed(diagnostic, secrets));
  const dockerMessage = scrub(read.dockerMessage, secrets);
  const said = scrub(read.words, secrets);
  const code = codeOf(status, diagnostics);
  const storage = storageRefusal(answer, body, context.storageOf);
  return new RegistryError(
    `${method} ${redactURL(url)} answered ${status}${said === '' ? '' : `: ${abridged(said)}`}${storage?.who ?? ''}`,
    {
      code,
      status,
      diagnostics,
      dockerMessage,
      transient:
        (storage?.isPassing === true || isTransient(status, diagnostics)) && !said.includes('no space left on device'),
      proxy: answer.proxy,
      retryAfterMs: parseRetryAfter(answer.header('retry-after'), context.now),
      ...(storage === undefined
        ? {
            hint: unknown === '' ? hintFor(answer, code, said, context) : unknownSchemeHint(url, unknown),
            reason: unknown !== '' ? 'unknown-scheme' : isHTTPToHTTPS(status, said) ? 'https-expected' : undefined,
          }
        : { hint: storage.hint, reason: 'storage' }),
    },
  );
}

function codeOf(status: number, diagnostics: readonly Diagnostic[]): RegistryErrorCode {
  if (status === 401) return diagnostics[0]?.code === 'DENIED' ? 'ERR_REGISTRY_DENIED' : 'ERR_REGISTRY_UNAUTHORIZED';
  if (status === 403) return 'ERR_REGISTRY_DENIED';
  if (status === 404) return 'ERR_REGISTRY_NOT_FOUND';
  if (status === 429) return 'ERR_REGISTRY_RATE_LIMITED';
  if (status === 408 || status >= 500) return 'ERR_REGISTRY_UNAVAILABLE';
  if (status >= 300 && status < 400) return 'ERR_REGISTRY_REDIRECT_REFUSED';
  return 'ERR_REGISTRY_UNEXPECTED';
}

/** The ways in which it wants to be shown credentials, where none of them is known here; '' where one is, or none. */
function unknownSchemes(challenges: readonly Challenge[]): string {
  const schemes = challenges.map(({ scheme }) => scheme);
  return schemes.includes('basic') || schemes.includes('bearer') ? '' : [...new Set(schemes)].join(', ');
}

function unknownSchemeHint({ host }: URL, schemes: string): string {
  return (
    `${host} takes credentials only in a way that is not known here (${schemes}): ` +
    'its owner can offer Basic or Bearer'
  );
}

/** Bytes may be damaged on the way: sending them again is then the cure. */
const damageCodes: ReadonlySet<string> = new Set(['DIGEST_INVALID', 'SIZE_INVALID']);

function isTransient(status: number, diagnostics: readonly Diagnostic[]): boolean {
  if (status === 408 || status === 425 || status === 429 || status >= 500) return true;
  return diagnostics.some(({ code }) => code === 'TOOMANYREQUESTS' || damageCodes.has(code));
}

function hintFor(
  answer: Answer,
  code: RegistryErrorCode,
  said: string,
  context: AnswerErrorContext,
): string | undefined {
  if ([403, 502, 503, 504].includes(answer.status) && isProxysOwn(answer)) {
    return (
      `the proxy may have answered in the registry's place: check its rules, or add ${answer.url.hostname} ` +
      'to NO_PROXY'
    );
  }
  if (code === 'ERR_REGISTRY_UNAUTHORIZED' || code === 'ERR_REGISTRY_DENIED') return context.authHint;
  if (isHTTPToHTTPS(answer.status, said)) return 'the registry expects https: give it a URL with https:';
  return undefined;
}

/**
 * A plain http request ends at its proxy, which answers in the registry's place when it will not or cannot pass it on.
 */
function isProxysOwn(answer: Answer): boolean {
  const isRegistrys = answer.header('docker-distribution-api-version') !== undefined;
  const isJSON = /^application\/(?:[a-z0-9.+-]*\+)?json\b/i.test(answer.header('content-type') ?? '');
  return answer.proxy !== undefined && answer.url.protocol === 'http:' && !isRegistrys && !isJSON;
}

/** The words of Go's and nginx's servers to a client that speaks http where https is expected. */
export function isHTTPToHTTPS(status: number, said: string): boolean {
  return status === 400 && /HTTP request (?:was sent )?to (?:an )?HTTPS (?:server|port)/i.test(said);
}

/** A diagnostic without what the request must keep to itself. */
export function scrubbed({ code, message, detail, bare }: Diagnostic, secrets: readonly string[]): Diagnostic {
  return { code: scrub(code, secrets), message: scrub(message, secrets), detail: scrubDetail(detail, secrets), bare };
}

function scrubDetail(detail: unknown, secrets: readonly string[]): unknown {
  if (detail === undefined) return undefined;
  return JSON.parse(JSON.stringify(detail), (_, value: unknown) =>
    typeof value === 'string' ? scrub(value, secrets) : value,
  );
}

const maxLineLength = 800;

/** One line of a bearable length. */
export function abridged(text: string): string {
  const line = text
    .slice(0, 4_096)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;
}
