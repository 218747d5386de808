import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuthConfig, authConfigFrom, credentialsOf, decodeAuth, encodeAuth } from './auth-config.ts';

const basic = { kind: 'basic', username: 'me', password: 'pw' };

describe('credentialsOf', () => {
  test.each<[string, AuthConfig, unknown]>([
    ['user and password', { username: 'me', password: 'pw' }, basic],
    ['auth', { auth: 'bWU6cHc=' }, basic],
    ['auth before user and password', { username: 'you', password: 'other', auth: 'bWU6cHc=' }, basic],
    [
      'identity token before user',
      { username: 'me', password: 'pw', identitytoken: 'id' },
      { kind: 'identity-token', token: 'id' },
    ],
    [
      'registry token before all',
      { identitytoken: 'id', registrytoken: 'reg' },
      { kind: 'registry-token', token: 'reg' },
    ],
    ['a pasted registry token', { registrytoken: ' reg\r\n' }, { kind: 'registry-token', token: 'reg' }],
    ['a pasted identity token', { identitytoken: 'id\n' }, { kind: 'identity-token', token: 'id' }],
    ['tokens of nothing', { identitytoken: '\n', registrytoken: ' ' }, undefined],
    ['<token> as user', { username: '<token>', password: 'id' }, { kind: 'identity-token', token: 'id' }],
    ['empty', {}, undefined],
    ['empty texts', { username: '', password: '', auth: '', identitytoken: '' }, undefined],
    ['a user without a password', { username: 'me' }, undefined],
    ['auth that is not base64', { auth: '***' }, undefined],
  ])('%s', (_, authConfig, expected) => {
    expect(credentialsOf(authConfig)).toEqual(expected);
  });

  test.each([
    [{ kind: 'basic', username: 'me', password: 'pw' } as const],
    [{ kind: 'identity-token', token: 'id' } as const],
    [{ kind: 'registry-token', token: 'reg' } as const],
  ])('%o survives the way there and back', (credentials) => {
    expect(credentialsOf(authConfigFrom(credentials))).toEqual(credentials);
  });
});

describe('decodeAuth', () => {
  test.each<[string, string, unknown]>([
    ['padding NULs go', Buffer.from('me:pw\0\0').toString('base64'), { username: 'me', password: 'pw' }],
    ['a colon in the password stays', Buffer.from('me:p:w').toString('base64'), { username: 'me', password: 'p:w' }],
    ['line breaks and spaces in the base64 go', 'bWU6\ncHc=\r\n ', { username: 'me', password: 'pw' }],
    [
      'a line break in the password stays',
      Buffer.from('me:pw\n').toString('base64'),
      { username: 'me', password: 'pw\n' },
    ],
    ['an empty password', Buffer.from('me:').toString('base64'), { username: 'me', password: '' }],
    ['no colon', Buffer.from('mepw').toString('base64'), undefined],
    ['no user', Buffer.from(':pw').toString('base64'), undefined],
    ['no base64', 'me:pw', undefined],
    ['nothing', '', undefined],
  ])('%s', (_, auth, expected) => {
    expect(decodeAuth(auth)).toEqual(expected);
  });

  test('encode and decode are inverses', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes(':')),
        fc.string({ unit: 'grapheme' }).filter((text) => !/^\0|\0$/.test(text)),
        (username, password) => {
          expect(decodeAuth(encodeAuth(username, password))).toEqual({ username, password });
        },
      ),
    ));
});
