import { describe, expect, test } from 'vitest';
import { maskUser, secretsInName } from './mask-user.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('maskUser', () => {
  test.each([
    ['alice:S3cret@ghcr.io/app:1', '***@ghcr.io/app:1'],
    ['alice:S3cret@127.0.0.1:5000/app', '***@127.0.0.1:5000/app'],
    ['alice:p@ss/w:rd@[::1]:5000/app', '***@[::1]:5000/app'],
    ['https://alice:S3cret@ghcr.io/app', 'https://***@ghcr.io/app'],
    ['docker://alice:S3cret@ghcr.io/app', 'docker://***@ghcr.io/app'],
    [`alice:S3cret@ghcr.io/app@${digest}`, `***@ghcr.io/app@${digest}`],
    ['alice:@ghcr.io', '***@ghcr.io'],
    ['alice:S3cret@ghcr.io/app@sha256:abc', '***@ghcr.io/app@sha256:abc'],
    ['alice:S3cret@sha256:5000/app', '***@sha256:5000/app'],
    ['alice:S3cret@localhost:5000', '***@localhost:5000'],
    ['alice:S3cret@registry:v1', '***@registry:v1'],
    ['alice:S3cret@ghcr.io:v1', '***@ghcr.io:v1'],
    ['alice:p/ss@registry:v1', '***@registry:v1'],
    ['alice:S3cret@ghcr.io/app@md5:abc', '***@md5:abc'],
  ])('%s → %s', (text, masked) => {
    expect(maskUser(text)).toBe(masked);
  });

  test.each([
    'ghcr.io/app:1',
    `ghcr.io/app:1@${digest}`,
    `ghcr.io:5000/app@${digest}`,
    'app@latest',
    '127.0.0.1:5601/x@sha256:abc',
    'docker://r.example:443/a/b@sha512:',
    'localhost:5000/app@sha256:not-hex',
    'localhost:5000/app@md5:abc',
    'docker://r.example:5000/a/b:1@SHA256:abc',
    'r.example:5000/a@blake3:zz',
    'r.example:5000/a@x:',
    'app:1@md5:abc',
    './a:b@c.tar',
    '@scope/name',
    '',
  ])('%j names nobody', (text) => {
    expect(maskUser(text)).toBeUndefined();
    expect(secretsInName(text)).toEqual([]);
  });
});

test('secretsInName has the password alone too', () => {
  expect(secretsInName('docker://alice:S3c:ret@ghcr.io/app')).toEqual(['alice:S3c:ret', 'S3c:ret']);
});
