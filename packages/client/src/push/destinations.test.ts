import { formatReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { parseDestinations } from './destinations.ts';

describe('parseDestinations', () => {
  test('short names mean Docker Hub and latest', () => {
    expect(parseDestinations(['app', 'ghcr.io/me/app:1'], false).map(formatReference)).toEqual([
      'docker.io/library/app:latest',
      'ghcr.io/me/app:1',
    ]);
  });

  test('with all tags they are repositories', () => {
    expect(parseDestinations(['app'], true).map(formatReference)).toEqual(['docker.io/library/app']);
  });

  test.each([
    ['App', false, 'must be lowercase', 'repositories are lowercase: app'],
    ['docker://ghcr.io/me/app', false, 'is no reference', 'write it without docker://'],
    ['alice:S3cret@ghcr.io/me/App:1', false, '"***@ghcr.io/me/App:1" has a user and a password', 'slipway login'],
    ['https://alice:S3cret@ghcr.io/app', true, '"https://***@ghcr.io/app" has a user', '--password-stdin'],
    ['a b', false, 'is no reference', 'a destination is'],
    ['', false, 'is no reference', 'a destination is'],
    [`app@sha256:${'a'.repeat(64)}`, false, 'only tags can be pushed', 'leave @sha256'],
    ['app:v1', true, '--all-tags takes repositories', 'leave the tag off'],
  ])('%j is refused with a way out', (text, allTags, message, hint) => {
    expect(() => parseDestinations([text], allTags)).toThrow(
      expect.objectContaining({
        code: 'ERR_CLI_USAGE',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });
});
