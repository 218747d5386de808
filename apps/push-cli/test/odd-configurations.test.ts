import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { dirname, join } from 'node:path';
import {
  type AuthOptions,
  type EmbeddedRegistry,
  findTool,
  type Misbehaviour,
  randomImage,
  refusingProxy,
  requireTool,
  runTool,
  secretFormsIn,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program, runCli, runProgram } from './run-cli.ts';

const user = 'alice';
const password = 'S3cr3t-PaSS-word';
const token = 'tok-SECRET-abcdef0123456789';
const proxyPassword = '1234#Pr0xy-word';
const secrets = [password, token, proxyPassword, `${user}:${password}`];

const encode = (text: string): string => Buffer.from(text).toString('base64');
const auth = encode(`${user}:${password}`);
const basic: AuthOptions = { kind: 'basic', users: { [user]: password } };
const bearer: AuthOptions = { kind: 'bearer', users: { [user]: password } };
const page = (title: string): string =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`;

/** What stands around one push. */
interface Scene {
  readonly host: string;
  readonly home: string;
  /** Address of the row's proxy. */
  readonly proxy: string;
}

/** One odd situation, and what the program has to make of it. */
interface Row {
  readonly name: string;
  /** How the registry knows its callers. @default not at all */
  readonly auth?: AuthOptions;
  readonly tls?: 'server' | 'mutual';
  readonly rules?: readonly Misbehaviour[];
  /** The content of docker's config.json. */
  readonly config?: (scene: Scene) => unknown;
  /** Files below the home folder. */
  readonly files?: (scene: Scene) => Readonly<Record<string, unknown>>;
  /** The script of `docker-credential-odd`. */
  readonly helper?: string;
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  readonly env?: (scene: Scene) => Readonly<Record<string, string>>;
  readonly proxy?: RequestListener;
  readonly source?: (scene: Scene) => string;
  readonly destination?: (scene: Scene) => string;
  readonly args?: (scene: Scene) => readonly string[];
  readonly code: number;
  readonly says?: readonly (string | RegExp)[];
  readonly neverSays?: readonly (string | RegExp)[];
}

const kept = ({ host }: Scene): object => ({ auths: { [host]: { auth } } });
const helped = ({ host }: Scene): object => ({ credHelpers: { [host]: 'odd' } });
const answer = (username: string, secret: string): string =>
  `cat > /dev/null; echo '${JSON.stringify({ Username: username, Secret: secret })}'`;
/** Leads to this machine, but is no loopback address, which would be trusted and reached directly. */
const elsewhere = ({ host }: Scene): string => `${host.replace('127.0.0.1', '0.0.0.0')}/demo/app:1`;

const files: readonly Row[] = [
  { name: 'auths is null, and the registry is open', config: () => ({ auths: null }), code: 0 },
  { name: 'the whole file is null', config: () => 'null', code: 0 },
  {
    name: 'nulls beside what counts',
    auth: basic,
    config: ({ host }) => ({
      auths: { [host]: { auth, email: null, password: null, identitytoken: null }, 'other.test': null },
      credHelpers: null,
      credsStore: null,
      proxies: null,
      HttpHeaders: null,
    }),
    code: 0,
  },
  {
    name: 'the entry of another registry cannot be read',
    auth: basic,
    config: (scene) => ({ auths: { 'other.test': { auth: '%%%' }, 'more.test': 'x', [scene.host]: { auth } } }),
    code: 0,
  },
  {
    name: 'the helper of another registry is none',
    auth: basic,
    config: (scene) => ({
      ...kept(scene),
      credHelpers: { 'other.test': 'C:\\bin\\docker-credential-x', 'more.test': 5 },
    }),
    code: 0,
  },
  {
    name: 'auth is wrapped as base64 wraps it',
    auth: basic,
    config: ({ host }) => ({ auths: { [host]: { auth: `${auth.slice(0, 12)}\r\n${auth.slice(12)}\n` } } }),
    code: 0,
  },
  {
    name: 'the password ends in a line break, as echo leaves one',
    auth: basic,
    config: ({ host }) => ({ auths: { [host]: { auth: encode(`${user}:${password}\n`) } } }),
    code: 3,
    says: ['ends in a line break', 'config.json', 'printf'],
  },
  {
    name: 'the same, with a token server',
    auth: bearer,
    config: ({ host }) => ({ auths: { [host]: { username: user, password: `${password}\r\n` } } }),
    code: 3,
    says: ['ends in a line break'],
  },
  {
    name: 'UTF-16 as PowerShell writes it',
    auth: basic,
    config: (scene) => Buffer.from(`\uFEFF${JSON.stringify(kept(scene))}`, 'utf16le'),
    code: 0,
    says: ['UTF-16'],
  },
  {
    name: 'UTF-16 without a mark, in the other order',
    auth: basic,
    config: (scene) => Buffer.from(JSON.stringify(kept(scene)), 'utf16le').swap16(),
    code: 0,
    says: ['UTF-16'],
  },
  { name: 'a byte order mark', auth: basic, config: (scene) => `\uFEFF${JSON.stringify(kept(scene))}`, code: 0 },
  {
    name: 'DOCKER_CONFIG names the file',
    auth: basic,
    files: (scene) => ({ 'elsewhere.json': kept(scene) }),
    env: ({ home }) => ({ DOCKER_CONFIG: join(home, 'elsewhere.json') }),
    code: 0,
    says: ['DOCKER_CONFIG names the file'],
  },
  {
    name: 'config.json is a folder, and podman has the credentials',
    auth: basic,
    files: (scene) => ({ '.docker/config.json/x': '', '.config/containers/auth.json': kept(scene) }),
    code: 0,
  },
  {
    name: 'config.json is a folder, and nobody has credentials',
    auth: basic,
    files: () => ({ '.docker/config.json/x': '' }),
    code: 1,
    says: ['EISDIR', 'it is a folder'],
  },
  {
    name: 'config.json is a link that leads nowhere',
    prepare: async ({ home }) => {
      await mkdir(join(home, '.docker'));
      await symlink('/nonexistent/config.json', join(home, '.docker/config.json'));
    },
    code: 0,
    neverSays: ['warning'],
  },
  {
    name: 'config.json is a link to itself, and the registry is open',
    prepare: async ({ home }) => {
      await mkdir(join(home, '.docker'));
      await symlink('config.json', join(home, '.docker/config.json'));
    },
    code: 0,
    says: [/warning.*ELOOP/],
  },
  {
    name: 'config.json is a pipe that nobody writes to',
    prepare: async ({ home }) => {
      await mkdir(join(home, '.docker'));
      await runTool('mkfifo', [join(home, '.docker/config.json')]);
    },
    code: 0,
    says: [/warning.*config\.json: it is a pipe/],
  },
  {
    name: 'half a file, and the registry is open',
    config: () => '{"auths":',
    code: 0,
    says: [/warning.*config\.json/],
  },
  {
    name: 'half a file, and the registry wants credentials',
    auth: basic,
    config: () => '{"auths":\n  {',
    code: 1,
    says: ['config.json', 'line 2, character 4', 'correct the file'],
  },
  {
    name: 'the entry of the registry is not base64',
    auth: basic,
    config: ({ host }) => ({ auths: { [host]: { auth: `${user}:${password}` } } }),
    code: 1,
    says: ['is not base64 of user:password', 'slipway login'],
  },
  {
    name: 'DOCKER_AUTH_CONFIG is base64, and the file has the credentials',
    auth: basic,
    config: kept,
    env: (scene) => ({ DOCKER_AUTH_CONFIG: encode(JSON.stringify(kept(scene))) }),
    code: 0,
    says: ['DOCKER_AUTH_CONFIG', 'looks like base64'],
  },
  {
    name: 'DOCKER_AUTH_CONFIG is a path',
    auth: basic,
    env: () => ({ DOCKER_AUTH_CONFIG: '/root/.docker/config.json' }),
    code: 1,
    says: ['DOCKER_AUTH_CONFIG', 'but a path'],
  },
  {
    name: '--authfile names no file',
    args: ({ home }) => ['--authfile', join(home, 'nowhere.json')],
    code: 1,
    says: ['nowhere.json does not exist', '--authfile'],
  },
  {
    name: 'REGISTRY_AUTH_FILE names no file',
    env: ({ home }) => ({ REGISTRY_AUTH_FILE: join(home, 'nowhere.json') }),
    code: 1,
    says: ['it is named by REGISTRY_AUTH_FILE'],
  },
  {
    name: 'XDG folders that are not absolute',
    auth: basic,
    files: (scene) => ({ '.config/containers/auth.json': kept(scene) }),
    env: () => ({ XDG_CONFIG_HOME: 'xdg', XDG_RUNTIME_DIR: './run', XDG_DATA_HOME: 'data', XDG_CACHE_HOME: 'cache' }),
    code: 0,
  },
  {
    name: 'a key with scheme and path, in another letter case',
    auth: basic,
    config: ({ host }) => ({ auths: { [`HTTPS://${host}/V2/`.replace('V2', 'v2')]: { auth } } }),
    code: 0,
  },
  {
    name: 'user and password in clear',
    auth: bearer,
    config: ({ host }) => ({ auths: { [host]: { username: user, password } } }),
    code: 0,
  },
];

