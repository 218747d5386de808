import { expect, test } from 'vitest';
import { parseRegistryAuth } from './registry-auth.ts';

const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each([
  [header({ username: 'me', password: 'p', email: 'x' }), { username: 'me', password: 'p' }],
  [`${header({ identitytoken: 't' })}==`, { identitytoken: 't' }],
  ['e30=', {}],
  ['%%%', {}],
  [header('text'), {}],
  [header(null), {}],
  [header({ username: 1, password: ['p'] }), {}],
  [undefined, {}],
  ['A'.repeat(100_000), {}],
])('%j', (value, config) => {
  expect(JSON.parse(JSON.stringify(parseRegistryAuth(value)))).toEqual(config);
});
