import { join } from 'node:path';
import {
  createFakeHome,
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientOptions, createClient, readEnvironment, registryFactsOf } from '../src/index.ts';

const users = { alice: 'wonder', bob: 'builder' };
let folder: TemporaryFolder;
let source: string;
let registry: EmbeddedRegistry;
let other: EmbeddedRegistry;
beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry({ auth: { kind: 'bearer', users } });
  other = await startRegistry({ auth: { kind: 'basic', users } });
  source = join(folder.path, 'app.tar');
  await writeDockerArchive(source, [
    { image: await randomImage({ seed: 'credentials', layers: [{ kind: 'text', size: 3_000 }] }), references: ['a:1'] },
  ]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const alice = { username: 'alice', password: 'wonder' };

describe('credentials from outside', () => {
  test.each<[string, () => NonNullable<ClientOptions['credentials']>]>([
    ['a user name and a password', () => alice],
    ['by registry', () => ({ [registry.host]: alice })],
    [
      'by registry, as an identity token',
      () => ({ [registry.host]: { identityToken: registry.refreshTokenFor('bob') } }),
    ],
    ['from a function', () => async () => ({ kind: 'basic', ...alice })],
  ])('%s', async (_, credentials) => {
    await using client = await createClient({ isolated: true, credentials: credentials() });
    const [pushed] = await client.push({ source, to: `${registry.host}/own/app:1` });
    expect(pushed?.digest).toMatch(/^sha256:/);
  });

  test('one password is for one registry, whatever the client is asked next', async () => {
    const refused = expect.objectContaining({ code: 'ERR_CLIENT_ONE_REGISTRY' });
    await using client = await createClient({ isolated: true, credentials: alice });
    const both = [`${registry.host}/one/app`, `${other.host}/one/app`];
    await expect(client.push({ source, to: both })).rejects.toEqual(refused);
    await client.push({ source, to: `${registry.host}/one/app` });
    await expect(client.repository(`${other.host}/one/app`)).rejects.toEqual(refused);
    expect(other.requests).toEqual([]);
  });

  test('for sources, a password for the destination does not count', async () => {
    await using client = await createClient({ isolated: true, credentials: alice });
    await client.push({ source, to: `${registry.host}/from/app:1` });
    const copy = client.push({ source: `docker://${registry.host}/from/app:1`, to: `${registry.host}/to/app:1` });
    await expect(copy).rejects.toMatchObject({ code: 'ERR_SOURCE_UNREADABLE' });
    await using both = await createClient({ isolated: true, credentials: { [registry.host]: alice } });
    await both.push({ source: `docker://${registry.host}/from/app:1`, to: `${registry.host}/to/app:1` });
  });

  test('what is refused is told with what was shown', async () => {
    await using client = await createClient({ isolated: true, credentials: { ...alice, password: 'wrong' } });
    const failure = await client.push({ source, to: `${registry.host}/own/app:1` }).catch((error: unknown) => error);
    expect(registryFactsOf(failure)).toMatchObject({
      registry: registry.host,
      wasAsked: true,
      credentials: { found: { kind: 'basic', username: 'alice', place: undefined } },
    });
    expect(JSON.stringify(registryFactsOf(failure))).not.toContain('wrong');
  });
});

test('credentials of docker’s own file', async () => {
  await using home = await createFakeHome();
  await home.write('.docker/config.json', {
    auths: { [registry.host]: { auth: Buffer.from('bob:builder').toString('base64') } },
  });
  await using client = await createClient({ environment: readEnvironment({ ...home.env }), cache: false });
  await client.push({ source, to: `${registry.host}/kept/app:1` });
  expect(await client.credentials.describe(registry.host)).toMatchObject({ found: { username: 'bob' } });
});

describe('a login is shown to the registry, and kept nowhere', () => {
  test.each([
    ['taken', 'wonder', undefined],
    ['refused', 'wrong', { code: 'ERR_CLIENT_LOGIN_REFUSED', name: 'LoginRefusedError', wasAsked: true }],
  ])('%s', async (_, password, failure) => {
    await using client = await createClient({ isolated: true });
    for (const { host } of [registry, other]) {
      const login = client.verifyLogin(host, { kind: 'basic', username: 'alice', password });
      if (failure === undefined) await login;
      else await expect(login).rejects.toMatchObject(failure);
    }
    expect(await client.credentials(registry.host)).toBeUndefined();
  });
});
