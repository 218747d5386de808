// What `@slipway/arguments` does for the other packages, as far as this one needs it: it has no dependencies.

/** What a value has to be, and how a sentence calls that. */
export interface Kind {
  readonly name: string;
  readonly is: (value: unknown) => boolean;
}

const kindOf = (name: string, type: string): Kind => ({
  name,
  is: (value) => typeof value === type,
});

export const aBoolean: Kind = kindOf('a boolean', 'boolean');
export const aFunction: Kind = kindOf('a function', 'function');
export const aNumber: Kind = kindOf('a number', 'number');
export const aString: Kind = kindOf('a string', 'string');
export const anObject: Kind = {
  name: 'an object',
  is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};
/** Of whatever realm: the class of another one is not this one's. */
export const someBytes: Kind = {
  name: 'a Uint8Array',
  is: (value) => ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]',
};
export const aSignal: Kind = {
  name: 'an AbortSignal',
  is: (value) => typeof (value as Partial<AbortSignal> | null)?.throwIfAborted === 'function',
};

/** Refuses an argument of another kind. @throws {TypeError} `ERR_ARGUMENT` */
export function assertArgument(name: string, value: unknown, { name: expected, is }: Kind): void {
  if (!is(value)) throw coded(new TypeError(`Expected \`${name}\` to be ${expected}, got ${shown(value)}`));
}

/**
 * Refuses what is no options: no object, a value of another kind, an option that there is none of, for it would be
 * waited for in vain. What is undefined counts as left out.
 *
 * @throws {TypeError} `ERR_ARGUMENT`
 */
export function assertOptions(options: object, kinds: Readonly<Record<string, Kind>>): void {
  assertArgument('options', options, anObject);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const known = kinds[name];
    if (known !== undefined) assertArgument(name, value, known);
    else throw coded(new TypeError(`Expected the options ${listed(Object.keys(kinds))}, got \`${name}\``));
  }
}

/** The refusal of a number, or of a name, that is of the right kind and none of the possible ones: `ERR_ARGUMENT`. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  return coded(new RangeError(`Expected \`${name}\` to be ${expected}, got ${shown(value)}`));
}

function coded<T extends Error>(error: T): T {
  return Object.assign(error, { code: 'ERR_ARGUMENT' });
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === undefined ? 'nothing' : `a ${typeof value}`;
}