const helpers: readonly Row[] = [
  { name: 'a helper that works', auth: basic, config: helped, helper: answer(user, password), code: 0 },
  {
    name: 'a helper that fails with a sentence',
    auth: basic,
    config: helped,
    helper:
      "echo 'ERROR: (gcloud.auth.docker-helper) There was a problem refreshing your current auth tokens: Reauthentication failed' >&2; exit 1",
    code: 1,
    says: ['docker-credential-odd', 'current auth tokens: Reauthentication failed'],
  },
  {
    name: 'a helper that has none, and says why',
    auth: basic,
    config: helped,
    helper:
      "echo 'ecr: Failed to get authorization token: ExpiredTokenException: The security token included in the request is expired' >&2; echo 'credentials not found in native keychain'; exit 1",
    code: 3,
    says: ['docker-credential-odd, named by', 'The security token included in the request is expired'],
  },
  {
    name: 'a helper that has none, and says nothing',
    auth: bearer,
    config: helped,
    helper: "echo 'credentials not found in native keychain'; exit 1",
    code: 3,
    says: ['docker-credential-odd, named by', 'has no credentials'],
  },
  {
    name: 'a helper that is not there, and the registry is open',
    config: () => ({ credsStore: 'desktop.exe' }),
    code: 0,
    neverSays: ['warning'],
  },
  {
    name: 'a helper that is not there, and is needed',
    auth: basic,
    config: helped,
    code: 1,
    says: ['docker-credential-odd get could not be run', 'PATH', 'install it'],
  },
  {
    name: 'a helper that fails, and the file has the credentials',
    auth: basic,
    config: (scene) => ({ ...kept(scene), ...helped(scene) }),
    helper: 'echo "the keychain is locked" >&2; exit 1',
    code: 0,
    says: [/warning.*the keychain is locked/],
  },
  {
    name: 'a helper that fails and prints what it has',
    auth: basic,
    config: helped,
    helper: `echo '{"Username":"${user}","Secret":"${password}"}'; echo "token ${token} has expired" >&2; exit 1`,
    code: 1,
    says: ['has expired', '***'],
  },
  {
    name: 'a helper whose JSON is broken',
    auth: basic,
    config: helped,
    helper: `printf '%s' '{"Username":"${user}","Secret":"${password}\\*"}'`,
    code: 1,
    says: ['docker-credential-odd get answered nonsense'],
  },
  {
    name: 'a helper that knows a password that is no longer good',
    auth: bearer,
    config: helped,
    helper: answer(user, token),
    code: 3,
    says: ['docker-credential-odd', 'sign in anew'],
  },
  {
    name: 'a helper whose name leads out of PATH',
    auth: basic,
    config: ({ host }) => ({ credHelpers: { [host]: '../../tmp/x' } }),
    code: 1,
    says: ['is not the name of a credential helper'],
  },
];

