import { ArgumentError } from './errors.ts';
import { anObject, type Kind } from './kinds.ts';

/** The options of a function, by name. */
export interface OptionKinds {
  /** @default none */
  readonly required?: Readonly<Record<string, Kind>> | undefined;
  /** Undefined counts as left out; null does not. @default none */
  readonly optional?: Readonly<Record<string, Kind>> | undefined;
}

/** Refuses an argument of another kind. @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertArgument(argument: string, value: unknown, kind: Kind): void {
  if (!kind.is(value)) throw unexpected(argument, kind.name, value);
}

/**
 * Refuses options that are no object, lack one that is required, or have one of another kind. An unknown name is let
 * through, so that callers may hand on what they were given, unless it is nearly the name of an option that is not
 * there.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function assertOptions(argument: string, value: unknown, { required = {}, optional = {} }: OptionKinds): void {
  if (value === undefined && Object.keys(required).length === 0) return;
  assertArgument(argument, value, anObject);
  const options = value as Readonly<Record<string, unknown>>;
  assertSpelling(argument, options, [...Object.keys(required), ...Object.keys(optional)]);
  for (const [name, kind] of Object.entries(required)) assertArgument(`${argument}.${name}`, options[name], kind);
  for (const [name, kind] of Object.entries(optional)) {
    if (options[name] !== undefined) assertArgument(`${argument}.${name}`, options[name], kind);
  }
}

/** The refusal of a value, for rules that no {@link Kind} expresses. `expected` completes "Expected `x` to be …". */
export function unexpected(argument: string, expected: string, value: unknown): ArgumentError {
  return new ArgumentError(argument, `Expected \`${argument}\` to be ${expected}, got ${describe(value)}`);
}

function assertSpelling(argument: string, options: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = known.find((one) => options[one] === undefined && isNearly(name, one));
    if (meant === undefined) continue;
    throw new ArgumentError(
      `${argument}.${name}`,
      `Expected an option of \`${argument}\`, got \`${name}\`: did you mean \`${meant}\`?`,
    );
  }
}

/** Other letter case, or one letter too many, too few, wrong, or in the place of its neighbour. */
function isNearly(given: string, known: string): boolean {
  if (given.toLowerCase() === known.toLowerCase()) return true;
  if (known.length < 4 || Math.abs(given.length - known.length) > 1) return false;
  let start = 0;
  while (start < given.length && given[start] === known[start]) start += 1;
  const rest = [given.slice(start), known.slice(start)] as const;
  const [a, b] = rest;
  const isSwapped = a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return isSwapped || a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1);
}

/** What was given, without its content: that may be a secret, or long. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') return typeof value === 'function' ? 'a function' : `a ${typeof value}`;
  if (Array.isArray(value)) return 'an array';
  const { name } = (value.constructor ?? Object) as { readonly name?: unknown };
  return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${name}` : 'an object';
}
