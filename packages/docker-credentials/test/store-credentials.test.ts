import { chmod, lstat, mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createFakeHome, type FakeHome, keychainScript } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCredentialProvider } from '../src/credential-provider.ts';
import type { CredentialSources } from '../src/credential-sources.ts';
import type { Credentials } from '../src/credentials.ts';
import { eraseCredentials, storeCredentials } from '../src/store-credentials.ts';

let home: FakeHome;
let warnings: string[];
let sources: CredentialSources;
beforeEach(async () => {
  home = await createFakeHome();
  warnings = [];
  sources = {
    env: home.env,
    homeFolder: home.homeFolder,
    runtimeFolder: home.homeFolder,
    onWarning: (message) => warnings.push(message),
  };
});
afterEach(() => home[Symbol.asyncDispose]());

const me: Credentials = { kind: 'basic', username: 'me', password: 'pw' };
const config = async (): Promise<unknown> => JSON.parse(await home.read('.docker/config.json'));

describe('storeCredentials', () => {
  test.each<[string, string, Credentials]>([
    ['a user', 'ghcr.io', me],
    ['an identity token', 'docker.io', { kind: 'identity-token', token: 'id' }],
    ['a registry token', '127.0.0.1:5000', { kind: 'registry-token', token: 'reg' }],
  ])('%s is found again', async (_, registry, credentials) => {
    await storeCredentials(registry, credentials, sources);
    await expect(createCredentialProvider(sources)(registry)).resolves.toEqual(credentials);
  });

  test('logins that come at once keep each other, and a logout among them too', async () => {
    await storeCredentials('gone.io', me, sources);
    const hosts = Array.from({ length: 20 }, (_, at) => `r${at}.io`);
    const erased = eraseCredentials('gone.io', sources);
    await Promise.all(hosts.map((host) => storeCredentials(host, me, sources)));
    expect(await erased).toBe(true);
    const { auths } = (await config()) as { readonly auths: object };
    expect(Object.keys(auths).sort()).toEqual(hosts.sort());
    expect(await readdir(join(home.homeFolder, '.docker'))).toEqual(['config.json']);
  });

  test.each<[string, Credentials]>([
    ['username', { kind: 'basic', username: '', password: 'pw' }],
    ['password', { kind: 'basic', username: 'me', password: '' }],
    ['username', { kind: 'basic', username: '', password: '' }],
  ])('no %s is refused, as nobody could read it back', async (argument, credentials) => {
    await expect(storeCredentials('s.io', credentials, sources)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      argument,
    });
    await expect(createCredentialProvider(sources)('s.io')).resolves.toBeUndefined();
  });

  test('a new file is for its owner alone, its folder too, and plain text is warned of', async () => {
    const path = join(home.homeFolder, '.docker', 'config.json');
    await expect(storeCredentials('ghcr.io', me, sources)).resolves.toEqual({ file: path, helper: undefined });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home.homeFolder, '.docker'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(home.homeFolder, '.docker'))).toEqual(['config.json']);
    expect(warnings).toEqual([expect.stringContaining(`stored unencrypted in ${path}`)]);
  });

  test('all else in the file stays, and what was open for others is closed', async () => {
    const path = await home.write('.docker/config.json', {
      psFormat: 'table',
      auths: {
        'quay.io/team': { auth: 'eDp5', email: 'x' },
        'https://ghcr.io': { auth: 'b2xkOm9sZA==' },
        'ghcr.io': { auth: 'b2xkOm9sZA==', email: 'me@example.org' },
      },
      proxies: { default: { httpProxy: 'http://proxy:3128' } },
      plugins: { unknown: [1, { deep: null }] },
    });
    await chmod(path, 0o644);
    await storeCredentials('ghcr.io', me, sources);
    expect(await config()).toEqual({
      psFormat: 'table',
      auths: { 'quay.io/team': { auth: 'eDp5', email: 'x' }, 'ghcr.io': { auth: 'bWU6cHc=', email: 'me@example.org' } },
      proxies: { default: { httpProxy: 'http://proxy:3128' } },
      plugins: { unknown: [1, { deep: null }] },
    });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("Docker Hub is kept under docker's key", async () => {
    await storeCredentials('docker.io', me, sources);
    expect(await config()).toEqual({ auths: { 'https://index.docker.io/v1/': { auth: 'bWU6cHc=' } } });
  });

  test('a helper gets the secret, the file only a note', async () => {
    await home.helper('all', keychainScript);
    const file = await home.write('.docker/config.json', { credsStore: 'all' });
    await expect(storeCredentials('ghcr.io', me, sources)).resolves.toEqual({ file, helper: 'all' });
    expect(await config()).toEqual({ credsStore: 'all', auths: { 'ghcr.io': {} } });
    expect(warnings).toEqual([]);
    await expect(createCredentialProvider(sources)('ghcr.io')).resolves.toEqual(me);
  });

  test('a helper that fails leaves the file as it was', async () => {
    await home.helper('all', 'echo locked; exit 1');
    await home.write('.docker/config.json', { credsStore: 'all' });
    await expect(storeCredentials('ghcr.io', me, sources)).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_HELPER' });
    expect(await config()).toEqual({ credsStore: 'all' });
  });

  test('a link stays a link', async () => {
    await home.write('dotfiles/docker.json', {});
    await mkdir(join(home.homeFolder, '.docker'));
    const link = join(home.homeFolder, '.docker', 'config.json');
    await symlink('../dotfiles/docker.json', link);
    await storeCredentials('ghcr.io', me, sources);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await home.read('dotfiles/docker.json')).toContain('bWU6cHc=');
  });

  test.each([['authFile'], ['REGISTRY_AUTH_FILE']])('%s names another file', async (by) => {
    const file = join(home.homeFolder, 'other', 'auth.json');
    const named =
      by === 'authFile'
        ? { ...sources, authFile: file }
        : { ...sources, env: { ...home.env, REGISTRY_AUTH_FILE: file } };
    await expect(storeCredentials('ghcr.io', me, named)).resolves.toMatchObject({ file });
    await expect(createCredentialProvider(named)('ghcr.io')).resolves.toEqual(me);
  });

  test('a file that is not right is not overwritten', async () => {
    await home.write('.docker/config.json', '{ broken');
    await expect(storeCredentials('ghcr.io', me, sources)).rejects.toMatchObject({ code: 'ERR_CREDENTIALS_FILE' });
    expect(await home.read('.docker/config.json')).toBe('{ broken');
  });

  test('a file that cannot be written is named', async () => {
    await home.write('.docker', 'a file where the folder should be');
    await expect(storeCredentials('ghcr.io', me, sources)).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS_FILE',
      message: expect.stringMatching(/^cannot write credentials to .*\.docker\/config\.json: (?:EEXIST|ENOTDIR)$/),
    });
  });

  test.runIf(process.platform === 'linux').each(['/proc/x', '/proc/x/y'])(
    'a folder that cannot be made is told, not waited for: %s',
    async (folder) => {
      home.env['DOCKER_CONFIG'] = folder;
      const message = `cannot write credentials to ${folder}/config.json: ENOENT`;
      await expect(storeCredentials('ghcr.io', me, sources)).rejects.toMatchObject({ message });
    },
  );

  test('a colon in the user name is refused', async () => {
    await expect(storeCredentials('ghcr.io', { ...me, username: 'a:b' } as Credentials, sources)).rejects.toThrow(
      TypeError,
    );
  });
});