const names: readonly Row[] = [
  {
    name: 'the destination is typed with a password',
    destination: ({ host }) => `${user}:${password}@${host}/Demo/App:1`,
    code: 2,
    says: ['***@', 'has a user and a password in it', 'slipway login'],
  },
  {
    name: 'the destination is typed with a scheme and a password',
    destination: ({ host }) => `https://${user}:${password}@${host}/demo/app:1`,
    code: 2,
    says: ['https://***@'],
  },
  {
    name: 'the source is typed with a password',
    source: ({ host }) => `docker://${user}:${password}@${host}/demo/app:1`,
    code: 2,
    says: ['***@'],
  },
  {
    name: 'the destination is typed with a scheme',
    destination: ({ host }) => `https://${host}/demo/app:1`,
    code: 2,
    says: ['write it without https://'],
  },
];

const proxies: readonly Row[] = [
  {
    name: 'a password with # breaks the address of the proxy in two',
    destination: elsewhere,
    proxy: (_, response) => void response.writeHead(407).end(),
    env: ({ proxy }) => ({ HTTP_PROXY: `http://bob:${proxyPassword}@${proxy}` }),
    args: () => ['--plain-http', '--retries', '0'],
    code: 5,
    says: [/proxy/i],
    neverSays: ['bob:1234'],
  },
  {
    name: 'a proxy that refuses the password',
    destination: elsewhere,
    proxy: (_, response) =>
      void response.writeHead(407, { 'proxy-authenticate': 'Basic realm="corp"' }).end(page('407')),
    env: ({ proxy }) => ({ HTTPS_PROXY: `http://bob:${encodeURIComponent(proxyPassword)}@${proxy}` }),
    args: () => ['--retries', '0'],
    code: 5,
    says: [/proxy/i],
    neverSays: ['--plain-http'],
  },
];

