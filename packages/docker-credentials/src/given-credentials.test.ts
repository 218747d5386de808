import { expect, test } from 'vitest';
import { readCredentials, someCredentials } from './given-credentials.ts';

test.each([
  [
    { username: 'me', password: 'word' },
    { kind: 'basic', username: 'me', password: 'word' },
  ],
  [
    { kind: 'basic', username: 'me', password: 'word' },
    { kind: 'basic', username: 'me', password: 'word' },
  ],
  [{ identityToken: 'refresh' }, { kind: 'identity-token', token: 'refresh' }],
  [{ registryToken: 'bearer' }, { kind: 'registry-token', token: 'bearer' }],
  [
    { kind: 'identity-token', token: 'refresh' },
    { kind: 'identity-token', token: 'refresh' },
  ],
  [
    { kind: 'registry-token', token: 'bearer' },
    { kind: 'registry-token', token: 'bearer' },
  ],
])('%j is read', (given, read) => {
  expect(readCredentials(given)).toEqual(read);
});

test.each([
  [undefined],
  [null],
  ['me:word'],
  [[]],
  [{}],
  [{ username: 'me' }],
  [{ username: 'me', password: null }],
  [{ kind: 'basic', identityToken: 'refresh' }],
  [{ kind: 'identity-token', identityToken: 'refresh' }],
  [{ kind: 'registry-token', token: '' }],
  [{ kind: 'other', username: 'me', password: 'word' }],
  [new Map([['username', 'me']])],
])('%j is refused, without a word of what it holds', (given) => {
  expect(someCredentials.is(given)).toBe(false);
  expect(() => readCredentials(given, 'shown')).toThrow(
    expect.objectContaining({
      code: 'ERR_ARGUMENT',
      message: expect.stringMatching(/^Expected `shown` to be a username and a password, .*, got (?!.*word)/),
    }),
  );
});
