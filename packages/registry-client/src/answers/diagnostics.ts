import { anObject, assertArgument, listOf } from '@slipway/arguments';
import type { Challenge } from '../auth/challenge.ts';
import { describeJSONError } from './go-json-error.ts';
import { memberOf } from './loose-json.ts';

/** One entry of a registry's error body. */
export interface Diagnostic {
  /** As the registry spelled it, or the code that the status stands for. */
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
  /** No detail, and no message of its own: docker then prints the code alone, and judges it differently. */
  readonly bare: boolean;
}

/** What an error answer says, read as docker reads it. */
export interface ErrorAnswer {
  /** Empty where the answer could not be understood, and for every status outside 400–499. */
  readonly diagnostics: readonly Diagnostic[];
  /** The text docker shows. */
  readonly dockerMessage: string;
  /** What the registry said, for messages of our own: docker's text leaves out what comes with 5xx. */
  readonly words: string;
}

/** The parts of an error answer that decide its meaning. */
export interface ErrorAnswerInput {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string | undefined;
  readonly challenges: readonly Challenge[];
  readonly body: string;
}

/** Messages that stand for a code when the registry sends none. */
export const defaultMessages: ReadonlyMap<string, string> = new Map([
  ['UNKNOWN', 'unknown error'],
  ['UNSUPPORTED', 'The operation is unsupported.'],
  ['UNAUTHORIZED', 'authentication required'],
  ['DENIED', 'requested access to the resource is denied'],
  ['UNAVAILABLE', 'service unavailable'],
  ['TOOMANYREQUESTS', 'too many requests'],
  ['DIGEST_INVALID', 'provided digest did not match uploaded content'],
  ['SIZE_INVALID', 'provided length did not match content length'],
  ['NAME_INVALID', 'invalid repository name'],
  ['TAG_INVALID', 'manifest tag did not match URI'],
  ['NAME_UNKNOWN', 'repository name not known to registry'],
  ['MANIFEST_UNKNOWN', 'manifest unknown'],
  ['MANIFEST_INVALID', 'manifest invalid'],
  ['MANIFEST_UNVERIFIED', 'manifest failed signature verification'],
  ['MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'],
  ['BLOB_UNKNOWN', 'blob unknown to registry'],
  ['BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry'],
  ['BLOB_UPLOAD_INVALID', 'blob upload invalid'],
  ['PAGINATION_NUMBER_INVALID', 'invalid number of results requested'],
]);

/**
 * Reads an error answer as docker's client library does, so that the same answer gives the same words.
 *
 * @see https://github.com/distribution/distribution/blob/v2.8.3/registry/client/errors.go
 */
export function readErrorAnswer(answer: ErrorAnswerInput): ErrorAnswer {
  const { status, statusText } = answer;
  const body = readBody(answer);
  const words = isText(answer.body)
    ? (describePage(answer.body) ??
      describeStorageError(answer.body) ??
      describeDiagnostics(body.diagnostics) ??
      answer.body)
    : statusText;
  if (status < 400 || status > 499) {
    return { diagnostics: [], dockerMessage: `received unexpected HTTP status: ${status} ${statusText}`, words };
  }
  const refusal = bearerRefusal(answer);
  if (refusal !== undefined) {
    const diagnostics = [refusal, ...body.diagnostics];
    const dockerMessage = joinTexts([formatDiagnostic(refusal), ...body.texts]);
    return { diagnostics, dockerMessage, words: describeDiagnostics(diagnostics) ?? '' };
  }
  if (status === 401 && !body.understood) {
    const diagnostic = fullDiagnostic('UNAUTHORIZED', 'authentication required');
    return { diagnostics: [diagnostic], dockerMessage: formatDiagnostic(diagnostic), words };
  }
  return { diagnostics: body.diagnostics, dockerMessage: joinTexts(body.texts), words };
}

/** Whether a body says anything to people: a blob, or another thing of bytes, does not. */
function isText(body: string): boolean {
  const start = body.slice(0, 1_024);
  if (start.trim() === '' || /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(start)) return false;
  const unreadable = start.split('\ufffd').length - 1; // text of another charset has a few
  return unreadable * 4 <= start.length;
}