const tls: readonly Row[] = [
  {
    name: 'a link that leads nowhere beside the authority in --cert-dir',
    tls: 'server',
    prepare: async ({ home }) => {
      await mkdir(join(home, 'certs'));
      await writeFile(join(home, 'certs/ca.crt'), (await testCertificates()).ca);
      await symlink('/nonexistent/ca.pem', join(home, 'certs/redhat-ca.crt'));
    },
    args: ({ home }) => ['--cert-dir', join(home, 'certs')],
    code: 0,
    says: [/warning.*redhat-ca\.crt: ENOENT; it is left out of account/],
  },
  {
    name: 'a file that is no certificate in certs.d',
    tls: 'server',
    destination: elsewhere,
    files: ({ host }) => ({ [`.config/containers/certs.d/${host.replace('127.0.0.1', '0.0.0.0')}/zz.crt`]: '' }),
    code: 5,
    says: [/warning.*zz\.crt: it is neither PEM nor DER/, 'ca.crt'],
  },
  {
    name: 'a registry that wants a client certificate',
    tls: 'mutual',
    destination: elsewhere,
    args: () => ['--insecure', '--retries', '0'],
    code: 5,
    says: ['client certificate', 'x.cert'],
    neverSays: ['--plain-http'],
  },
  {
    name: 'a registry that speaks plain http on the port',
    destination: elsewhere,
    code: 5,
    says: ['does not speak TLS', '--plain-http'],
    neverSays: [/error:[0-9A-F]{8}/, 'openssl'],
  },
];

let images: TemporaryFolder;
beforeAll(async () => {
  images = await temporaryFolder();
  const image = await randomImage({ seed: 'odd', layers: [{ size: 20_000, kind: 'random' }] });
  await writeDockerArchive(join(images.path, 'image.tar'), [{ image, references: ['demo/app:v1'] }], { layout: 'old' });
});
afterAll(async () => {
  await images[Symbol.asyncDispose]();
});

describe.skipIf(process.platform === 'win32').each([
  ['files', files],
  ['helpers', helpers],
  ['names', names],
  ['proxies', proxies],
] as const)('%s', (_, rows) => {
  test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => tryRow(row));
});

describe.skipIf(requireTool('openssl'))('certificates', () => {
  test.each(tls.map((row) => [row.name, row] as const))('%s', (_name, row) => tryRow(row));
});

