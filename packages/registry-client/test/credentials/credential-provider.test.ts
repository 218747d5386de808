import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CredentialProviderSources, createCredentialProvider } from '../../src/credentials/credential-provider.ts';
import { createFakeHome, type FakeHome, keychainScript } from './fake-home.ts';

let home: FakeHome;
beforeEach(async () => {
  home = await createFakeHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const auth = (username: string): { auth: string } => ({ auth: Buffer.from(`${username}:pw`).toString('base64') });
const basic = (username: string) => ({ kind: 'basic', username, password: 'pw' });

function open(options: Partial<CredentialProviderSources> = {}) {
  const warnings: string[] = [];
  const provider = createCredentialProvider({
    env: home.env,
    homeFolder: home.homeFolder,
    runtimeFolder: `${home.homeFolder}/run-by-number`,
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  return { provider, warnings };
}

describe('places', () => {
  test('each place is asked before the next', async () => {
    const seen: (string | undefined)[] = [];
    const ask = async (options?: Partial<CredentialProviderSources>): Promise<void> => {
      const found = await open(options).provider('ghcr.io');
      seen.push(found?.kind === 'basic' ? found.username : undefined);
    };
    await ask();
    await home.write('.dockercfg', { 'ghcr.io': auth('dockercfg') });
    await ask();
    await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    await ask();
    await home.write('.config/containers/auth.json', { auths: { 'ghcr.io': auth('podman config') } });
    await ask();
    await home.write(`run-by-number/${process.getuid?.()}/auth.json`, {
      auths: { 'ghcr.io': auth('podman run by number') },
    });
    await ask();
    Object.assign(home.env, { XDG_RUNTIME_DIR: `${home.homeFolder}/run` });
    await ask();
    await home.write('run/containers/auth.json', { auths: { 'ghcr.io': auth('podman run') } });
    await ask();
    Object.assign(home.env, {
      REGISTRY_AUTH_FILE: await home.write('registry-auth.json', {
        auths: { 'ghcr.io': auth('named by variable') },
      }),
    });
    await ask();
    Object.assign(home.env, { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'ghcr.io': auth('variable') } }) });
    await ask();
    const authFile = await home.write('auth.json', { auths: { 'ghcr.io': auth('named') } });
    await ask({ authFile });
    await ask({ authFile, explicit: { username: 'explicit', password: 'pw' } });
    expect(seen).toEqual([
      undefined,
      'dockercfg',
      'docker',
      'podman config',
      'podman run by number',
      'podman config',
      'podman run',
      'named by variable',
      'variable',
      'named',
      'explicit',
    ]);
  });

  test('folders follow DOCKER_CONFIG and XDG_CONFIG_HOME', async () => {
    Object.assign(home.env, { DOCKER_CONFIG: `${home.homeFolder}/elsewhere` });
    Object.assign(home.env, { XDG_CONFIG_HOME: `${home.homeFolder}/xdg` });
    await home.write('elsewhere/config.json', { auths: { 'ghcr.io': auth('docker'), 'quay.io': auth('docker') } });
    await home.write('xdg/containers/auth.json', { auths: { 'quay.io': auth('podman') } });
    const { provider } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('docker'));
    await expect(provider('quay.io')).resolves.toEqual(basic('podman'));
  });

  test('a file without the registry lets the next one answer, a named one does not', async () => {
    await home.write('.config/containers/auth.json', { auths: { 'quay.io': auth('podman') } });
    await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    await expect(open().provider('ghcr.io')).resolves.toEqual(basic('docker'));
    const authFile = `${home.homeFolder}/.config/containers/auth.json`;
    await expect(open({ authFile }).provider('ghcr.io')).resolves.toBeUndefined();
  });

  test('a file is read anew each time: a login in between counts', async () => {
    const { provider } = open();
    await expect(provider('ghcr.io')).resolves.toBeUndefined();
    await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('me') } });
    await expect(provider('ghcr.io')).resolves.toEqual(basic('me'));
  });

  test('a namespace is preferred for its repositories only', async () => {
    await home.write('.config/containers/auth.json', {
      auths: { 'quay.io/team': auth('team'), 'quay.io': auth('me') },
    });
    const { provider } = open();
    await expect(provider('quay.io', { repository: 'team/app' })).resolves.toEqual(basic('team'));
    await expect(provider('quay.io', { repository: 'other/app' })).resolves.toEqual(basic('me'));
    await expect(provider('quay.io')).resolves.toEqual(basic('me'));
  });

  test("Docker Hub's old key is found", async () => {
    await home.write('.docker/config.json', { auths: { 'https://index.docker.io/v1/': auth('hub') } });
    await expect(open().provider('docker.io')).resolves.toEqual(basic('hub'));
  });
});

