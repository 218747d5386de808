import { type Diagnostic, defaultMessages, describeDiagnostics, readEntries } from '../answers/diagnostics.ts';
import { jsonOf } from '../answers/loose-json.ts';
import { RegistryError, type RegistryErrorCode, reworded } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { type AnswerErrorContext, abridged, answerErrorOf, scrubbed } from '../http/answer/answer-error.ts';
import { errorSecretsOf, readErrorText } from '../http/answer/error-text.ts';
import { redactURL } from '../http/redirect/redact-url.ts';

/**
 * Makes an error of a token server's refusal. OAuth has words of its own for it, and says 400 of credentials that no
 * longer hold: there the words decide what kind of failure it is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export async function tokenRefusal(answer: Answer, context: AnswerErrorContext): Promise<RegistryError> {
  const body = await readErrorText(answer);
  const error = answerErrorOf(answer, body, context);
  const refusal = readOAuthRefusal(jsonOf(body));
  if (refusal === undefined) return error;
  const kind = answer.status === 400 ? kinds.get(refusal.code) : undefined;
  const code = kind ?? error.code;
  const said = scrubbed(diagnosticOf(refusal, code), errorSecretsOf(answer));
  return reworded(error, messageOf(answer, '', `${said.message}${codeSuffix(refusal)}`), {
    code,
    diagnostics: [said],
    transient: error.transient || code === 'ERR_REGISTRY_UNAVAILABLE',
    hint: hintOf(code, context.authHint) ?? error.hint,
  });
}

/** The error for a success that has no token and says why; undefined where it does not say so. */
export function refusalInSuccess(
  answer: Answer,
  document: unknown,
  { authHint, dockerMessage }: { readonly authHint: string; readonly dockerMessage: string },
): RegistryError | undefined {
  const refusal = readOAuthRefusal(document);
  const told = readEntries(document);
  const code = refusal === undefined ? kindOfEntries(told) : kinds.get(refusal.code);
  const entries = refusal === undefined ? told : [diagnosticOf(refusal, code)];
  const diagnostics = entries.map((entry) => scrubbed(entry, errorSecretsOf(answer)));
  const said = describeDiagnostics(diagnostics);
  if (said === undefined) return undefined;
  const words = refusal === undefined ? said : `${diagnostics[0]?.message}${codeSuffix(refusal)}`;
  return new RegistryError(messageOf(answer, ' without a token', words), {
    code: code ?? 'ERR_REGISTRY_PROTOCOL',
    status: answer.status,
    diagnostics,
    dockerMessage,
    proxy: answer.proxy,
    transient: code === 'ERR_REGISTRY_UNAVAILABLE',
    hint: hintOf(code, authHint),
  });
}

/** What a token server says in OAuth's form. */
interface OAuthRefusal {
  /** `invalid_grant`; empty where the server has put a sentence in its place. */
  readonly code: string;
  readonly description: string;
}

/** OAuth's codes that say what kind of failure it is, whatever the status. */
const kinds: ReadonlyMap<string, RegistryErrorCode> = new Map([
  ['invalid_grant', 'ERR_REGISTRY_UNAUTHORIZED'],
  ['invalid_client', 'ERR_REGISTRY_UNAUTHORIZED'],
  ['invalid_token', 'ERR_REGISTRY_UNAUTHORIZED'],
  ['login_required', 'ERR_REGISTRY_UNAUTHORIZED'],
  ['interaction_required', 'ERR_REGISTRY_UNAUTHORIZED'],
  ['unauthorized_client', 'ERR_REGISTRY_DENIED'],
  ['access_denied', 'ERR_REGISTRY_DENIED'],
  ['invalid_scope', 'ERR_REGISTRY_DENIED'],
  ['insufficient_scope', 'ERR_REGISTRY_DENIED'],
  ['temporarily_unavailable', 'ERR_REGISTRY_UNAVAILABLE'],
  ['server_error', 'ERR_REGISTRY_UNAVAILABLE'],
]);

/** What is said where the server gives its code alone. */
const usualDescriptions: ReadonlyMap<string, string> = new Map([
  ['invalid_grant', 'the credentials have expired, or were revoked'],
  ['invalid_client', 'the credentials are not known'],
  ['unauthorized_client', 'tokens are not given out for this kind of credentials'],
  ['invalid_scope', 'the account may not have the rights that are asked for'],
  ['temporarily_unavailable', 'too much to do for now'],
]);

function readOAuthRefusal(document: unknown): OAuthRefusal | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const { error, error_description: described } = document as Readonly<Record<string, unknown>>;
  if (typeof error !== 'string' || error === '') return undefined;
  const isCode = /^[a-z][a-z0-9_]{1,60}$/.test(error);
  const description = typeof described === 'string' && described.trim() !== '' ? described : undefined;
  if (!isCode) return { code: '', description: description ?? error };
  return { code: error, description: description ?? usualDescriptions.get(error) ?? '' };
}

/** In the words of registries, as the rest of the program knows them. */
function diagnosticOf({ code, description }: OAuthRefusal, kind: RegistryErrorCode | undefined): Diagnostic {
  const known =
    kind === 'ERR_REGISTRY_UNAUTHORIZED' ? 'UNAUTHORIZED' : kind === 'ERR_REGISTRY_DENIED' ? 'DENIED' : 'UNKNOWN';
  const message = abridged(description) || code || (defaultMessages.get(known) ?? '');
  return { code: known, message, detail: undefined, bare: false };
}

function codeSuffix({ code, description }: OAuthRefusal): string {
  return code === '' || description === '' ? '' : ` (${code})`;
}

function kindOfEntries([first]: readonly Diagnostic[]): RegistryErrorCode | undefined {
  if (first?.code === 'UNAUTHORIZED') return 'ERR_REGISTRY_UNAUTHORIZED';
  return first?.code === 'DENIED' ? 'ERR_REGISTRY_DENIED' : undefined;
}

function hintOf(code: RegistryErrorCode | undefined, authHint: string | undefined): string | undefined {
  return code === 'ERR_REGISTRY_UNAUTHORIZED' || code === 'ERR_REGISTRY_DENIED' ? authHint : undefined;
}

function messageOf({ method, url, status }: Answer, what: string, words: string): string {
  return `${method} ${redactURL(url)} answered ${status}${what}: ${abridged(words)}`;
}
