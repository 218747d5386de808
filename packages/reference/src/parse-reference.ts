import { aString, assertOptions } from '@slipway/arguments';
import { type Digest, isDigest } from '@slipway/digest-value';
import { InvalidReferenceError } from './errors.ts';
import { assertText, isIdentifier, parseExpanded, toLowerCase } from './grammar.ts';
import { defaultRegistry, formatReference, isNameOnly, type Reference } from './reference.ts';
import { withDefaultTag, withTag } from './with-tag.ts';

/** What is added to a text that leaves something out. */
export interface ParseReferenceOptions {
  /** Tag for a text that has neither tag nor digest. @default none is added */
  readonly defaultTag?: string | undefined;
}

/** A reference that is a digest and nothing else. */
export interface DigestReference {
  readonly digest: Digest;
}

/**
 * Parses what a user types; short Docker names are expanded: `alpine` is `docker.io/library/alpine`.
 * Takes time linear in the length of the text.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` names the rule that was broken.
 * @see https://github.com/distribution/reference/blob/v0.6.0/normalize.go#L32-L80
 * @example parseReference('alpine', { defaultTag: 'latest' }); // { registry: 'docker.io', repository:
 * 'library/alpine', tag: 'latest' }
 */
export function parseReference(input: string, options: ParseReferenceOptions = {}): Reference {
  assertText(input);
  assertOptions('options', options, { optional: { defaultTag: aString } });
  if (isIdentifier(input)) {
    const message = `invalid repository name (${input}), cannot specify 64-byte hexadecimal strings`;
    throw new InvalidReferenceError('identifier', message, input);
  }
  const { registry, remainder } = splitRegistry(input);
  const [path = ''] = remainder.split(':', 1);
  if (toLowerCase(path) !== path) {
    const message = `invalid reference format: repository name (${printable(path)}) must be lowercase`;
    throw new InvalidReferenceError('uppercase', message, input);
  }
  const reference = parseExpanded(`${registry}/${remainder}`, input);
  const isComplete = options.defaultTag === undefined || !isNameOnly(reference);
  return isComplete ? reference : withTag(reference, options.defaultTag);
}

/**
 * Parses a reference that must be written in full: `docker.io/library/alpine`, not `alpine`.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` is `canonical` for a short form.
 */
export function parseCanonicalName(input: string): Reference {
  const reference = parseReference(input);
  if (formatReference(reference) !== input) {
    throw new InvalidReferenceError('canonical', 'repository name must be canonical', input);
  }
  return reference;
}

/**
 * Parses a reference, an image ID (64 hex digits) or a digest; the last two give a digest alone.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` names the rule that was broken.
 */
export function parseAnyReference(input: string): Reference | DigestReference {
  assertText(input);
  const digest = isIdentifier(input) ? `sha256:${input}` : input;
  return isDigest(digest) ? Object.freeze({ digest }) : parseReference(input);
}

/**
 * Parses a reference as containers' run-times do: exactly one of tag and digest, the digest winning, `latest` by
 * default.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`; `rule` names the rule that was broken.
 */
export function parseDockerReference(input: string): Reference {
  const reference = parseReference(input);
  return reference.digest === undefined ? withDefaultTag(reference) : Object.freeze({ ...reference, tag: undefined });
}

/** Decides by its look whether the first component is a registry; what is no registry lives on Docker Hub. */
function splitRegistry(input: string): { readonly registry: string; readonly remainder: string } {
  const slash = input.indexOf('/');
  // Without a slash, `host:5000` is a repository with a tag.
  if (slash < 0) return { registry: defaultRegistry, remainder: `library/${input}` };
  const first = input.slice(0, slash);
  const isRegistry = first === 'localhost' || /[.:]/.test(first) || toLowerCase(first) !== first;
  const registry = isRegistry && first !== 'index.docker.io' ? first : defaultRegistry;
  const remainder = isRegistry ? input.slice(slash + 1) : input;
  const isOfficial = registry === defaultRegistry && !remainder.includes('/');
  return { registry, remainder: isOfficial ? `library/${remainder}` : remainder };
}

/** No name that could be meant is changed by this: it keeps hostile texts from flooding or steering a terminal. */
function printable(text: string): string {
  const shown = text.length > 512 ? `${text.slice(0, 512)}…` : text;
  return shown.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
