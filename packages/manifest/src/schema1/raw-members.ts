import { InvalidManifestError } from '../errors.ts';
import { readDocument } from '../fields.ts';
import { encodeGoJSON, type RawJSON, rawJSON, sortedMap } from '../go-json.ts';

/**
 * Members of a JSON object with their values as they were written: numbers keep their digits. Of equal keys the last
 * counts.
 */
export type RawMembers = Readonly<Record<string, RawJSON>>;

/**
 * Takes an object apart without reading its values.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`
 */
export function readRawMembers(document: string, bytes: Uint8Array): RawMembers {
  readDocument(document, bytes); // from here on it is known to be one JSON object
  const text = new TextDecoder().decode(bytes);
  const members: Record<string, RawJSON> = Object.create(null) as Record<string, RawJSON>;
  let at = text.indexOf('{') + 1;
  for (;;) {
    at = skip(text, at, /[\s,]/);
    if (text[at] !== '"') return members;
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skip(text, keyEnd, /[\s:]/);
    const end = endOfValue(text, start);
    if (end <= start) throw new InvalidManifestError(document, key, 'expected a value');
    members[key] = rawJSON(text.slice(start, end));
    at = end;
  }
}

/** The object again, compact, its keys in the order of their bytes: what Go makes of a map of raw messages. */
export function encodeSorted(members: Readonly<Record<string, unknown>>): string {
  return encodeGoJSON(sortedMap(members));
}

function skip(text: string, from: number, characters: RegExp): number {
  let at = from;
  while (at < text.length && characters.test(text[at]!)) at += 1;
  return at;
}

function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The object is valid, so depth alone tells where a value ends. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    else if (depth === 0 && (character === ',' || character === '}')) return trimEnd(text, start, at);
    else if (character === '}' || character === ']') depth -= 1;
    at += 1;
  }
  return at;
}

function trimEnd(text: string, start: number, end: number): number {
  return start + text.slice(start, end).trimEnd().length;
}
