import { type Digest, isDigest } from '@slipway/digest';
import { InvalidManifestError, ManifestTooLargeError } from './errors.ts';
import { excessOfJSON } from './json-excess.ts';

/** Bytes a document may have unless the caller says otherwise: 4 MiB, as registries allow. */
export const defaultMaxSize: number = 4 * 1024 * 1024;

/** A JSON object that knows its place in a document, so that every complaint can name it. */
export interface Fields {
  /** What messages call the document: `manifest`. */
  readonly document: string;
  /** `layers[2]`; empty at the top. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Parses a document that must be one JSON object. The characters are for reading only: digests are taken of the bytes.
 */
export function readDocument(document: string, bytes: Uint8Array, maxSize: number = defaultMaxSize): Fields {
  if (bytes.byteLength > maxSize) throw new ManifestTooLargeError(document, bytes.byteLength, maxSize);
  const excess = excessOfJSON(bytes);
  if (excess !== undefined) throw new InvalidManifestError(document, '', excess);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new InvalidManifestError(document, '', 'expected JSON', { cause });
  }
  if (!isObject(value)) throw new InvalidManifestError(document, '', `expected an object, got ${describe(value)}`);
  return { document, path: '', values: value };
}

/** A member as it is, whatever it is. */
export function memberOf(fields: Fields, key: string): unknown {
  return fields.values[key];
}

/**
 * The same object with its known members under their own names, whatever letter case they were written in: Go reads
 * JSON so, and builders written in Go have left `rootfS` behind. One member written twice, with different values, is
 * refused: two readers would see two documents.
 */
export function inAnyCase(fields: Fields, known: KnownNames): Fields {
  const values: Record<string, unknown> = { ...fields.values };
  for (const [key, value] of Object.entries(fields.values)) {
    const meant = known.get(foldedName(key));
    if (meant === undefined || meant === key) continue;
    if (Object.hasOwn(values, meant) && JSON.stringify(values[meant]) !== JSON.stringify(value)) {
      fail(fields, key, `is there twice, once as ${describe(meant)}, with different values`);
    }
    values[meant] = value;
    delete values[key];
  }
  return { ...fields, values };
}

/** Names of members that a reader knows, found by {@link foldedName}. */
type KnownNames = ReadonlyMap<string, string>;

export function namesOf(known: readonly string[]): KnownNames {
  return new Map(known.map((key) => [foldedName(key), key]));
}

/**
 * Refuses an object in which Go finds a member where JavaScript finds none: `Digest` beside or instead of `digest`. The
 * last of them counts there, so that one document would name two things.
 */
export function refuseOtherSpellings(fields: Fields, known: KnownNames): void {
  for (const key of Object.keys(fields.values)) {
    const meant = known.get(foldedName(key));
    if (meant !== undefined && meant !== key) fail(fields, '', `expected ${meant}, got ${describe(key)}`);
  }
}

/**
 * A name as Go's decoder compares it: without case, where the long s (U+017F) is an s and the Kelvin sign a k.
 *
 * @see https://github.com/golang/go/blob/go1.24.0/src/encoding/json/fold.go
 */
function foldedName(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** Null counts as absent, as it does for Go. */
export function has(fields: Fields, key: string): boolean {
  return fields.values[key] !== undefined && fields.values[key] !== null;
}

export function readString(fields: Fields, key: string): string {
  return readOptionalString(fields, key) ?? fail(fields, key, 'expected a text, got nothing');
}

export function readOptionalString(fields: Fields, key: string): string | undefined {
  if (!has(fields, key)) return undefined;
  const value = fields.values[key];
  return typeof value === 'string' ? value : fail(fields, key, `expected a text, got ${describe(value)}`);
}

export function readOptionalBoolean(fields: Fields, key: string): boolean | undefined {
  if (!has(fields, key)) return undefined;
  const value = fields.values[key];
  return typeof value === 'boolean' ? value : fail(fields, key, `expected true or false, got ${describe(value)}`);
}

export function readDigest(fields: Fields, key: string): Digest {
  return asDigest(fields, key, fields.values[key]);
}

/** A number of bytes. */
export function readSize(fields: Fields, key: string): number {
  const value = fields.values[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  return fail(fields, key, `expected a number of bytes, got ${describe(value)}`);
}

export function readObject(fields: Fields, key: string): Fields {
  return asFields(fields, key, fields.values[key]);
}

export function readOptionalObject(fields: Fields, key: string): Fields | undefined {
  return has(fields, key) ? readObject(fields, key) : undefined;
}

/** Objects of a list; an absent list is an empty one. */
export function readObjects(fields: Fields, key: string): readonly Fields[] {
  return readList(fields, key).map((value, index) => asFields(fields, `${key}[${index}]`, value));
}

export function readDigests(fields: Fields, key: string): readonly Digest[] {
  return Object.freeze(readList(fields, key).map((value, index) => asDigest(fields, `${key}[${index}]`, value)));
}

export function readOptionalStrings(fields: Fields, key: string): readonly string[] | undefined {
  if (!has(fields, key)) return undefined;
  const texts = readList(fields, key).map((value, index) =>
    typeof value === 'string' ? value : fail(fields, `${key}[${index}]`, `expected a text, got ${describe(value)}`),
  );
  return Object.freeze(texts);
}

export function readOptionalStringMap(fields: Fields, key: string): Readonly<Record<string, string>> | undefined {
  const map = readOptionalObject(fields, key);
  if (map === undefined) return undefined;
  return Object.freeze(Object.fromEntries(Object.keys(map.values).map((name) => [name, readString(map, name)])));
}

/** Refuses the document because of one of its members. */
export function fail(fields: Fields, key: string, problem: string): never {
  const path = [fields.path, key].filter((part) => part !== '').join('.');
  throw new InvalidManifestError(fields.document, isPlain(path) ? path : describe(path), problem);
}

/** Names of annotations are a stranger's too, and may be long or steer a terminal. */
function isPlain(path: string): boolean {
  return path.length <= 120 && /^[\w.[\]/-]*$/.test(path);
}

export function readList(fields: Fields, key: string): readonly unknown[] {
  if (!has(fields, key)) return [];
  const value = fields.values[key];
  return Array.isArray(value) ? value : fail(fields, key, `expected a list, got ${describe(value)}`);
}

export function asFields(parent: Fields, key: string, value: unknown): Fields {
  if (!isObject(value)) return fail(parent, key, `expected an object, got ${describe(value)}`);
  return { document: parent.document, path: parent.path === '' ? key : `${parent.path}.${key}`, values: value };
}

function asDigest(fields: Fields, key: string, value: unknown): Digest {
  return isDigest(value) ? value : fail(fields, key, `expected a digest, got ${describe(value)}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Never more than a glimpse: documents come from strangers. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