describe('files that are not right', () => {
  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{"auths": {"ghcr.io": hunter2', /it is not valid JSON/],
    ['no object', '["hunter2"]', /it is not a JSON object$/],
    ['auths is no object', { auths: 'hunter2' }, /`auths` is not an object$/],
    ['credHelpers is no object', { credHelpers: [] }, /`credHelpers` is not an object$/],
    [
      'a helper that leads elsewhere',
      { credsStore: '../../tmp/x' },
      /"..\/..\/tmp\/x" is not the name of a credential helper$/,
    ],
    ['a helper that is no text', { credHelpers: { 'ghcr.io': 5 } }, /5 is not the name of a credential helper$/],
    ['an entry that is no object', { auths: { 'ghcr.io': 'hunter2' } }, /`auths` of "ghcr.io" is not an object$/],
    [
      'auth that is not base64',
      { auths: { 'ghcr.io': { auth: 'me:hunter2' } } },
      /`auth` in `auths` of "ghcr.io" is not base64 of user:password$/,
    ],
    [
      'a password that is no text',
      { auths: { 'ghcr.io': { username: 'me', password: 5 } } },
      /`password` in `auths` of "ghcr.io" is not text$/,
    ],
    ['a file too large', `"${'x'.repeat(4 * 1024 * 1024)}"`, /more than the 4194304 allowed$/],
  ])('%s', async (_, content, message) => {
    const path = await home.write('.docker/config.json', content);
    const error: Error = await open()
      .provider('ghcr.io')
      .then(
        () => expect.fail('expected a rejection'),
        (thrown) => thrown,
      );
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS_FILE', message: expect.stringMatching(message) });
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('hunter2');
  });

  test('a variable that is not right is named', async () => {
    Object.assign(home.env, { DOCKER_AUTH_CONFIG: '{hunter2' });
    await expect(open().provider('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS_FILE',
      message: expect.stringMatching(/^cannot use the credentials in DOCKER_AUTH_CONFIG: it is not valid JSON/),
    });
  });

  test.each([
    ['--authfile', (path: string) => ({ authFile: path }), undefined],
    [
      'REGISTRY_AUTH_FILE',
      (path: string) => ({ env: { REGISTRY_AUTH_FILE: path } }),
      'it is named by REGISTRY_AUTH_FILE',
    ],
  ])('a file named by %s that does not exist is an error', async (_, options, hint) => {
    const path = `${home.homeFolder}/nowhere.json`;
    await expect(open(options(path)).provider('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS_FILE',
      message: `the credentials file ${path} does not exist`,
      hint,
    });
  });

  test('a folder in place of a file is an error', async () => {
    await home.write('.docker/config.json/inside', '');
    await expect(open().provider('ghcr.io')).rejects.toMatchObject({
      message: expect.stringMatching(/config\.json: EISDIR$/),
    });
  });

  test.each<[string, unknown]>([
    ['an empty one', ''],
    ['one with a byte order mark', '\uFEFF{}'],
    ['one with an empty entry', { auths: { 'ghcr.io': {} } }],
  ])('%s is no error', async (_, content) => {
    await home.write('.docker/config.json', content);
    await expect(open().provider('ghcr.io')).resolves.toBeUndefined();
  });
});

