import { expect, test } from 'vitest';
import { referenceHint } from './reference-hint.ts';

test.each([
  ['https://ghcr.io/a/b:1', 'write it without https://, as registry/repository:tag'],
  ['docker-daemon:a/b:1', 'write it without docker-daemon:, as registry/repository:tag'],
  ['Store:a/b:1', 'write it without Store:, as registry/repository:tag'],
  ['ghcr.io/Me/App', 'repositories are lowercase: ghcr.io/me/app'],
  ['ME/APP//', 'a reference is [registry/]repository[:tag], such as ghcr.io/me/app:1.0'],
  ['oci:', 'a reference is [registry/]repository[:tag], such as ghcr.io/me/app:1.0'],
])('%s: %s', (text, hint) => {
  expect(referenceHint(text)).toBe(hint);
});
