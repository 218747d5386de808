import { expect, test } from 'vitest';
import { withoutPasswords } from './without-passwords.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['u:S3cret@reg.example:5000', '***@reg.example:5000'],
  ['DELETE /images/u:S3cret@reg.example:5000/x', 'DELETE /images/***@reg.example:5000/x'],
  ['No such image: u:S3cret@reg.example/x:1', 'No such image: ***@reg.example/x:1'],
  ['Get "https://u:S3cret@reg.example/v2/": no', 'Get "https://***@reg.example/v2/": no'],
  [`r.example/app:1@${digest}`, `r.example/app:1@${digest}`],
  [`u:S3cret@r.example/app:1@${digest}`, `***@r.example/app:1@${digest}`],
  ['app:1@sha256:abc', 'app:1@sha256:abc'],
  ['localhost:5000/app@sha512:abc', 'localhost:5000/app@sha512:abc'],
  ['mail ann@r.example', 'mail ann@r.example'],
  ['ann:@r.example', '***@r.example'],
])('%s', (text, shown) => {
  expect(withoutPasswords(text)).toBe(shown);
});
