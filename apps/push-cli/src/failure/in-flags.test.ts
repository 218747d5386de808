import { ClientError } from '@slipway/client';
import { PushError } from '@slipway/push';
import { expect, test } from 'vitest';
import { inFlags } from './in-flags.ts';
import { problemLines } from './problem.ts';

test.each([
  ['`compressionLevel: 12` is for zstd', '--compression-level 12 is for zstd'],
  ['add `allTags`, or leave `newerThan` out', 'add --all-tags, or leave --newer-than out'],
  ['`learn: off` excludes `learnFrom`', '--learn off excludes --learn-from'],
  ['Expected `to` to be a reference', 'Expected DESTINATION to be a reference'],
  ['Choose another folder with `spoolFolder`, or', 'Choose another folder with TMPDIR, or'],
  ['choose it with `platform: linux/amd64`', 'choose it with --platform linux/amd64'],
  [
    'trust it with `connect.ca`; a `plan: x` or `digest` is no option',
    'trust it with `connect.ca`; a `plan: x` or `digest` is no option',
  ],
  ['log in with `slipway login REGISTRY`', 'log in with `slipway login REGISTRY`'],
])('%s', (text, expected) => {
  expect(inFlags(text)).toBe(expected);
});

test('what the engine advises is told with this program’s flags, and what it quotes as it is', () => {
  const error = new PushError('ERR_PUSH_FORMAT', 'Could not plan: "`format`" is quoted', {
    op: 'plan',
    origin: 'request',
    hint: 'choose `format: oci`, or one platform with `platform`',
  });
  expect(problemLines(error)).toEqual([
    'slipway: Could not plan: "`format`" is quoted',
    '  hint: choose --format oci, or one platform with --platform',
  ]);
});

test('what the client says is told with this program’s flags', () => {
  const error = new ClientError('ERR_CLIENT_OPTION', '`protocol: v1` excludes `format: oci`', {
    hint: 'leave `format` out',
  });
  expect(problemLines(error)).toEqual(['slipway: --protocol v1 excludes --format oci', '  hint: leave --format out']);
});