describe('eraseCredentials', () => {
  test('every way to write the registry goes, all else stays', async () => {
    await home.write('.docker/config.json', {
      credHelpers: { 'quay.io': 'x' },
      auths: {
        'docker.io': { auth: 'eDp5' },
        'https://index.docker.io/v1/': { auth: 'eDp5' },
        'ghcr.io': { auth: 'eDp5' },
      },
    });
    await expect(eraseCredentials('docker.io', sources)).resolves.toBe(true);
    expect(await config()).toEqual({ credHelpers: { 'quay.io': 'x' }, auths: { 'ghcr.io': { auth: 'eDp5' } } });
    await expect(eraseCredentials('docker.io', sources)).resolves.toBe(false);
  });

  test('the helper forgets too', async () => {
    await home.helper('all', keychainScript);
    await home.write('.docker/config.json', { credsStore: 'all' });
    await storeCredentials('docker.io', me, sources);
    await expect(eraseCredentials('docker.io', sources)).resolves.toBe(true);
    expect(await config()).toEqual({ credsStore: 'all', auths: {} });
    await expect(createCredentialProvider(sources)('docker.io')).resolves.toBeUndefined();
    await expect(eraseCredentials('docker.io', sources)).resolves.toBe(false);
  });

  test('nothing to forget writes no file', async () => {
    await expect(eraseCredentials('ghcr.io', sources)).resolves.toBe(false);
    await expect(home.read('.docker/config.json')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a named file that does not exist has nothing to forget', async () => {
    await expect(
      eraseCredentials('ghcr.io', { ...sources, authFile: join(home.homeFolder, 'nowhere.json') }),
    ).resolves.toBe(false);
  });

  test('what is left elsewhere is told', async () => {
    const other = await home.write('.config/containers/auth.json', { auths: { 'ghcr.io': { auth: 'eDp5' } } });
    await home.write('.docker/config.json', { auths: { 'ghcr.io': { auth: 'eDp5' } } });
    await expect(eraseCredentials('ghcr.io', sources)).resolves.toBe(true);
    expect(warnings).toEqual([`other credentials of ghcr.io are left in ${other}`]);
  });
});
