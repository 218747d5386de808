import { describe, expect, test } from 'vitest';
import { readDestinations, readFileArgument, readMediaType, withAnnotation } from './file-argument.ts';

const usage = (message: string): unknown =>
  expect.objectContaining({ code: 'ERR_CLI_USAGE', message: expect.stringContaining(message) });

describe('readFileArgument', () => {
  test.each([
    // argument, path, media type
    ['sbom.json', 'sbom.json', undefined],
    ['sbom.json:application/spdx+json', 'sbom.json', 'application/spdx+json'],
    ['d/sub/:application/x', 'd/sub/', 'application/x'],
    ['a:b:', 'a:b', undefined],
    ['a:b:text/plain', 'a:b', 'text/plain'],
    [String.raw`C:\x\y`, String.raw`C:\x\y`, undefined],
    ['c:/x/y', 'c:/x/y', undefined],
    [String.raw`C:\x\y.json:text/json`, String.raw`C:\x\y.json`, 'text/json'],
    [String.raw`C:\x:y:`, String.raw`C:\x:y`, undefined],
    ['x:', 'x', undefined],
  ])('%s', (text, path, mediaType) => {
    expect(readFileArgument(text)).toEqual({ path, mediaType });
  });

  test.each([
    ['', 'names no file'],
    [':text/plain', 'names no file'],
    ['a.txt:foo', '"foo", the type of "a.txt", is no media type'],
    ['a.txt:text/plain; charset=utf-8', 'is no media type'],
    ['a.txt: text/plain', 'is no media type'],
    ['C:x', '"x", the type of "C", is no media type'],
  ])('%j is refused', (text, message) => {
    expect(() => readFileArgument(text)).toThrow(usage(message));
  });
});

describe('withAnnotation', () => {
  test('the first "=" parts key and value, and the value may be empty', () => {
    const one = withAnnotation('a=b=c');
    expect(withAnnotation('x=', one)).toEqual({ a: 'b=c', x: '' });
  });

  test.each([
    ['foo', {}, 'is no KEY=VALUE'],
    ['=foo', {}, 'is no KEY=VALUE'],
    [' =foo', {}, 'is no KEY=VALUE'],
    ['a=2', { a: '1' }, '--annotation a is there twice'],
  ])('%j is refused', (text, earlier, message) => {
    expect(() => withAnnotation(text, earlier)).toThrow(usage(message));
  });
});

test.each([
  ['ghcr.io/me/app', ['ghcr.io/me/app']],
  ['ghcr.io/me/app:1', ['ghcr.io/me/app:1']],
  ['localhost:5000/app:1,2,latest', ['localhost:5000/app:1', 'localhost:5000/app:2', 'localhost:5000/app:latest']],
  ['localhost:5000/a,b', ['localhost:5000/a,b']],
  ['app:1,', ['app:1', 'app:']],
])('%s is %j', (text, destinations) => {
  expect(readDestinations(text)).toEqual(destinations);
});

test('a media type is one', () => {
  expect(readMediaType('application/spdx+json')).toBe('application/spdx+json');
  expect(() => readMediaType('sbom')).toThrow(usage('"sbom" is no media type'));
});
