import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asNobody, createFakeHome, type FakeHome, keychainScript, runTool } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CredentialProviderSources, createCredentialProvider } from '../src/credential-provider.ts';

let home: FakeHome;
beforeEach(async () => {
  home = await createFakeHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const auth = (username: string): { auth: string } => ({ auth: Buffer.from(`${username}:pw`).toString('base64') });
const basic = (username: string) => ({ kind: 'basic', username, password: 'pw' });

/** A process that has ended and that nobody has asked after yet (a zombie) does not count. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z /.test(status);
}

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
    ['a file too large', `"${'x'.repeat(4 * 1024 * 1024)}"`, /more than the 4194304 bytes allowed$/],
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
    ['an option', (path: string) => ({ authFile: path }), undefined],
    ['REGISTRY_AUTH_FILE', (path: string) => ({ env: { REGISTRY_AUTH_FILE: path } }), 'REGISTRY_AUTH_FILE'],
  ])('a file named by %s that does not exist is an error', async (_, options, namedBy) => {
    const path = `${home.homeFolder}/nowhere.json`;
    await expect(open(options(path)).provider('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS_FILE',
      message: `the credentials file ${path} does not exist`,
      facts: { reason: 'missing', file: path, namedBy },
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
    ['null', 'null'],
    ['nulls in place of its parts', { auths: null, credHelpers: null, credsStore: null, proxies: null }],
    ['an entry that is null', { auths: { 'ghcr.io': null } }],
    ['an entry of nulls', { auths: { 'ghcr.io': { auth: null, username: null, identitytoken: null, email: null } } }],
    ['a helper that is null', { credHelpers: { 'ghcr.io': null } }],
  ])('%s is no error', async (_, content) => {
    await home.write('.docker/config.json', content);
    await expect(open().provider('ghcr.io')).resolves.toBeUndefined();
  });
});

describe("what is not this registry's is not judged", () => {
  test.each<[string, object]>([
    ['an entry that is no object', { auths: { 'quay.io': 'hunter2' } }],
    ['auth that is not base64', { auths: { 'quay.io': { auth: '%%%' } } }],
    ['a password that is no text', { auths: { 'quay.io': { username: 'me', password: 5 } } }],
    ['a helper that leads elsewhere', { credHelpers: { 'quay.io': 'C:\\bin\\docker-credential-x' } }],
    ['a helper that is no text', { credHelpers: { 'quay.io': 5 } }],
    ['a store that is none, where the registry has a helper', { credsStore: 5, credHelpers: { 'ghcr.io': '' } }],
    ['nulls beside what counts', { credHelpers: null, credsStore: null }],
  ])('%s', async (_, content) => {
    const auths = {
      ...('auths' in content ? (content.auths as object) : {}),
      'ghcr.io': { ...auth('me'), email: null },
    };
    await home.write('.docker/config.json', { ...content, auths });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('me'));
    expect(warnings).toEqual([]);
  });
});

describe('places that are not as they should be', () => {
  const cause = (code: string): object => ({
    steps: expect.arrayContaining([
      expect.objectContaining({
        outcome: 'skipped',
        error: expect.objectContaining({ message: expect.stringContaining(code) }),
      }),
    ]),
  });

  test('a folder of podman that is closed is passed over without a word', async () => {
    await home.write('run-by-number/x', '');
    await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    await chmod(`${home.homeFolder}/run-by-number`, 0);
    await chmod(home.homeFolder, 0o755);
    await asNobody(async () => {
      const { provider, warnings } = open();
      await expect(provider('ghcr.io')).resolves.toEqual(basic('docker'));
      await expect(provider('quay.io')).resolves.toBeUndefined();
      expect(warnings).toEqual([]);
      expect(await provider.describe('ghcr.io')).toMatchObject(cause('EACCES'));
    });
    await chmod(`${home.homeFolder}/run-by-number`, 0o700);
  });

  test("docker's file that is somebody else's is an error where nothing else has credentials, and a warning for an open registry", async () => {
    const file = await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    await chmod(home.homeFolder, 0o755);
    await chmod(file, 0);
    await asNobody(async () => {
      const { provider, warnings } = open();
      const message = `cannot read credentials from ${file}: EACCES`;
      await expect(provider('ghcr.io')).rejects.toMatchObject({ code: 'ERR_CREDENTIALS_FILE', message });
      await expect(provider.authConfigOf('ghcr.io')).resolves.toBeUndefined();
      expect(warnings).toEqual([message]);
    });
  });

  test('links in a ring, a folder in place of the file, a file in place of the folder: the next place answers', async () => {
    await mkdir(`${home.homeFolder}/.config/containers/auth.json`, { recursive: true });
    await mkdir(`${home.homeFolder}/.docker`);
    await symlink('config.json', `${home.homeFolder}/.docker/config.json`);
    await home.write('run-by-number', 'a file');
    await home.write('.dockercfg', { 'ghcr.io': auth('dockercfg') });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('dockercfg'));
    expect(warnings).toEqual([
      expect.stringMatching(/auth\.json: EISDIR; the credentials in .*dockercfg are used instead$/),
    ]);
    expect(await provider.describe('ghcr.io')).toMatchObject(cause('ELOOP'));
  });

  test('a link that leads nowhere is no file', async () => {
    await mkdir(`${home.homeFolder}/.docker`);
    await symlink('nowhere.json', `${home.homeFolder}/.docker/config.json`);
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test('DOCKER_CONFIG may name the file itself', async () => {
    const file = await home.write('elsewhere.json', { auths: { 'ghcr.io': auth('docker') } });
    Object.assign(home.env, { DOCKER_CONFIG: file });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('docker'));
    expect(warnings).toEqual([
      `DOCKER_CONFIG names the file ${file}, where docker expects the folder that contains it`,
    ]);
  });

  test('XDG folders that are not absolute are ignored', async () => {
    Object.assign(home.env, { XDG_RUNTIME_DIR: 'run', XDG_CONFIG_HOME: './xdg' });
    await home.write('.config/containers/auth.json', { auths: { 'ghcr.io': auth('podman') } });
    const { provider } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('podman'));
    const { steps } = await provider.describe('ghcr.io');
    expect(steps.map(({ place }) => place)).toEqual([
      `${home.homeFolder}/run-by-number/${process.getuid?.()}/auth.json`,
      `${home.homeFolder}/.config/containers/auth.json`,
    ]);
  });

  test('without a home folder, what variables name still counts', async () => {
    await expect(open({ homeFolder: undefined }).provider('ghcr.io')).resolves.toBeUndefined();
    await home.write('docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    Object.assign(home.env, { DOCKER_CONFIG: `${home.homeFolder}/docker` });
    await expect(open({ homeFolder: undefined }).provider('ghcr.io')).resolves.toEqual(basic('docker'));
  });

  test.each([
    ['little-endian with a mark', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['big-endian with a mark', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['little-endian without a mark', (text: string) => Buffer.from(text, 'utf16le')],
    ['big-endian without a mark', (text: string) => Buffer.from(text, 'utf16le').swap16()],
  ])('UTF-16, %s, is read and named', async (_, encode) => {
    const file = await home.write('.docker/config.json', '');
    await writeFile(file, encode(JSON.stringify({ auths: { 'ghcr.io': auth('zoë') } })));
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('zoë'));
    expect(warnings).toEqual([`${file} is UTF-16, which docker and podman cannot read: save it as UTF-8`]);
  });

  test.each([
    ['base64', Buffer.from('{"auths":{}}').toString('base64'), 'but it looks like base64'],
    ['a path', '/root/.docker/config.json', 'but a path'],
    ['half of it', '{"auths":\n{', 'at line 2, character 2'],
  ])('%s in DOCKER_AUTH_CONFIG is said to be that', async (_, value, words) => {
    Object.assign(home.env, { DOCKER_AUTH_CONFIG: value });
    await expect(open().provider('ghcr.io')).rejects.toMatchObject({ message: expect.stringContaining(words) });
  });

  test('a file that cannot be understood does not keep the next one from answering, and is told', async () => {
    const broken = await home.write('.config/containers/auth.json', '{"auths":');
    const file = await home.write('.docker/config.json', { auths: { 'ghcr.io': auth('docker') } });
    const { provider, warnings } = open();
    await expect(provider('ghcr.io')).resolves.toEqual(basic('docker'));
    expect(warnings).toEqual([
      `cannot use the credentials in ${broken}: it is not valid JSON (at line 1, character 10); the credentials in ${file} are used instead`,
    ]);
  });

  test.each([
    ['docker’s own folder', {}, '.docker'],
    ['a folder that was named', { DOCKER_CONFIG: 'chosen' }, 'chosen'],
  ])('a pipe that nobody named, in %s, is passed over at once', async (_, env, folder) => {
    const path = join(home.homeFolder, folder, 'config.json');
    await mkdir(join(home.homeFolder, folder));
    await runTool('mkfifo', [path]);
    await home.write('.dockercfg', { 'ghcr.io': auth('old') });
    const named = Object.fromEntries(Object.keys(env).map((name) => [name, join(home.homeFolder, folder)]));
    const { provider, warnings } = open({ env: named });
    await expect(provider('ghcr.io')).resolves.toEqual(basic('old'));
    const why = `cannot read credentials from ${path}: it is a pipe, not a file`;
    expect(warnings).toEqual([expect.stringContaining(why)]);
  });

  test('a named pipe, as a shell makes for <(…), is read to its end', async () => {
    const path = `${home.homeFolder}/pipe`;
    await runTool('mkfifo', [path]);
    const written = writeFile(path, JSON.stringify({ auths: { 'ghcr.io': auth('piped') } }));
    await expect(open({ authFile: path }).provider('ghcr.io')).resolves.toEqual(basic('piped'));
    await written;
  });
});

describe('describe', () => {
  test('names every place, the one that was used, and a password that ends in a line break, without any secret', async () => {
    const password = 'S3cr3t-word\n';
    const file = await home.write('.docker/config.json', {
      auths: { 'https://ghcr.io': { auth: Buffer.from(`me:${password}`).toString('base64') } },
    });
    const report = await open().provider.describe('ghcr.io');
    expect(report.found).toEqual({
      kind: 'basic',
      username: 'me',
      place: file,
      helper: undefined,
      key: 'https://ghcr.io',
      endsInLineBreak: true,
    });
    expect(report.steps.map(({ outcome }) => outcome)).toEqual(['absent', 'absent', 'used']);
    expect(JSON.stringify(report)).not.toContain('S3cr3t');
  });

  test('says why a helper has nothing', async () => {
    await home.helper(
      'ecr',
      'echo "the session has expired" >&2; echo "credentials not found in native keychain"; exit 1',
    );
    const file = await home.write('.docker/config.json', { credHelpers: { 'ghcr.io': 'ecr' } });
    const { provider } = open();
    await expect(provider('ghcr.io')).resolves.toBeUndefined();
    const { steps, found } = await provider.describe('ghcr.io');
    expect(found).toBeUndefined();
    expect(steps.find(({ place }) => place === file)).toMatchObject({
      outcome: 'nothing',
      helper: 'docker-credential-ecr',
      helperSaid: 'the session has expired',
    });
  });

  test('names the helper that has them', async () => {
    await home.helper('test', `echo '{"Username":"<token>","Secret":"id-S3cr3t"}'`);
    await home.write('.docker/config.json', { credsStore: 'test' });
    const { found } = await open().provider.describe('ghcr.io');
    expect(found).toMatchObject({ kind: 'identity-token', helper: 'docker-credential-test', key: undefined });
    expect(JSON.stringify(found)).not.toContain('S3cr3t');
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

  test('a helper is killed with its children when the last caller leaves, and asked anew by the next', async () => {
    const began = `${home.homeFolder}/began`;
    await home.helper('slow', `sleep 600 & echo $! $$ > "${began}.part"; mv "${began}.part" "${began}"; wait`);
    await home.write('.docker/config.json', { credsStore: 'slow' });
    const { provider } = open();
    const [first, second] = [new AbortController(), new AbortController()];
    const left = [
      provider('ghcr.io', { signal: first.signal }),
      provider.authConfigOf('ghcr.io', { signal: second.signal }),
    ];
    await expect.poll(() => existsSync(began), { timeout: 25_000 }).toBe(true);
    const pids = (await home.read('began')).trim().split(' ').map(Number);
    first.abort('ctrl-c');
    await expect(left[0]).rejects.toBe('ctrl-c');
    expect(await Promise.all(pids.map(isRunning))).toEqual([true, true]);
    second.abort('enough');
    await expect(left[1]).rejects.toBe('enough');
    await expect.poll(() => Promise.all(pids.map(isRunning)), { timeout: 25_000 }).toEqual([false, false]);
    await home.helper('slow', answers('awake'));
    await expect(provider('ghcr.io')).resolves.toEqual(basic('awake'));
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

  test('a broken file is told: whether it was needed only the registry can say', async () => {
    const file = await home.write('.docker/config.json', '{');
    const { provider, warnings } = open();
    await expect(provider.authConfigOf('ghcr.io')).resolves.toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining(`cannot use the credentials in ${file}: it is not valid JSON`)]);
    await expect(open({ authFile: file }).provider.authConfigOf('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS_FILE',
    });
  });

  test.each([{ username: 'me' }, { password: 'pw' }, { username: 'me', password: 7 }, []])(
    'explicit credentials that are none are refused: %j',
    (explicit) => {
      expect(() => open({ explicit: explicit as never })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    },
  );

  test('explicit credentials are their own auth config', async () => {
    const explicit = { username: 'me', password: 'pw' };
    await expect(open({ explicit }).provider.authConfigOf('ghcr.io')).resolves.toEqual(explicit);
  });
});
