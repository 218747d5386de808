import { describe, expect, test } from 'vitest';
import { type RawPushOptions, readsStandardInput, resolvePushOptions } from './push-options.ts';

const defaults: RawPushOptions = {
  format: 'keep',
  protocol: 'v2',
  compression: 'keep',
  verify: 'digest',
  concurrency: 5,
  retries: 4,
  cache: true,
  learn: 'prove',
  progress: 'auto',
};

describe('resolvePushOptions', () => {
  test('what fits together stays as it is', () => {
    expect(resolvePushOptions('image.tar', { ...defaults, format: 'oci', compression: 'zstd' })).toEqual({
      ...defaults,
      format: 'oci',
      compression: 'zstd',
    });
  });

  test('--quiet means no progress', () => {
    expect(resolvePushOptions('image.tar', { ...defaults, quiet: true, progress: 'plain' }).progress).toBe('none');
  });

  test.each<[string, string, Partial<RawPushOptions>]>([
    ['know gzip layers only', 'image.tar', { format: 'schema1', compression: 'zstd' }],
    ['--protocol v1 excludes --format oci', 'image.tar', { protocol: 'v1', format: 'oci' }],
    ['--dry-run cannot ask', 'image.tar', { format: 'v1', dryRun: true }],
    ['--compression-level 12 is for zstd', 'image.tar', { compressionLevel: 12 }],
    ['know gzip layers only', 'image.tar', { protocol: 'v1', compression: ['gzip', 'none'] }],
    ['--recompress needs --compression', 'image.tar', { recompress: true }],
    ['--compression-level has no effect', 'image.tar', { compression: 'none', compressionLevel: 2 }],
    ['--compression-level 12 is for zstd', 'image.tar', { compression: ['gzip', 'zstd'], compressionLevel: 12 }],
    ['--format docker cannot tell', 'image.tar', { format: 'docker', compression: ['gzip', 'none'] }],
    ['--compressor is for gzip', 'image.tar', { compressor: 'zlib', compression: 'zstd' }],
    ['--format docker cannot hold zstd layers', 'image.tar', { format: 'docker', compression: 'zstd' }],
    ['--password-stdin needs --username', 'image.tar', { passwordStdin: true }],
    ['standard input cannot carry both', '-', { passwordStdin: true, username: 'me' }],
    ['standard input cannot carry both', 'docker-archive:-:app:v1', { passwordStdin: true, username: 'me' }],
    ['"a/b" is neither a tag nor a digest', 'image.tar', { learnFrom: 'a/b' }],
    ['--learn off excludes --learn-from', 'image.tar', { learn: false, learnFrom: 'v1' }],
    ['--learn off excludes --verify-learnt', 'image.tar', { learn: false, verifyLearnt: true }],
    ['--learn trust excludes --verify-learnt', 'image.tar', { learn: 'trust', verifyLearnt: true }],
  ])('%s', (message, source, options) => {
    expect(() => resolvePushOptions(source, { ...defaults, ...options })).toThrow(
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
