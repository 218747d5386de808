import { expect, test } from 'vitest';
import { secretFormsIn } from '../src/index.ts';

const secret = 'S3cr3t/PaSS+"word';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each([
  ['plain', `password is ${secret}.`],
  ['in small letters', secret.toLowerCase()],
  ['in capitals', secret.toUpperCase()],
  ['in a URL', `http://bob:${encodeURIComponent(secret)}@proxy`],
  ['in JSON', JSON.stringify({ password: secret })],
  ['in base64', base64(secret)],
  ['in base64 of small letters', base64(secret).toLowerCase()],
  ['in base64 after a user name', `Basic ${base64(`bob:${secret}`)}`],
  ['in base64 between other things', base64(`{"u":"bob","p":"${secret}","x":1}`)],
  ['in base64 for URLs', Buffer.from(`a:${secret}`).toString('base64url')],
])('a secret is found %s', (_, text) => {
  expect(secretFormsIn(text, ['something else', secret])).not.toEqual([]);
});

test.each(['', 'S3cr3t', 'password ***', base64('bob:another-word-of-that-length')])('%j has none', (text) => {
  expect(secretFormsIn(text, [secret])).toEqual([]);
});
