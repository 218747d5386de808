import { expect, test } from 'vitest';
import { referenceHint } from './reference-hint.ts';

test.each([
  ['https://ghcr.io/a/b:1', 'write it without https://, as registry/repository:tag'],
  ['docker-daemon:a/b:1', 'write it without docker-daemon:, as registry/repository:tag'],
  ['Store:a/b:1', 'write it without Store:, as registry/repository:tag'],
  ['ghcr.io/Me/App', 'repositories are lowercase: ghcr.io/me/app'],
  ['ME/APP//', 'a reference is [registry/]repository[:tag], such as ghcr.io/me/app:1.0'],
  ...['ghcr.io/a@md5:abc', 'a:1@SHA256:abc', 'ghcr.io/a/b@sha256:', 'r.example:5000/a@x:'].map(
    (text): [string, string] => [
      text,
      'what is behind "@" is no digest: one is sha256: and 64 hexadecimal digits, or sha512: and 128',
    ],
  ),
  ['oci:', 'a reference is [registry/]repository[:tag], such as ghcr.io/me/app:1.0'],
])('%s: %s', (text, hint) => {
  expect(referenceHint(text)).toBe(hint);
});
