import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
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
import {
  type Client,
  type ClientOptions,
  createClient,
  type PushEvent,
  readEnvironment,
  registryFactsOf,
} from '../src/index.ts';

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
    ['from a function that answers a user name and a password', () => async () => alice],
    ['from a function that answers at once', () => () => alice],
    [
      'from a function that answers an identity token',
      () => () => ({ identityToken: registry.refreshTokenFor('bob') }),
    ],
    ['by registry, as an address over http', () => ({ [`http://${registry.host}/`]: alice })],
    ['by registry, as docker writes addresses', () => ({ [`https://${registry.host}/v2/`]: alice })],
    ['by registry, as docker wrote them once', () => ({ [`${registry.host}/v1`]: alice })],
    [
      'of a class, with getters',
      () =>
        new (class {
          get username(): string {
            return 'alice';
          }
          get password(): string {
            return 'wonder';
          }
        })(),
    ],
    [
      'by registry, made in another realm',
      () => runInNewContext('({ [host]: alice })', { host: registry.host, alice }),
    ],
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

describe('what are no credentials is refused, instead of a registry used without any', () => {
  const refused = (message: RegExp) => ({ code: 'ERR_CLIENT_OPTION', message: expect.stringMatching(message) });
  const choice = /^Expected `credentials` to be a username and a password, credentials by registry, or a function/;

  test.each<[string, unknown, RegExp]>([
    ['a list', [alice], choice],
    ['an empty list', [], choice],
    ['a Map', new Map([['ghcr.io', alice]]), choice],
    ['a Set', new Set([alice]), choice],
    ['Headers', new Headers({ authorization: 'Basic YTpi' }), choice],
    ['what is still waited for', Promise.resolve(alice), choice],
    ['a text', 'alice:wonder', choice],
    ['a user name alone', { username: 'alice' }, choice],
    ['a password that is none', { username: 'alice', password: undefined }, choice],
    ['a repository', { 'ghcr.io/team': alice }, /by registry, got "ghcr\.io\/team"$/],
    [
      'an address below the registry',
      { 'https://ghcr.io/team/': alice },
      /by registry, got "https:\/\/ghcr\.io\/team\/"$/,
    ],
    ['a name that only reads like a host', { myregistry: alice }, /by registry, got "myregistry"$/],
    ['no name at all', { '': alice }, /by registry, got ""$/],
    ['one registry twice', { 'quay.io': alice, 'https://quay.io': alice }, /to name quay\.io once, got it twice$/],
    ['Docker Hub twice', { 'docker.io': alice, 'https://index.docker.io/v1/': alice }, /to name docker\.io once/],
    [
      'a registry with a user alone',
      { 'quay.io': { username: 'a' } },
      /of "quay\.io" to have a username and a password/,
    ],
    ['an empty token', { 'quay.io': { registryToken: '' } }, /of "quay\.io" to have a username and a password/],
  ])('%s', async (_, credentials, message) => {
    const made = createClient({ isolated: true, credentials: credentials as never });
    await expect(made).rejects.toMatchObject(refused(message));
  });

  test('a user and a password in the name of a registry are not repeated', async () => {
    const made = createClient({ isolated: true, credentials: { 'https://me:hunter2@ghcr.io': alice } });
    await expect(made).rejects.toMatchObject({
      code: 'ERR_CLIENT_PASSWORD_IN_NAME',
      message: expect.not.stringContaining('hunter2'),
    });
  });

  test.each<[string, unknown]>([
    ['a text', 'alice:wonder'],
    ['a user name alone', { username: 'alice' }],
    ['docker’s own spelling of a token', { identitytoken: 'x' }],
    ['an unknown kind', { kind: 'bearer', token: 'x' }],
    ['a list', ['alice', 'wonder']],
  ])('a function that answers %s', async (_, answer) => {
    await using client = await createClient({ isolated: true, credentials: async () => answer as never });
    const message = new RegExp(
      `^Expected \`credentials\` of "${other.host}" to have a username and a password, or a token$`,
    );
    const { results } = await client.pushSettled({ source, to: `${other.host}/own/app:1` });
    expect(results).toMatchObject([{ ok: false, error: { cause: refused(message) } }]);
    expect(other.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test.each([undefined, null])(
    'a function that answers %s has none, and the registry is used without',
    async (none) => {
      await using open = await startRegistry();
      await using client = await createClient({ isolated: true, credentials: () => none });
      await client.push({ source, to: `${open.host}/own/app:1` });
    },
  );
});

describe('a look-up of one registry stops no other', () => {
  const failing: readonly (readonly [string, () => unknown, string])[] = [
    ['throws', () => fail('vault sealed'), 'vault sealed'],
    ['rejects', () => Promise.reject(new Error('vault sealed')), 'vault sealed'],
    ['answers junk', () => 'alice:wonder', 'Expected `credentials` of "'],
  ];

  test.each(failing)('that %s fails its own destination', async (_, answer, message) => {
    await using open = await startRegistry();
    const credentials = (name: string) => (name === other.host ? answer() : undefined) as never;
    await using client = await createClient({ isolated: true, credentials });
    const to = [`${open.host}/own/app:1`, `${other.host}/own/app:1`];
    const { results } = await client.pushSettled({ source, to });
    expect(results).toMatchObject([
      { ok: true },
      {
        ok: false,
        error: {
          code: 'ERR_PUSH_FAILED',
          message: expect.stringContaining(`Could not look up the credentials of ${other.host}: ${message}`),
          origin: 'destination',
        },
      },
    ]);
    expect(open.repositories()).toEqual(['own/app']);
  });

  test('that never answers is waited for alone, until the push is aborted', async () => {
    await using open = await startRegistry();
    const credentials = (name: string) => (name === other.host ? new Promise<never>(() => {}) : undefined);
    await using client = await createClient({ isolated: true, credentials });
    const controller = new AbortController();
    const to = [`${open.host}/own/app:1`, `${other.host}/own/app:1`];
    const finished = moment();
    const onEvent = ({ type }: PushEvent): void => (type === 'push:finished' ? finished.come() : undefined);
    const pushed = client.pushSettled({ source, to, signal: controller.signal, onEvent });
    await finished.here;
    controller.abort(new Error('enough'));
    await expect(pushed).rejects.toThrow('enough');
    expect(open.repositories()).toEqual(['own/app']);
  });
});

describe('a look-up that never answers', () => {
  type Call = (client: Client, signal?: AbortSignal) => Promise<unknown>;
  const asked = (): { readonly credentials: () => Promise<never>; readonly begun: Promise<void> } => {
    const begun = moment();
    return {
      begun: begun.here,
      credentials() {
        begun.come();
        return new Promise<never>(() => {});
      },
    };
  };
  const calls: readonly (readonly [string, Call])[] = [
    ['a push', (client, signal) => client.push({ source, to: `${other.host}/own/app:1`, signal })],
    ['a source that is opened', (client, signal) => client.open(`docker://${other.host}/own/app:1`, { signal })],
    ['the list of referrers', (client, signal) => client.referrers(`${other.host}/own/app:1`, { signal })],
    [
      'an attached artifact',
      (client, signal) =>
        client.attach({
          subject: `${other.host}/own/app:1`,
          artifact: { files: [{ title: 'a', mediaType: 'a/b', content: 'a' }], artifactType: 'a/b' },
          signal,
        }),
    ],
  ];

  test.each(calls)('ends with the signal of %s, and its reason', async (_, call) => {
    const { credentials, begun } = asked();
    await using client = await createClient({ isolated: true, credentials });
    const controller = new AbortController();
    const called = call(client, controller.signal);
    await begun;
    controller.abort(new Error('enough'));
    await expect(called).rejects.toThrow('enough');
  });

  test.each(calls)('ends with the client, in %s', async (_, call) => {
    const { credentials, begun } = asked();
    const client = await createClient({ isolated: true, credentials });
    const refused = expect(call(client)).rejects.toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
    await begun;
    await client[Symbol.asyncDispose]();
    await refused;
  });
});

function moment(): { readonly here: Promise<void>; readonly come: () => void } {
  let come = (): void => {};
  const here = new Promise<void>((resolve) => {
    come = resolve;
  });
  return { here, come };
}

function fail(message: string): never {
  throw new Error(message);
}

test.each([
  ['GHCR.io', 'ghcr.io'],
  ['ghcr.io:443', 'ghcr.io'],
  ['ghcr.io', 'ghcr.io:443'],
  ['https://index.docker.io/v1/', 'docker.io'],
  ['http://[::1]:5000', '[::1]:5000'],
])('credentials given for %s are those of %s', async (given, registryName) => {
  await using client = await createClient({ isolated: true, credentials: { [given]: alice } });
  expect(await client.credentials(registryName)).toEqual({ kind: 'basic', ...alice });
  expect(await client.credentials('quay.io')).toBeUndefined();
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
      const login = client.verifyLogin(host, { username: 'alice', password });
      if (failure === undefined) await login;
      else await expect(login).rejects.toMatchObject(failure);
    }
    expect(await client.credentials(registry.host)).toBeUndefined();
  });
});
