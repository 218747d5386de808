import { describe, expect, test } from 'vitest';

/** What a suite of wrong calls is told. */
export interface MisuseSuiteOptions {
  /**
   * Functions that are called after others have been, with the arguments that they need first: methods of what a
   * factory makes, say. Each is tried with wrong arguments as the exports are. @default none
   */
  readonly more?: Readonly<Record<string, (...wrong: unknown[]) => unknown>> | undefined;
  /** Exports that anything may be given to, because they are called with what only this package makes. @default none */
  readonly except?: readonly string[] | undefined;
}

/** What callers without types hand over by mistake: nothing, null, and things of another kind. */
const wrongArguments: readonly (readonly unknown[])[] = [
  [],
  [null],
  [null, null],
  [{}],
  [{}, {}],
  [42],
  ['', ''],
  ['a text', 'another'],
  [[]],
  [[], null],
  [new Date(0)],
  [() => {}, null],
  [Symbol('no argument')],
];

/** How engines word what somebody has run into who did not look at an argument. */
const rawMessage = new RegExp(
  [
    'Cannot (?:read|set|destructure|convert|mix)',
    'is not (?:a function|iterable|defined|a constructor|async iterable)|undefined is not|null is not',
    'Invalid (?:value|time)|The "?\\w+"? argument must|The first argument must|Reduce of empty|out of bounds',
  ].join('|'),
);

/**
 * Every function that a package exports tells what is wrong with its arguments. Each is called with a table of wrong
 * ones; it may take them, but what it throws, or rejects with, has a code, and is none of the errors that engines make.
 */
export function misuseSuite(
  name: string,
  exported: Readonly<Record<string, unknown>>,
  { more = {}, except = [] }: MisuseSuiteOptions = {},
): void {
  const functions = Object.entries({ ...exported, ...more }).filter(
    ([key, value]) => typeof value === 'function' && !isErrorClass(value) && !except.includes(key),
  ) as [string, (...wrong: unknown[]) => unknown][];
  describe(`${name} tells what is wrong with a call`, () => {
    test.each(functions)('%s', async (_key, call) => {
      const told: string[] = [];
      for (const wrong of wrongArguments) {
        const error = await failureOf(() => (isClass(call) ? Reflect.construct(call, [...wrong]) : call(...wrong)));
        if (error !== undefined && !isTold(error)) told.push(`(${wrong.map(shown).join(', ')}): ${String(error)}`);
      }
      expect(told).toEqual([]);
    });
  });
}

async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    await firstOf(result);
    return undefined;
  } catch (error) {
    return error ?? new Error('rejected with nothing');
  }
}

/** A stream looks at its arguments when it is read. */
async function firstOf(result: unknown): Promise<void> {
  const iterate = (result as Partial<AsyncIterable<unknown>> | undefined)?.[Symbol.asyncIterator];
  if (typeof iterate !== 'function') return;
  const iterator = iterate.call(result);
  await iterator.next();
  await iterator.return?.();
}

function isTold(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^ERR_/.test(code) && !rawMessage.test(error.message);
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(String(value));
}

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof Error;
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  return typeof value === 'symbol' ? 'a symbol' : (JSON.stringify(value) ?? String(value));
}
