import { describe, expect, test } from 'vitest';
import { type PushFlags, readPushFlags, readsStandardInput } from './push-flags.ts';

const defaults: PushFlags = { learn: 'prove', progress: 'auto' };

describe('readPushFlags', () => {
  test('what is not its own stays as it is', () => {
    const flags: PushFlags = { ...defaults, format: 'docker', compression: 'zstd' };
    expect(readPushFlags('image.tar', flags)).toEqual(flags);
  });

  test('--quiet means no progress', () => {
    expect(readPushFlags('image.tar', { ...defaults, quiet: true, progress: 'plain' }).progress).toBe('none');
  });

  test.each<[string, string, Partial<PushFlags>]>([
    ['--password-stdin needs --username', 'image.tar', { passwordStdin: true }],
    ['standard input cannot carry both', '-', { passwordStdin: true, username: 'me' }],
    ['standard input cannot carry both', 'docker-archive:-:app:v1', { passwordStdin: true, username: 'me' }],
  ])('%s', (message, source, flags) => {
    expect(() => readPushFlags(source, { ...defaults, ...flags })).toThrow(
      expect.objectContaining({ code: 'ERR_CLI_USAGE', message: expect.stringContaining(message) }),
    );
  });
});

test.each([
  ['-', true],
  ['oci-archive:-', true],
  ['docker-archive:-:app:v1', true],
  ['-app.tar', false],
  ['oci:-', false],
  ['./-', false],
])('%s reads standard input: %s', (source, expected) => {
  expect(readsStandardInput(source)).toBe(expected);
});
