import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  ArgumentError,
  aBoolean,
  aContent,
  aCount,
  aDate,
  aFunction,
  aList,
  aNumber,
  anObject,
  aPlainObject,
  aSignal,
  aStream,
  aString,
  assertArgument,
  assertChunk,
  assertMembers,
  assertOptions,
  aText,
  either,
  isBytes,
  listOf,
  oneOf,
  someBytes,
  unexpected,
  withMethods,
} from './index.ts';

const content = { size: 1, open: () => [] };

test.each([
  // kind, what it takes, what it refuses, how the refusal ends
  ['a string', aString, 'x', 1, 'to be a string, got 1'],
  ['a text', aText, 'x', '', 'to be a string that is not empty, got an empty string'],
  ['a number', aNumber, Number.NaN, '1', 'to be a number, got a string'],
  ['a boolean', aBoolean, false, 'no', 'to be true or false, got a string'],
  ['a function', aFunction, () => {}, {}, 'to be a function, got an object'],
  ['an object', anObject, {}, null, 'to be an object, got null'],
  ['an object, no list', anObject, new Map(), [], 'to be an object, got an array'],
  ['a plain object', aPlainObject, Object.create(null), new Map(), 'to be a plain object, got a Map'],
  ['an object that waits', aPlainObject, runInNewContext('({})'), Promise.resolve({}), 'plain object, got a Promise'],
  ['an object with a class', aPlainObject, {}, new (class Files {})(), 'to be a plain object, got a Files'],
  ['a list', aList, [], new Set(), 'to be an array, got a Set'],
  ['bytes', someBytes, new Uint8Array(1), [1], 'to be a Uint8Array, got an array'],
  ['a count', aCount, 0, -1, 'to be an integer from 0, got -1'],
  ['a date', aDate, new Date(0), new Date(Number.NaN), 'to be a valid Date, got a Date'],
  ['a signal', aSignal, new AbortController().signal, new AbortController(), 'got a AbortController'],
  [
    'a stream',
    aStream,
    (async function* () {})(),
    new Uint8Array(1),
    'to be an async iterable of Uint8Arrays, got a Uint8Array',
  ],
  ['content', aContent, content, { open: content.open }, 'to be content with `size` and `open()`, got an object'],
  ['one of several', oneOf('a', 'b', 3), 3, 'c', 'to be "a", "b" or 3, got a string'],
  ['the only choice', oneOf('keep'), 'keep', 'kept', 'to be "keep", got a string'],
  ['either', either(aString, aDate), new Date(0), 5n, 'to be a string or a valid Date, got a bigint'],
  ['a list of', listOf(aString), ['a'], ['a', 1], 'to be an array, each item a string, got an array'],
  ['with methods', withMethods('a store', 'get', 'set'), new Map(), new Set(), 'to be a store, got a Set'],
])('%s', (_name, kind, good, bad, end) => {
  expect(() => assertArgument('x', good, kind)).not.toThrow();
  expect(() => assertArgument('x', bad, kind)).toThrow(end);
  expect(() => assertArgument('x', undefined, kind)).toThrow(
    expect.objectContaining({ name: 'ArgumentError', code: 'ERR_ARGUMENT', argument: 'x' }),
  );
});

