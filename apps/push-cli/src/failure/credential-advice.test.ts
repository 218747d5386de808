import { CredentialsError } from '@slipway/docker-credentials';
import { expect, test } from 'vitest';
import { credentialsErrorAdvice } from './credential-advice.ts';

test.each([
  ['EROFS', 'read-only'],
  ['ENOSPC', 'free some space'],
  ['EDQUOT', 'free some space'],
  ['EACCES', 'check the permissions'],
  ['EPERM', 'check the permissions'],
])('of a file that cannot be written for %s, the advice says so', (code, advice) => {
  const facts = { reason: 'unwritable', file: '/x/config.json' } as const;
  const cause = Object.assign(new Error(code), { code });
  const error = new CredentialsError('ERR_CREDENTIALS_FILE', 'cannot write', facts, { cause });
  expect(credentialsErrorAdvice(error)).toContain(advice);
  expect(credentialsErrorAdvice(error)).toContain('--authfile');
});
