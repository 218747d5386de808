import { expect, test } from 'vitest';
import { type AuthConfig, encodeAuth } from './auth-config.ts';
import { hasAuthInfo } from './has-auth-info.ts';

test.each<[AuthConfig | undefined, boolean]>([
  [undefined, false],
  [{}, false],
  [{ username: 'me', password: 'p' }, true],
  [{ username: 'me' }, false],
  [{ username: 'me', password: '' }, false],
  [{ password: 'p' }, false],
  [{ registrytoken: 't' }, true],
  [{ registrytoken: '' }, false],
  [{ identitytoken: 't' }, false],
  [{ username: 'me', identitytoken: 't' }, false],
  [{ username: 'me', password: 'p', identitytoken: 't' }, true],
  [{ auth: encodeAuth('me', 'p') }, true],
  [{ auth: encodeAuth('me', '') }, false],
  [{ auth: encodeAuth('<token>', 't') }, false],
  [{ auth: '%%%' }, false],
  [{ username: '<token>', password: 't' }, false],
])('%j: %s', (config, expected) => {
  expect(hasAuthInfo(config)).toBe(expected);
});