describe('options', () => {
  const kinds = { required: { url: aText }, optional: { retries: aCount, onEvent: aFunction } };
  interface Options {
    readonly url: string;
    readonly retries?: number | undefined;
    readonly onEvent?: (() => void) | undefined;
  }
  const assert = (value: unknown) => () => assertOptions('options', value as Options, kinds);

  test.each<[string, unknown, string]>([
    ['left out', undefined, 'Expected `options` to be an object, got undefined'],
    ['null', null, 'Expected `options` to be an object, got null'],
    ['a text', 'x', 'Expected `options` to be an object, got a string'],
    ['without what is required', {}, 'Expected `options.url` to be a string that is not empty, got undefined'],
    [
      'of the wrong type',
      { url: 'x', retries: '3' },
      'Expected `options.retries` to be an integer from 0, got a string',
    ],
    [
      'null where undefined is meant',
      { url: 'x', onEvent: null },
      'Expected `options.onEvent` to be a function, got null',
    ],
    ['with the wrong case', { URL: 'x' }, 'got `URL`: did you mean `url`?'],
    ['with a letter less', { url: 'x', retrie: 3 }, 'got `retrie`: did you mean `retries`?'],
    ['with a letter more', { url: 'x', retriess: 3 }, 'did you mean `retries`?'],
    ['with a wrong letter', { url: 'x', onEvend: assert }, 'did you mean `onEvent`?'],
    ['with two letters swapped', { url: 'x', retreis: 3 }, 'got `retreis`: did you mean `retries`?'],
    ['with two slips', { url: 'x', reteis: 3 }, 'got `reteis`: did you mean `retries`?'],
    ['beside the right one', { url: 'x', onEvent: () => {}, onEvents: 1 }, 'got `onEvents`: did you mean `onEvent`?'],
  ])('%s', (_name, value, message) => {
    expect(assert(value)).toThrow(ArgumentError);
    expect(assert(value)).toThrow(message);
  });

  test('what is like no option is refused without a guess', () => {
    expect(assert({ url: 'x', somethingElse: 1 })).toThrow(
      expect.objectContaining({
        code: 'ERR_ARGUMENT',
        argument: 'options.somethingElse',
        message: 'Expected an option of `options`, got `somethingElse`',
      }),
    );
  });

  test('undefined counts as left out, whatever its name', () => {
    expect(assert({ url: 'x', retries: undefined, somethingElse: undefined })).not.toThrow();
    expect(() => assertOptions<{ a?: string }>('options', undefined, { optional: { a: aString } })).not.toThrow();
  });

  test('kinds have to name every option of the type', () => {
    // @ts-expect-error -- `retries` and `onEvent` are forgotten
    expect(() => assertOptions<Options>('options', { url: 'x' }, { required: { url: aText } })).not.toThrow();
  });
});

describe('members', () => {
  const kinds = { required: { os: aText }, optional: { variant: aText } };

  test.each([
    ['with what nobody reads', { os: 'linux', features: ['sse4'] }],
    ['with a name that is nearly known', { os: 'linux', variants: 'v8' }],
  ])('data %s is let through', (_name, value) => {
    expect(() => assertMembers('platform', value, kinds)).not.toThrow();
  });

  test.each([
    ['no object', 'linux', 'Expected `platform` to be an object, got a string'],
    ['without what is required', {}, 'Expected `platform.os` to be a string that is not empty, got undefined'],
    ['of the wrong type', { os: 'linux', variant: 8 }, 'Expected `platform.variant` to be a string'],
  ])('%s is refused', (_name, value, message) => {
    expect(() => assertMembers('platform', value, kinds)).toThrow(message);
  });
});

describe('bytes', () => {
  test.each([
    ['of this realm', new Uint8Array(2)],
    ['a Buffer', Buffer.from('ab')],
    ['of another realm', runInNewContext('new Uint8Array(2)')],
    ['in memory that is shared', new Uint8Array(new SharedArrayBuffer(2))],
  ])('%s', (_name, bytes) => {
    expect(isBytes(bytes)).toBe(true);
    expect(someBytes.is(bytes)).toBe(true);
    expect(aStream.is(bytes)).toBe(false);
    expect(() => assertChunk(bytes)).not.toThrow();
  });

  test.each([
    ['a text', 'ab', 'a string'],
    ['numbers of two bytes', new Uint16Array(2), 'a Uint16Array'],
    ['numbers that are cut off at 255', new Uint8ClampedArray(2), 'a Uint8ClampedArray'],
    ['a view of several kinds', new DataView(new ArrayBuffer(2)), 'a DataView'],
    ['memory itself', new ArrayBuffer(2), 'a ArrayBuffer'],
    ['a list of numbers', [1, 2], 'an array'],
    ['what only calls itself so', { [Symbol.toStringTag]: 'Uint8Array', byteLength: 2 }, 'an object'],
    ['nothing', undefined, 'undefined'],
  ])('%s are none', (_name, value, got) => {
    expect(isBytes(value)).toBe(false);
    expect(() => assertChunk(value)).toThrow(
      expect.objectContaining({
        code: 'ERR_ARGUMENT',
        argument: 'chunk',
        message: `Expected each chunk of a stream to be a Uint8Array, got ${got}`,
      }),
    );
  });
});

test('a refusal tells what kind of thing was given, never its content', () => {
  const { message, argument } = unexpected('credentials', 'an object', 'password123');
  expect(message).toBe('Expected `credentials` to be an object, got a string');
  expect(argument).toBe('credentials');
});
