/** What an argument may be. `is` says it, `name` completes "Expected `x` to be …". */
export interface Kind {
  readonly name: string;
  readonly is: (value: unknown) => boolean;
}

/** Anything: the function judges itself. */
export const anything: Kind = kind('anything', () => true);
/** A string, of any length. */
export const aString: Kind = kind('a string', (value) => typeof value === 'string');
/** A string with at least one character. */
export const aText: Kind = kind('a string that is not empty', (value) => typeof value === 'string' && value !== '');
/** Any number, `NaN` included. */
export const aNumber: Kind = kind('a number', (value) => typeof value === 'number');
/** `true` or `false`. */
export const aBoolean: Kind = kind('true or false', (value) => typeof value === 'boolean');
/** Anything that can be called. */
export const aFunction: Kind = kind('a function', (value) => typeof value === 'function');
/** An object that is neither a list nor a function. */
export const anObject: Kind = kind('an object', isObject);
/**
 * An object that is nothing else, of whatever realm: no Promise that somebody forgot to wait for, no Map, Blob or URL.
 * They have no members of their own, and would pass for something empty.
 */
export const aPlainObject: Kind = kind('a plain object', isPlainObject);
/** An array. */
export const aList: Kind = kind('an array', Array.isArray);
/** A `Uint8Array`, a `Buffer` included, of whatever realm. */
export const someBytes: Kind = kind('a Uint8Array', isBytes);
/** An integer from 0 on: bytes, times, attempts. */
export const aCount: Kind = kind('an integer from 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
/** Milliseconds, `Infinity` included: for as long as it takes. */
export const aDuration: Kind = kind('a number from 0', (value) => typeof value === 'number' && value >= 0);
/** A `Date` that is a time. */
export const aDate: Kind = kind('a valid Date', (value) => value instanceof Date && !Number.isNaN(value.getTime()));
/** By its shape: signals of other realms and libraries abort as well as Node's. */
export const aSignal: Kind = kind('an AbortSignal', hasMethods('throwIfAborted', 'addEventListener'));
/** Chunks one after the other; bytes themselves are none, though JavaScript iterates over their numbers. */
export const aStream: Kind = kind(
  'an async iterable of Uint8Arrays',
  (value) => !isBytes(value) && (hasMethods(Symbol.asyncIterator)(value) || hasMethods(Symbol.iterator)(value)),
);
/** Content that can be opened again: `{ size, open() }`. */
export const aContent: Kind = kind(
  'content with `size` and `open()`',
  (value) => hasMethods('open')(value) && aCount.is((value as { readonly size?: unknown }).size),
);

/**
 * Whether these are bytes. Those of another realm, as in tests that run in a context of their own, are no instances of
 * this realm's class, and bytes all the same.
 */
export function isBytes(value: unknown): value is Uint8Array {
  return (
    value instanceof Uint8Array ||
    (ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]')
  );
}

/** A kind of the caller's own. */
export function kind(name: string, is: Kind['is']): Kind {
  return { name, is };
}

/** One of several kinds. */
export function either(...kinds: readonly Kind[]): Kind {
  return kind(kinds.map(({ name }) => name).join(' or '), (value) => kinds.some(({ is }) => is(value)));
}

/** One of these very values. */
export function oneOf(...values: readonly (string | number | boolean)[]): Kind {
  const names = values.map((value) => JSON.stringify(value));
  return kind(anyOf(names), (value) => values.some((one) => one === value));
}

function anyOf(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter((part) => part !== '').join(' or ');
}

/** An array of nothing else. */
export function listOf(item: Kind): Kind {
  return kind(`an array, each item ${item.name}`, (value) => Array.isArray(value) && value.every(item.is));
}

/** An object, or an instance of a class, that has these methods. */
export function withMethods(name: string, ...methods: readonly (string | symbol)[]): Kind {
  return kind(name, hasMethods(...methods));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPlainObject(value: unknown): boolean {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function hasMethods(...methods: readonly (string | symbol)[]): Kind['is'] {
  return (value) =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    methods.every((method) => typeof (value as Readonly<Record<string | symbol, unknown>>)[method] === 'function');
}