describe('helpers', () => {
  const answers = (username: string): string =>
    `cat > /dev/null; echo "$1" >> "$HOME/calls"; echo '{"Username":"${username}","Secret":"pw"}'`;
  const calls = async (): Promise<number> => (await home.read('calls').catch(() => '')).split('\n').length - 1;

  test('the helper of the registry, else the store, before what the file says', async () => {
    await home.helper('one', answers('helper'));
    await home.helper('all', answers('store'));
    await home.write('.docker/config.json', {
      auths: { 'ghcr.io': auth('file'), 'quay.io': auth('file'), 'example.org': auth('file') },
      credHelpers: { 'ghcr.io': 'one', 'example.org': '' },
      credsStore: 'all',
    });
    const { provider } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('helper'));
    await expect(provider('quay.io')).resolves.toEqual(basic('store'));
    await expect(provider('example.org')).resolves.toEqual(basic('file'));
  });

  test('one run a helper and registry, however many ask at once', async () => {
    await home.helper('one', answers('helper'));
    await home.write('.docker/config.json', { credsStore: 'one' });
    const { provider } = open();
    const all = await Promise.all(Array.from({ length: 8 }, () => provider('ghcr.io')));
    expect(all).toEqual(all.map(() => basic('helper')));
    await provider('ghcr.io', { repository: 'team/app' });
    expect(await calls()).toBe(1);
    await provider('quay.io');
    expect(await calls()).toBe(2);
  });

  test('a helper that has nothing leaves it to the file, then to the next file', async () => {
    await home.helper('all', keychainScript);
    await home.write('.config/containers/auth.json', { credHelpers: { 'quay.io': 'all' } });
    await home.write('.docker/config.json', {
      credsStore: 'all',
      auths: { 'ghcr.io': auth('file'), 'quay.io': auth('next file') },
    });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('file'));
    await expect(provider('quay.io')).resolves.toEqual(basic('next file'));
    await expect(provider('example.org')).resolves.toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test('Docker Hub is asked for under both its names', async () => {
    await home.helper(
      'all',
      `[ "$(cat)" = docker.io ] && echo '{"Username":"podman","Secret":"pw"}' || { echo "credentials not found in native keychain"; exit 1; }`,
    );
    await home.write('.docker/config.json', { credsStore: 'all' });
    await expect(open().provider('docker.io')).resolves.toEqual(basic('podman'));
  });

  test('a helper that fails is an error when nothing else has the credentials', async () => {
    await home.helper('all', 'echo "the keychain is locked"; exit 1');
    await home.write('.docker/config.json', { credsStore: 'all' });
    const { provider } = open();
    await expect(provider('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIAL_HELPER',
      message: expect.stringContaining('the keychain is locked'),
    });
    await expect(provider.authConfigOf('ghcr.io')).resolves.toBeUndefined();
  });

  test('a helper that fails is a warning, told once, when another place has them', async () => {
    const path = await home.write('.docker/config.json', { credsStore: 'desktop', auths: { 'ghcr.io': auth('file') } });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('file'));
    await provider('ghcr.io');
    expect(warnings).toEqual([
      `docker-credential-desktop get could not be run: there is no such program in PATH; the credentials in ${path} are used instead`,
    ]);
  });

  test('a caller who leaves does not wait for a helper that hangs, and the others still do', async () => {
    await home.helper('slow', `sleep 1; ${answers('slow')}`);
    await home.write('.docker/config.json', { credsStore: 'slow' });
    const { provider } = open();
    const controller = new AbortController();
    const leaving = provider('ghcr.io', { signal: controller.signal });
    const staying = provider('ghcr.io');
    controller.abort('ctrl-c');
    await expect(leaving).rejects.toBe('ctrl-c');
    await expect(staying).resolves.toEqual(basic('slow'));
  });

  test('the limit on time is an option', async () => {
    await home.helper('hangs', 'sleep 60');
    await home.write('.docker/config.json', { credsStore: 'hangs' });
    await expect(open({ helperTimeoutMs: 200 }).provider('ghcr.io')).rejects.toMatchObject({
      message: expect.stringContaining('within 200 ms'),
    });
  });
});

describe('authConfigOf', () => {
  test.each<[string, unknown, unknown]>([
    ['auth is split', { auths: { 'ghcr.io': auth('me') } }, { username: 'me', password: 'pw' }],
    [
      'an identity token keeps its user',
      { auths: { 'ghcr.io': { ...auth('me'), identitytoken: 'id' } } },
      { username: 'me', password: 'pw', identitytoken: 'id' },
    ],
    [
      'a registry token',
      { auths: { 'ghcr.io': { registrytoken: 'reg', email: 'me@example.org' } } },
      { registrytoken: 'reg' },
    ],
    ['nothing', {}, undefined],
  ])('%s', async (_, content, expected) => {
    await home.write('.docker/config.json', content);
    await expect(open().provider.authConfigOf('ghcr.io')).resolves.toEqual(expected);
  });

  test('a broken file is an error here too', async () => {
    await home.write('.docker/config.json', '{');
    await expect(open().provider.authConfigOf('ghcr.io')).rejects.toMatchObject({ code: 'ERR_CREDENTIALS_FILE' });
  });

  test('explicit credentials are their own auth config', async () => {
    const explicit = { username: 'me', password: 'pw' };
    await expect(open({ explicit }).provider.authConfigOf('ghcr.io')).resolves.toEqual(explicit);
  });
});
