import type { AuthConfig, UserCredentialProvider } from '@slipway/docker-credentials';
import { computeHmacKey } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { identityFor } from './tracked-credentials.ts';

const reference = parseReference('ghcr.io/demo/app');
const signal = new AbortController().signal;

function identityOf(config: AuthConfig | undefined): ReturnType<typeof identityFor> {
  const provider = { authConfigOf: async () => config } as unknown as UserCredentialProvider;
  return identityFor(reference, provider, { signal });
}

describe('what the engine is told of credentials is what docker’s daemon makes of them', () => {
  test.each<[string, AuthConfig | undefined, boolean]>([
    ['none', undefined, false],
    ['a user and a password', { username: 'user', password: 'pass' }, true],
    ['a user alone', { username: 'user' }, false],
    ['an identity token', { identitytoken: 't' }, false],
    ['a user with an identity token, as docker login keeps it', { username: 'user', identitytoken: 't' }, false],
    ['a registry token', { registrytoken: 't' }, true],
  ])('%s', async (_, config, hasAuthInfo) => {
    expect((await identityOf(config)).hasAuthInfo).toBe(hasAuthInfo);
  });

  test.each<[AuthConfig | undefined, string]>([
    [undefined, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
    [{ username: 'user', password: 'pass' }, 'sha256:cb54b00fb550d4a17c448149caa29f38f4d5a44fb87c752e43db8160af3a032a'],
  ])('the key of %j is the one of docker', async (config, key) => {
    const { hmacKey } = await identityOf(config);
    expect(new TextDecoder().decode(hmacKey)).toBe(key);
    expect(hmacKey).toEqual(computeHmacKey(config ?? {}));
  });
});
