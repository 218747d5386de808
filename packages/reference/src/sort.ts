import { aString, assertArgument, kind, listOf } from '@slipway/arguments';
import { type DigestReference, parseAnyReference } from './parse-reference.ts';
import { formatReference, type Reference } from './reference.ts';

const aName = kind('a reference or a digest', (value) => {
  const { repository, digest } = (value ?? {}) as Partial<Reference>;
  return typeof repository === 'string' || typeof digest === 'string';
});

/**
 * Orders references: with tag and digest, with a tag, with a digest, a bare name, a bare digest; equals bytewise by
 * their full text. For `Array.prototype.sort`.
 *
 * @see https://github.com/distribution/reference/blob/v0.6.0/sort.go#L17-L45
 */
export function compareReferences(a: Reference | DigestReference, b: Reference | DigestReference): number {
  assertArgument('a', a, aName);
  assertArgument('b', b, aName);
  return rank(a) - rank(b) || compareText(textOf(a), textOf(b));
}

/**
 * Sorts what users typed as {@link compareReferences} does, written in full; what cannot be parsed comes last, as it
 * is.
 */
export function sortReferences(inputs: readonly string[]): string[] {
  assertArgument('inputs', inputs, listOf(aString));
  const parsed: (Reference | DigestReference)[] = [];
  const bad: string[] = [];
  for (const input of inputs) {
    try {
      parsed.push(parseAnyReference(input));
    } catch {
      bad.push(input);
    }
  }
  return [...parsed.sort(compareReferences).map(textOf), ...bad.sort(compareText)];
}

function rank(reference: Reference | DigestReference): number {
  if (!('repository' in reference)) return 5;
  if (reference.tag !== undefined) return reference.digest === undefined ? 2 : 1;
  return reference.digest === undefined ? 4 : 3;
}

function textOf(reference: Reference | DigestReference): string {
  return 'repository' in reference ? formatReference(reference) : reference.digest;
}

/** In the order of UTF-8 bytes, which is that of code points and not of UTF-16 units. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let index = 0;
  while (index < length && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  if (index === length) return a.length - b.length;
  return weight(a.charCodeAt(index)) - weight(b.charCodeAt(index));
}

/** Moves surrogates above U+E000–U+FFFF. */
function weight(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