/** A web page in one phrase; undefined for what is none. */
export function describePage(body: string): string | undefined {
  if (!/^\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head|body|title|h1|center)\b/i.test(body.slice(0, 1_024)))
    return undefined;
  // What was taken out of it is marked like a tag.
  const [, text = ''] =
    /<title[^>]*>((?:[^<]|<redacted>){1,1000})/i.exec(body) ??
    /<h1[^>]*>((?:[^<]|<redacted>){1,1000})/i.exec(body) ??
    [];
  const title = withoutEntities(text).replace(/\s+/g, ' ').trim();
  return title === '' ? 'an HTML page' : `an HTML page, ${JSON.stringify(title.slice(0, 200))}`;
}

/** What an object storage says, in its XML: S3's, Google's and Azure's are alike. Undefined for anything else. */
export function describeStorageError(body: string): string | undefined {
  if (!/^\s*(?:<\?xml[^>]*>\s*)?<Error(?:\s[^>]{0,200})?>/.test(body.slice(0, 1_024))) return undefined;
  const [, code] = /<Code>\s*([\w.]{1,100})\s*<\/Code>/.exec(body) ?? [];
  if (code === undefined) return undefined;
  const [, text = ''] = /<Message>((?:[^<]|<redacted>){1,1000})/.exec(body) ?? [];
  const message = withoutEntities(text).replace(/\s+/g, ' ').trim();
  return message === '' ? code : `${code}: ${message}`;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Text of HTML with the entities that titles have undone. */
function withoutEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,6}));/gi,
    (entity, decimal?: string, hex?: string, name = '') => {
      if (decimal === undefined && hex === undefined) return entities[name.toLowerCase()] ?? entity;
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    },
  );
}

/** What a registry said, with the detail where it tells more than the message. */
export function describeDiagnostics(diagnostics: readonly Diagnostic[]): string | undefined {
  if (diagnostics.length === 0) return undefined;
  return diagnostics
    .map((diagnostic) => {
      const detail = formatDetail(diagnostic);
      return detail === '' ? formatDiagnostic(diagnostic) : `${formatDiagnostic(diagnostic)} (${detail})`;
    })
    .join('; ');
}

const maxDetailLength = 300;

/**
 * What the detail of a diagnostic adds to its message, in one line of at most 300 characters: `Digest: sha256:…`. Empty
 * where it adds nothing: no detail, the same words again, the list of rights that every refusal carries.
 */
export function formatDetail(diagnostic: Diagnostic): string {
  assertArgument('diagnostic', diagnostic, anObject);
  const { message, detail } = diagnostic;
  const text = plainDetail(detail).replace(/\s+/g, ' ').trim();
  if (text === '' || message.includes(text)) return '';
  return text.length > maxDetailLength ? `${text.slice(0, maxDetailLength)}…` : text;
}

