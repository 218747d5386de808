import { aString, assertArgument, assertMembers, aText } from '@slipway/arguments';
import { InvalidReferenceError } from './errors.ts';
import { familiarName, familiarString } from './familiar.ts';
import type { Reference } from './reference.ts';

/**
 * Whether a shell pattern matches the familiar string or the familiar name: `demo/*` matches `demo/app:v1`. `*` and `?`
 * stop at `/`, `**` is the same as `*`, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`, `rule` `pattern`.
 * @see https://github.com/distribution/reference/blob/v0.6.0/helpers.go#L34-L44
 */
export function matchReference(pattern: string, reference: Reference): boolean {
  assertArgument('pattern', pattern, aString);
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  const tokens = parsePattern(pattern);
  return matches(tokens, familiarString(reference)) || matches(tokens, familiarName(reference));
}

/** `'*'`, or whether one character fits. */
type Token = '*' | ((character: string) => boolean);

interface Range {
  readonly low: string;
  readonly high: string;
}

function parsePattern(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < pattern.length) {
    const character = pattern.charAt(index);
    index += 1;
    if (character === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (character === '?') {
      tokens.push((c) => c !== '/');
    } else if (character === '[') {
      const parsed = parseClass(pattern, index);
      tokens.push(parsed.token);
      index = parsed.end;
    } else {
      const literal = character === '\\' ? pattern.charAt(index) : character;
      if (literal === '') throw malformed(pattern);
      if (character === '\\') index += 1;
      tokens.push((c) => c === literal);
    }
  }
  return tokens;
}

/** Reads a class from just after its `[`. */
function parseClass(pattern: string, start: number): { readonly token: Token; readonly end: number } {
  const isNegated = pattern[start] === '^';
  const ranges: Range[] = [];
  let index = isNegated ? start + 1 : start;
  while (ranges.length === 0 || pattern[index] !== ']') {
    const low = readClassCharacter(pattern, index);
    index = low.end;
    const high = pattern[index] === '-' ? readClassCharacter(pattern, index + 1) : low;
    index = high.end;
    ranges.push({ low: low.character, high: high.character });
  }
  return { token: (c) => ranges.some(({ low, high }) => low <= c && c <= high) !== isNegated, end: index + 1 };
}

function readClassCharacter(pattern: string, index: number): { readonly character: string; readonly end: number } {
  const at = pattern[index] === '\\' ? index + 1 : index;
  const character = pattern[at];
  if (character === undefined || (at === index && (character === '-' || character === ']'))) throw malformed(pattern);
  return { character, end: at + 1 };
}

/** Each star takes as little as it can; only the newest one ever takes more, so no pattern explodes. */
function matches(tokens: readonly Token[], text: string): boolean {
  let position = 0;
  let next = 0;
  let star: { next: number; position: number } | undefined;
  for (;;) {
    const token = tokens[next];
    if (token === '*') {
      next += 1;
      star = { next, position };
    } else if (position === text.length) {
      if (token === undefined) return true;
      return false;
    } else if (token?.(text.charAt(position))) {
      next += 1;
      position += 1;
    } else {
      if (star === undefined || text[star.position] === '/') return false;
      star.position += 1;
      ({ next, position } = star);
    }
  }
}

function malformed(pattern: string): InvalidReferenceError {
  return new InvalidReferenceError('pattern', 'syntax error in pattern', pattern);
}
