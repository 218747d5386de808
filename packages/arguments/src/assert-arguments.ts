import { ArgumentError } from './errors.ts';
import { anObject, aSignal, isBytes, type Kind } from './kinds.ts';
import { unknownOption } from './unknown-option.ts';

/** What an object has to have, and may have, by name. */
export interface MemberKinds {
  /** @default none */
  readonly required?: Readonly<Record<string, Kind>> | undefined;
  /** Undefined counts as left out; null does not. @default none */
  readonly optional?: Readonly<Record<string, Kind>> | undefined;
}

/** The options of a function: every one that `T` has, so that a new one cannot be forgotten. */
export type OptionKinds<T> = NamesIn<'required', RequiredNames<T>> & NamesIn<'optional', OptionalNames<T>>;

type NamesIn<Part extends keyof MemberKinds, Names extends string> = [Names] extends [never]
  ? { readonly [P in Part]?: undefined }
  : { readonly [P in Part]: Readonly<Record<Names, Kind>> };
type RequiredNames<T> = Exclude<TextKey<T>, OptionalNames<T>>;
type OptionalNames<T> = { [K in TextKey<T>]-?: undefined extends T[K] ? K : never }[TextKey<T>];
type TextKey<T> = Extract<keyof T, string>;

/** Refuses an argument of another kind. @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertArgument(argument: string, value: unknown, kind: Kind): void {
  if (!kind.is(value)) throw unexpected(argument, kind.name, value);
}

/** Refuses a signal that is none, before anything listens to it. @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertSignal(signal: unknown): void {
  if (signal !== undefined) assertArgument('signal', signal, aSignal);
}

/**
 * Refuses a chunk of somebody's stream that is no bytes: a text, say, of a stream that was given an encoding. What is
 * written of it, and counted and hashed, would not be the same.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function assertChunk(chunk: unknown): asserts chunk is Uint8Array {
  if (isBytes(chunk)) return;
  const message = `Expected each chunk of a stream to be a Uint8Array, got ${describe(chunk)}`;
  throw new ArgumentError('chunk', message);
}

/**
 * Refuses options that are no object, lack one that is required, have one of another kind, or one that the function
 * does not have: that is a slip, or an option of somebody else, who would wait for its effect in vain.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function assertOptions<T extends object>(argument: string, value: T | undefined, kinds: OptionKinds<T>): void {
  const { required = {}, optional = {} } = kinds as MemberKinds;
  if (value === undefined && Object.keys(required).length === 0) return;
  assertArgument(argument, value, anObject);
  const unknown = unknownOption(value as T, [...Object.keys(required), ...Object.keys(optional)]);
  if (unknown !== undefined) {
    const { name, meant } = unknown;
    const advice = meant === undefined ? '' : `: did you mean \`${meant}\`?`;
    throw new ArgumentError(`${argument}.${name}`, `Expected an option of \`${argument}\`, got \`${name}\`${advice}`);
  }
  assertMembers(argument, value, { required, optional });
}

/**
 * Refuses what is no object, lacks a member that is required, or has one of another kind. Further members are nobody's
 * business: documents and records may have more than a function reads.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function assertMembers(argument: string, value: unknown, { required = {}, optional = {} }: MemberKinds): void {
  assertArgument(argument, value, anObject);
  const members = value as Readonly<Record<string, unknown>>;
  for (const [name, kind] of Object.entries(required)) assertArgument(`${argument}.${name}`, members[name], kind);
  for (const [name, kind] of Object.entries(optional)) {
    if (members[name] !== undefined) assertArgument(`${argument}.${name}`, members[name], kind);
  }
}

/** The refusal of a value, for rules that no {@link Kind} expresses. `expected` completes "Expected `x` to be …". */
export function unexpected(argument: string, expected: string, value: unknown): ArgumentError {
  return new ArgumentError(argument, `Expected \`${argument}\` to be ${expected}, got ${describe(value)}`);
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