function plainDetail(detail: unknown): string {
  if (typeof detail === 'string') return detail;
  if (typeof detail === 'number' || typeof detail === 'boolean') return String(detail);
  if (typeof detail !== 'object' || detail === null) return '';
  if (Array.isArray(detail))
    return detail
      .filter((item) => !isAccess(item))
      .map(plainDetail)
      .filter(Boolean)
      .join(', ');
  if (isAccess(detail)) return '';
  return Object.entries(detail)
    .map(([key, value]) => [key, plainDetail(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ');
}

/**
 * The right that a request wants, as distribution names it in every 401:
 * `{"Type":"repository","Name":"a","Action":"push"}`.
 */
function isAccess(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'Type' in value && 'Name' in value && 'Action' in value;
}

/** The text docker shows for a list of diagnostics. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  assertArgument('diagnostics', diagnostics, listOf(anObject));
  return joinTexts(diagnostics.map(formatDiagnostic));
}

function formatDiagnostic({ code, message, bare }: Diagnostic): string {
  const text = knownCode(code).toLowerCase().replaceAll('_', ' ');
  return bare ? text : `${text}: ${message}`;
}

function joinTexts(texts: readonly string[]): string {
  if (texts.length === 0) return '<nil>';
  if (texts.length === 1) return texts[0] ?? '';
  return `errors:\n${texts.map((text) => `${text}\n`).join('')}`;
}

interface BodyReading {
  readonly diagnostics: readonly Diagnostic[];
  readonly texts: readonly string[];
  /** False: docker's "unexpected HTTP response". */
  readonly understood: boolean;
}

/** OAuth2's own words for why a bearer token does not do. @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
function bearerRefusal({ status, challenges }: ErrorAnswerInput): Diagnostic | undefined {
  if (status !== 401) return undefined;
  for (const { scheme, parameters } of challenges) {
    if (scheme !== 'bearer') continue;
    const error = parameters.get('error');
    const code = error === 'invalid_token' ? 'UNAUTHORIZED' : error === 'insufficient_scope' ? 'DENIED' : undefined;
    if (code === undefined) continue;
    return fullDiagnostic(code, parameters.get('error_description') || (defaultMessages.get(code) ?? ''));
  }
  return undefined;
}

function readBody(answer: ErrorAnswerInput): BodyReading {
  const mediaType = parseMediaType(answer.contentType);
  if (mediaType === undefined) {
    const text = 'failed parsing content-type: mime: no media type';
    return { diagnostics: [], texts: [text], understood: true };
  }
  if (mediaType !== 'application/json' && mediaType !== 'application/vnd.api+json') {
    return understood([fullDiagnostic(codeOfStatus(answer.status), answer.body)]);
  }
  let document: unknown;
  try {
    document = JSON.parse(answer.body);
  } catch {
    return unexpectedResponse(answer, describeJSONError(answer.body));
  }
  const details = memberOf(document, 'details');
  if (typeof details === 'string' && details !== '') {
    return understood([fullDiagnostic(codeOfStatus(answer.status), details)]);
  }
  const errors = memberOf(document, 'errors');
  if (!Array.isArray(errors) || errors.length === 0) {
    return unexpectedResponse(answer, 'no error details found in HTTP response body');
  }
  return understood(errors.map(readEntry));
}

/** The entries of an error body that has been parsed. */
export function readEntries(document: unknown): readonly Diagnostic[] {
  const errors = memberOf(document, 'errors');
  return Array.isArray(errors) ? errors.map(readEntry) : [];
}

function readEntry(entry: unknown): Diagnostic {
  if (typeof entry === 'string' && entry !== '') return fullDiagnostic('UNKNOWN', entry);
  const code = textOf(memberOf(entry, 'code')) || 'UNKNOWN';
  const message = textOf(memberOf(entry, 'message'));
  const detail = shallow(memberOf(entry, 'detail'), mostLevels);
  const bare =
    (detail === null || detail === undefined) && (message === '' || message === defaultMessages.get(knownCode(code)));
  return { code, message, detail: detail ?? undefined, bare };
}

/** A detail is a few values; what nests deeper than this is meant to break its readers. */
const mostLevels = 16;

/** The value without what lies deeper than so many levels. */
function shallow(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return undefined;
  if (Array.isArray(value)) return value.map((item) => shallow(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shallow(item, levels - 1)]));
}

function understood(diagnostics: readonly Diagnostic[]): BodyReading {
  return { diagnostics, texts: diagnostics.map(formatDiagnostic), understood: true };
}

function unexpectedResponse({ status, body }: ErrorAnswerInput, why: string): BodyReading {
  const text = `error parsing HTTP ${status} response body: ${why}: ${quoteAsGo(body)}`;
  return { diagnostics: [], texts: [text], understood: false };
}

function fullDiagnostic(code: string, message: string): Diagnostic {
  return { code, message, detail: undefined, bare: false };
}

function codeOfStatus(status: number): string {
  return status === 401 ? 'UNAUTHORIZED' : status === 403 ? 'DENIED' : status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN';
}

/** Codes that the protocol does not know are all docker's UNKNOWN. */
function knownCode(code: string): string {
  return defaultMessages.has(code) ? code : 'UNKNOWN';
}

/** The type without its parameters; '' for none, undefined for one that cannot be read. */
function parseMediaType(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return '';
  const type = (header.split(';', 1)[0] ?? '').trim().toLowerCase();
  return /^[!#$%&'*+.^_`|~0-9a-z-]+(?:\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/.test(type) ? type : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const goEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** A string as Go's `%q` prints it. */
function quoteAsGo(text: string): string {
  let quoted = '"';
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    const escaped = goEscapes[character];
    if (escaped !== undefined) quoted += escaped;
    else if (point < 0x20 || point === 0x7f) quoted += `\\x${point.toString(16).padStart(2, '0')}`;
    else if (point < 0x7f || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) quoted += character;
    else
      quoted +=
        point > 0xffff ? `\\U${point.toString(16).padStart(8, '0')}` : `\\u${point.toString(16).padStart(4, '0')}`;
  }
  return `${quoted}"`;
}
