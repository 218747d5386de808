import { ArgumentError } from '@slipway/arguments';
import { type Digest, InvalidDigestError, parseDigest } from '@slipway/digest-value';
import { InvalidReferenceError } from './errors.ts';
import type { Reference } from './reference.ts';

/** The longest path of a repository, in characters, its domain not counted. */
export const maxRepositoryLength: number = 255;

/**
 * Parses a reference by the bare grammar, with none of Docker's defaults: `foo/bar` is the path `bar` at the host
 * `foo`. `registry` is empty where the text has no domain. Takes time linear in the length of the text, whatever it is.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` is `empty`, `uppercase`, `format`, `length` or
 * `digest`.
 * @see https://github.com/distribution/reference/blob/v0.6.0/reference.go#L4-L26
 */
export function parseGrammar(input: string): Reference {
  assertText(input);
  return parseExpanded(input, input);
}

/** Parses `text`, which was made of what the user typed, and blames the latter. */
export function parseExpanded(text: string, input: string): Reference {
  const parts = splitReference(text);
  if (parts === undefined) throw explain(text, input);
  if (parts.repository.length > maxRepositoryLength) throw tooLong(input);
  return Object.freeze({ ...parts, digest: parts.digest === undefined ? undefined : checkDigest(parts.digest, input) });
}

/**
 * Parses a repository's name alone, by the bare grammar: no tag, no digest, no defaults.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` is `format` or `length`.
 */
export function parseRepositoryName(input: string): Reference {
  assertText(input);
  const name = splitName(input);
  if (name === undefined) throw new InvalidReferenceError('format', 'invalid reference format', input);
  if (name.repository.length > maxRepositoryLength) throw tooLong(input);
  return Object.freeze({ ...name, tag: undefined, digest: undefined });
}

/** Whether a text can be a tag: 1 to 128 of letters, digits, `_`, `.` and `-`, the first neither `.` nor `-`. */
export function isTag(text: string): boolean {
  if (typeof text !== 'string') return false;
  return text.length <= 128 && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text);
}

/** Whether a text can stand before a repository as its registry: `host`, `host:port`, `[IPv6]`, `[IPv6]:port`. */
export function isRegistryName(text: string): boolean {
  if (typeof text !== 'string') return false;
  const [host, port] = cut(text, text.indexOf(':', text.lastIndexOf(']') + 1));
  if (port !== undefined && !/^[0-9]+$/.test(port)) return false;
  if (host.startsWith('[')) return /^\[[A-Fa-f0-9:]+\]$/.test(host);
  return host
    .split('.')
    .every((label) => /^[A-Za-z0-9-]+$/.test(label) && !label.startsWith('-') && !label.endsWith('-'));
}

/** Whether a text has the form a reference allows for a digest: wider than what `parseDigest` accepts. */
export function hasDigestForm(text: string): boolean {
  if (typeof text !== 'string') return false;
  const colon = text.indexOf(':');
  if (colon < 0 || !/^[A-Fa-f0-9]{32,}$/.test(text.slice(colon + 1))) return false;
  return text
    .slice(0, colon)
    .split(/[-_+.]/)
    .every((part) => /^[A-Za-z][A-Za-z0-9]*$/.test(part));
}

/** Whether a text is an image ID, 64 lower-case hex digits, which is why no repository may be called so. */
export function isIdentifier(text: string): boolean {
  if (typeof text !== 'string') return false;
  return /^[a-f0-9]{64}$/.test(text);
}

/** Names that come from a variable nobody has set deserve better than a property of undefined. */
export function assertText(input: unknown): asserts input is string {
  if (typeof input !== 'string')
    throw new ArgumentError('input', `Expected \`input\` to be a string, got ${typeof input}`);
}

/** Lower case as Go makes it: each character by itself, so that `İ` becomes a plain `i`. */
export function toLowerCase(text: string): string {
  return text.split('\u0130').join('i').toLowerCase();
}

interface NameParts {
  readonly registry: string;
  readonly repository: string;
}

interface ReferenceParts extends NameParts {
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** No part may contain the mark that ends it, so every cut is certain and nothing is ever tried twice. */
function splitReference(input: string): ReferenceParts | undefined {
  const [rest, digest] = cut(input, input.indexOf('@'));
  const [fullName, tag] = cut(rest, rest.indexOf(':', rest.lastIndexOf('/') + 1));
  if (digest !== undefined && !hasDigestForm(digest)) return undefined;
  if (tag !== undefined && !isTag(tag)) return undefined;
  const name = splitName(fullName);
  return name && { ...name, tag, digest };
}

function cut(text: string, index: number): readonly [string, string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

/** The first component is the domain whenever it can be one. */
function splitName(name: string): NameParts | undefined {
  const slash = name.indexOf('/');
  const domain = name.slice(0, Math.max(slash, 0));
  const parts = isRegistryName(domain)
    ? { registry: domain, repository: name.slice(slash + 1) }
    : { registry: '', repository: name };
  return parts.repository.split('/').every(isPathComponent) ? parts : undefined;
}

/** Runs of `[a-z0-9]`, with one of `.`, `_`, `__` or any number of `-` between two of them. */
function isPathComponent(text: string): boolean {
  let index = 0;
  for (;;) {
    const end = skipLetters(text, index);
    if (end === index) return false;
    if (end === text.length) return true;
    index = skipSeparator(text, end);
  }
}

function skipLetters(text: string, from: number): number {
  let index = from;
  while (index < text.length && isLowerCaseOrDigit(text.charCodeAt(index))) index += 1;
  return index;
}

function isLowerCaseOrDigit(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

/** Stays where it is when there is no separator: the run of letters that must follow is then empty. */
function skipSeparator(text: string, from: number): number {
  switch (text[from]) {
    case '.':
      return from + 1;
    case '_':
      return text[from + 1] === '_' ? from + 2 : from + 1;
    case '-': {
      let index = from;
      while (text[index] === '-') index += 1;
      return index;
    }
    default:
      return from;
  }
}

function explain(text: string, input: string): InvalidReferenceError {
  if (text === '') {
    return new InvalidReferenceError('empty', 'repository name must have at least one component', input);
  }
  if (splitReference(toLowerCase(text)) !== undefined) {
    return new InvalidReferenceError('uppercase', 'repository name must be lowercase', input);
  }
  return new InvalidReferenceError('format', 'invalid reference format', input);
}

function tooLong(input: string): InvalidReferenceError {
  const message = `repository name must not be more than ${maxRepositoryLength} characters`;
  return new InvalidReferenceError('length', message, input);
}

function checkDigest(text: string, input: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    if (!(cause instanceof InvalidDigestError)) throw cause;
    throw new InvalidReferenceError('digest', cause.rule, input, { cause });
  }
}
