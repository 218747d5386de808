import {
  ArgumentError,
  aBoolean,
  anObject,
  aString,
  assertArgument,
  assertOptions,
  unexpected,
} from '@slipway/arguments';

/** How a document is laid out. */
export interface GoJSONOptions {
  /** What one level is indented by; Docker uses three spaces. @default none: no spaces, no newlines */
  readonly indent?: string | undefined;
  /** Write `<`, `>` and `&` as `\u003c`, `\u003e` and `\u0026`. @default true, as Go does */
  readonly escapeHTML?: boolean | undefined;
}

/** JSON text that is to stand in a larger document as it is, but for its spaces. Made by {@link rawJSON}. */
export interface RawJSON {
  readonly [rawText]: string;
}

const rawText: unique symbol = Symbol('JSON text');

/**
 * JSON to the byte as Go's `encoding/json` writes it; no final newline. Encode it as UTF-8 once, and digest those
 * bytes.
 *
 * Keys stand in the order of insertion; give a `Map` where a key may look like a number, for objects put those first.
 * Members that are undefined are left out. A surrogate without its partner becomes U+FFFD. Backspace and form feed are
 * `\u0008` and `\u000c`, as Go wrote them before 1.22.
 *
 * @throws {TypeError} for what JSON cannot say, or says in more than one way: functions, symbols, NaN and the
 * infinities, dates, sets and bytes.
 */
export function encodeGoJSON(value: unknown, options: GoJSONOptions = {}): string {
  assertOptions('options', options, { optional: { indent: aString, escapeHTML: aBoolean } });
  const compact = encode(value, options.escapeHTML ?? true);
  return options.indent === undefined ? compact : indentJSON(compact, options.indent);
}

/**
 * Wraps JSON for embedding: keys keep their order, numbers and strings their spelling, spaces go, as with Go's
 * `RawMessage`.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT` when the text is not JSON.
 */
export function rawJSON(text: string): RawJSON {
  assertArgument('text', text, aString);
  assertJSON(text);
  return Object.freeze({ [rawText]: text });
}

function assertJSON(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw unexpected('text', 'JSON', text);
  }
}

/** A map in Go's order of keys, that of their UTF-8 bytes. */
export function sortedMap<Value>(record: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  assertArgument('record', record, anObject);
  const encoder = new TextEncoder();
  const entries = Object.entries(record).map(([key, value]) => ({ key, value, bytes: encoder.encode(key) }));
  entries.sort((a, b) => compareBytes(a.bytes, b.bytes));
  return new Map(entries.map(({ key, value }) => [key, value]));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function encode(value: unknown, escapeHTML: boolean): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value, escapeHTML);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      if (Number.isFinite(value)) return String(value);
      break;
    case 'undefined':
      return 'null';
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Date || value instanceof Set || ArrayBuffer.isView(value)) break;
      return encodeObject(value, escapeHTML);
    default:
  }
  throw new ArgumentError('value', `Expected \`value\` to be something JSON can say, got ${String(value)}`);
}

function encodeObject(value: object, escapeHTML: boolean): string {
  if (rawText in value) return compactJSON(value[rawText] as string, escapeHTML);
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, escapeHTML)).join(',')}]`;
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  const members: string[] = [];
  for (const [key, member] of entries) {
    if (member === undefined) continue;
    members.push(`${encodeString(String(key), escapeHTML)}:${encode(member, escapeHTML)}`);
  }
  return `{${members.join(',')}}`;
}

function encodeString(text: string, escapeHTML: boolean): string {
  const wellFormed = text.replace(/\p{Surrogate}/gu, '\ufffd');
  // JSON.stringify alone would write the short forms \b and \f.
  const quoted = JSON.stringify(wellFormed).replace(/\\[\\"bf]/g, (pair) => {
    if (pair === '\\b') return '\\u0008';
    return pair === '\\f' ? '\\u000c' : pair;
  });
  return escapeInText(quoted, escapeHTML);
}

/** None of these characters has a meaning in JSON outside strings, so a whole document may be passed. */
function escapeInText(json: string, escapeHTML: boolean): string {
  const pattern = escapeHTML ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g;
  return json.replace(pattern, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function compactJSON(json: string, escapeHTML: boolean): string {
  let compact = '';
  for (const { text, isString } of splitStrings(json)) compact += isString ? text : text.replace(/[ \t\r\n]+/g, '');
  return escapeInText(compact.replace(/\p{Surrogate}/gu, '\ufffd'), escapeHTML);
}

/** Spreads compact JSON over lines; empty lists and objects stay `[]` and `{}`. */
function indentJSON(compact: string, indent: string): string {
  let depth = 0;
  let indented = '';
  for (const { text, isString } of splitStrings(compact)) indented += isString ? text : text.replace(marks, spread);
  return indented;

  function spread(mark: string): string {
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    const newLine = `\n${indent.repeat(depth)}`;
    switch (mark) {
      case '{':
      case '[':
      case ',':
        return mark + newLine;
      case '}':
      case ']':
        return newLine + mark;
      case ':':
        return ': ';
      default:
        return mark;
    }
  }
}

const marks: RegExp = /\{\}|\[\]|[[\]{},:]/g;

/** Cuts valid JSON into its strings, quotes included, and what lies between them. */
function* splitStrings(json: string): Generator<{ readonly text: string; readonly isString: boolean }> {
  let index = 0;
  while (index < json.length) {
    const quote = json.indexOf('"', index);
    const start = quote < 0 ? json.length : quote;
    if (start > index) yield { text: json.slice(index, start), isString: false };
    if (quote < 0) return;
    index = quote + 1;
    while (json[index] !== '"') index += json[index] === '\\' ? 2 : 1;
    index += 1;
    yield { text: json.slice(quote, index), isString: true };
  }
}