/** Pushes in the row's situation, and looks at all that was printed. */
async function tryRow(row: Row): Promise<void> {
  await using registry = await startRowRegistry(row);
  await using home = await temporaryFolder();
  await using proxy = await refusingProxy({ tunnel: '407 Proxy Authentication Required', onRequest: row.proxy });
  const scene: Scene = { host: registry.host, home: home.path, proxy: proxy.host };
  await writeHome(row, scene);
  const env = {
    HOME: home.path,
    PATH: `${join(home.path, 'bin')}:${process.env['PATH']}`,
    XDG_RUNTIME_DIR: join(home.path, 'run'),
    ...row.env?.(scene),
  };
  const source = row.source?.(scene) ?? join(images.path, 'image.tar');
  const destination = row.destination?.(scene) ?? `${registry.host}/demo/app:1`;
  const given = ['--verbose', '--json', '--no-cache', '--progress', 'plain', ...(row.args?.(scene) ?? [])];
  const { code, stdout, stderr } = await runCli(['push', source, destination, ...given], { env, folder: home.path });
  const output = stdout + stderr;
  expect(code, output).toBe(row.code);
  for (const words of row.says ?? []) expect(output).toMatch(words);
  for (const words of row.neverSays ?? []) expect(output).not.toMatch(words);
  expect(output).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(secretFormsIn(output, secrets), output).toEqual([]);
  if (row.code === 0) {
    expect(registry.tags('demo/app')).toEqual(['1']);
    await registry.verify();
  }
}

async function startRowRegistry({ auth: how, tls: secure, rules = [] }: Row): Promise<EmbeddedRegistry> {
  const made = secure === undefined ? undefined : await testCertificates();
  const registry = await startRegistry({
    auth: how,
    tls: made && {
      cert: made.cert,
      key: made.key,
      ...(secure === 'mutual' && { ca: made.ca, requestClientCert: true }),
    },
  });
  for (const rule of rules) registry.misbehave(rule);
  return registry;
}

async function writeHome(row: Row, scene: Scene): Promise<void> {
  const config = row.config?.(scene);
  const all = { ...row.files?.(scene), ...(config !== undefined && { '.docker/config.json': config }) };
  for (const [name, content] of Object.entries(all)) {
    const path = join(scene.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
  if (row.helper !== undefined) {
    const path = join(scene.home, 'bin/docker-credential-odd');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${row.helper}\n`);
    await chmod(path, 0o755);
  }
  await row.prepare?.(scene);
}

describe.skipIf(process.getuid?.() !== 0 || requireTool('setpriv'))(
  'a user number that the system does not know',
  () => {
    test.each([
      ['without HOME', {}, ['this user has no home folder']],
      ['with HOME=/, which it cannot write', { HOME: '/' }, ['remembered in memory only']],
    ])('%s: pushes all the same', async (_, env, says) => {
      await using registry = await startRegistry();
      await chmod(images.path, 0o755);
      const command = [findTool('setpriv') ?? 'setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'];
      const push = [...program, 'push', join(images.path, 'image.tar'), `${registry.host}/demo/app:1`];
      const result = await runProgram([...command, ...push, '--progress', 'plain'], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
      });
      expect(result.code, result.stderr).toBe(0);
      for (const words of says) expect(result.stderr).toContain(words);
      expect(result.stderr).not.toMatch(/^\s+at /m);
      expect(registry.tags('demo/app')).toEqual(['1']);
    });

    test('without HOME every other command has a sentence too', async () => {
      const command = [findTool('setpriv') ?? 'setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'];
      for (const args of [['images'], ['--help'], ['doctor'], ['login', 'ghcr.io'], ['logout', 'ghcr.io']]) {
        const result = await runProgram([...command, ...program, ...args], {
          env: { PATH: process.env['PATH'] ?? '' },
        });
        expect(result.stdout + result.stderr).not.toMatch(/SystemError|^\s+at /m);
      }
    }, 120_000); // five starts, of a user who can keep no compiled code
  },
);
