import { formatReference, parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { parseDestinations } from './destinations.ts';

describe('parseDestinations', () => {
  test('short names mean Docker Hub and latest', () => {
    expect(parseDestinations(['app', 'ghcr.io/me/app:1'], { allTags: false }).map(formatReference)).toEqual([
      'docker.io/library/app:latest',
      'ghcr.io/me/app:1',
    ]);
  });

  test('with all tags they are repositories', () => {
    expect(parseDestinations(['app'], { allTags: true }).map(formatReference)).toEqual(['docker.io/library/app']);
  });

  test.each([
    ['App', false, 'must be lowercase', 'repositories are lowercase: app'],
    ['docker://ghcr.io/me/app', false, 'is no reference', 'write it without docker://'],
    ['a b', false, 'is no reference', 'a reference is'],
    ['', false, 'is no reference', 'a reference is'],
    [`app@sha256:${'a'.repeat(64)}`, false, 'a tag is wanted', 'leave @sha256'],
    ['app:v1', true, '`allTags` takes repositories', 'leave the tag off'],
  ])('%j is refused with a way out', (text, allTags, message, hint) => {
    expect(() => parseDestinations([text], { allTags })).toThrow(
      expect.objectContaining({
        code: 'ERR_CLIENT_DESTINATION',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });

  test('where digests are wanted, one may stand in place of the tag, and not beside it', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const text = `docker.io/library/app@${digest}`;
    const parsed = parseDestinations([`app@${digest}`, parseReference(text)], { digests: true });
    expect(parsed.map(formatReference)).toEqual([text, text]);
    expect(() => parseDestinations(`app:1@${digest}`, { digests: true })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('a tag and a digest') }),
    );
    expect(() => parseDestinations(`app@${digest}`, { digests: true, allTags: true })).toThrow('takes repositories');
  });

  test.each([
    ['alice:S3cret@ghcr.io/me/App:1', '"***@ghcr.io/me/App:1" has a user and a password'],
    ['https://alice:S3cret@ghcr.io/app', '"https://***@ghcr.io/app" has a user'],
  ])('the password in %j is in no message', (text, message) => {
    expect(() => parseDestinations(text)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_PASSWORD_IN_NAME', message: expect.stringContaining(message) }),
    );
  });

  test('what is parsed already may stand for its text', () => {
    const reference = parseReference('ghcr.io/me/app');
    expect(parseDestinations([reference]).map(formatReference)).toEqual(['ghcr.io/me/app:latest']);
    expect(() => parseDestinations([{ name: 'x' } as never])).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_OPTION' }),
    );
  });
});
