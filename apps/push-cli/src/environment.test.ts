import { describe, expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

describe('readEnvironment', () => {
  test.each([
    [{ LANG: 'en_US.UTF-8' }, true],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
    [{ LC_CTYPE: 'C.utf8' }, true],
    [{}, false],
  ])('%j has unicode: %s', (variables, expected) => {
    expect(readEnvironment(variables).hasUnicode).toBe(expected);
  });

  test.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{ TERM: 'dumb' }, false],
  ])('%j has colour: %s', (variables, expected) => {
    expect(readEnvironment(variables).hasColour).toBe(expected);
  });

  test.each([
    [{ CI: 'true' }, true],
    [{ CI: 'false' }, false],
    [{}, false],
  ])('%j is CI: %s', (variables, expected) => {
    expect(readEnvironment(variables).isCI).toBe(expected);
  });
});
