import { ClientError } from '@slipway/client';
import { expect, test } from 'vitest';
import { inFlags } from './in-flags.ts';
import { problemLines } from './problem.ts';

test.each([
  ['`compressionLevel: 12` is for zstd', '--compression-level 12 is for zstd'],
  ['add `allTags`, or leave `newerThan` out', 'add --all-tags, or leave --newer-than out'],
  ['`learn: off` excludes `learnFrom`', '--learn off excludes --learn-from'],
  ['Expected `to` to be a reference', 'Expected DESTINATION to be a reference'],
  ['log in with `slipway login REGISTRY`', 'log in with `slipway login REGISTRY`'],
])('%s', (text, expected) => {
  expect(inFlags(text)).toBe(expected);
});

test('what the client says is told with this program’s flags', () => {
  const error = new ClientError('ERR_CLIENT_OPTION', '`protocol: v1` excludes `format: oci`', {
    hint: 'leave `format` out',
  });
  expect(problemLines(error)).toEqual(['slipway: --protocol v1 excludes --format oci', '  hint: leave --format out']);
});
