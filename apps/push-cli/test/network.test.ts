import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  findTool,
  randomImage,
  requireTool,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliOptions, type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'network', layers: [{ size: 300_000, kind: 'random' }] });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }], { layout: 'old' });
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

// Most of the time each waits, for a silent server or its own next turn: they run at once.

test.concurrent('a registry that has everything and is silent is waited for, and told', async () => {
  await using registry = await startRegistry();
  registry.misbehave({ match: { kind: 'upload-put' }, times: 1, delayAnswerMs: 6_000 });
  registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, delayAnswerMs: 6_000 });
  const { code, stderr } = await push(`${registry.host}/demo/app:v1`, {}, ['--progress', 'json']);
  expect(code, stderr).toBe(0);
  const events = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly type: string });
  expect(events.find(({ type }) => type === 'blob:storing')).toMatchObject({ registry: registry.host, seconds: 5 });
  const told = { registry: registry.host, tag: 'v1', seconds: 5 };
  expect(events.find(({ type }) => type === 'manifest:storing')).toMatchObject(told);
});

describe.skipIf(requireTool('openssl')).concurrent('mutual TLS', () => {
  test.concurrent('a registry that wants a client certificate gets the one in its folder', async () => {
    const { ca, cert, key, clientCert, clientKey } = await testCertificates();
    await using registry = await startRegistry({ tls: { cert, key, ca, requestClientCert: true } });
    await using home = await temporaryFolder();
    const options: CliOptions = { env: { HOME: home.path } };
    const destination = `${registry.host}/demo/app`;
    const certificates = join(home.path, 'certs.d', registry.host);
    await mkdir(certificates, { recursive: true });
    await writeFile(join(certificates, 'ca.crt'), ca);
    const args = ['--cert-dir', join(home.path, 'certs.d')];
    const refused = await push(`${destination}:v1`, options, args);
    expect(refused.code, refused.stderr).toBe(5);
    expect(refused.stderr).toMatch(/client certificate|connection was closed/);
    await writeFile(join(certificates, 'me.cert'), clientCert);
    await writeFile(join(certificates, 'me.key'), clientKey);
    const { code, stderr } = await push(`${destination}:v1`, options, args);
    expect(code, stderr).toBe(0);
    expect(registry.tags('demo/app')).toEqual(['v1']);
    await registry.verify();
  });
});

describe.skipIf(requireTool('tinyproxy', 'openssl')).concurrent('a proxy that wants a password', () => {
  test.concurrent('gets it from the address; without it the refusal is told, and the password never', async () => {
    await using proxy = await startTinyproxy();
    const { cert, key } = await testCertificates();
    for (const tls of [undefined, { cert, key }]) {
      await using registry = await startRegistry({ tls });
      // 0.0.0.0 leads to this machine, but is no loopback address, which would be reached directly.
      const destination = `${registry.host.replace('127.0.0.1', '0.0.0.0')}/demo/app:v1`;
      const through = (url: string): Record<string, string> => ({ HTTP_PROXY: url, HTTPS_PROXY: url });
      // tinyproxy closes connections without announcing it, sometimes under a request: that is tried again.
      const given = [tls === undefined ? '--plain-http' : '--insecure', '--verbose', '--retries', '2'];
      const refused = await push(destination, { env: through(`http://${proxy.host}`) }, given);
      expect(refused.code, refused.stderr).not.toBe(0);
      expect(refused.stderr).toContain('407');
      const env = through(`http://me:open-sesame@${proxy.host}`);
      const { code, stderr } = await push(destination, { env }, given);
      expect(code, stderr).toBe(0);
      expect(refused.stderr + stderr).not.toContain('open-sesame');
      expect(registry.tags('demo/app')).toEqual(['v1']);
      await registry.verify();
      const before = registry.requests.length;
      const direct = await push(
        destination,
        { env: { ...through('http://127.0.0.1:1'), NO_PROXY: '0.0.0.0/8' } },
        given,
      );
      expect(direct.code, direct.stderr).toBe(0);
      expect(registry.requests.length).toBeGreaterThan(before);
    }
  }, 60_000);
});

describe.concurrent('a token server on a port of its own', () => {
  const auth = { kind: 'bearer', users: { me: 'secret-word' }, tokenServer: 'separate' } as const;

  test.concurrent('tokens for the scopes of the push, kept while they live', async () => {
    await using registry = await startRegistry({ auth });
    const args = ['--username', 'me', '--password-stdin'];
    const result = await push(`${registry.host}/demo/app:v1`, { input: 'secret-word' }, args);
    expect(result.code, result.stderr).toBe(0);
    expect(registry.tokensIssued).toBeLessThanOrEqual(2); // one for the push, one with the scope of a mount
  });

  test.concurrent('tokens that live a second are renewed between requests', async () => {
    await using registry = await startRegistry({ auth: { ...auth, expiresInSeconds: 1 } });
    const args = ['--username', 'me', '--password-stdin', '--limit-rate', '100k', '--no-cache'];
    const result = await push(`${registry.host}/demo/app:v1`, { input: 'secret-word' }, args);
    expect(result.code, result.stderr).toBe(0);
    expect(registry.tokensIssued).toBeGreaterThan(1);
    await registry.verify();
  });

  test.concurrent('a wrong password is told once, with the way to log in', async () => {
    await using registry = await startRegistry({ auth });
    const args = ['--username', 'me', '--password-stdin'];
    const result = await push(`${registry.host}/demo/app:v1`, { input: 'wrong-word' }, args);
    expect(result.code, result.stderr).toBe(3);
    expect(result.stderr).toContain(`slipway login ${registry.host}`);
    expect(result.stderr).not.toContain('wrong-word');
  });
});

describe.skipIf(process.platform === 'win32').concurrent('a credential helper', () => {
  test.concurrent.each([
    ['prints rubbish', 'echo "I am no JSON"', /docker-credential-fake get answered nonsense/],
    [
      'fails',
      'echo "the keychain is locked" >&2; exit 1',
      /docker-credential-fake get failed with code 1.*the keychain is locked/,
    ],
    ['is not there', undefined, /docker-credential-fake/],
    [
      'knows a wrong password',
      'echo \'{"ServerURL":"x","Username":"me","Secret":"wrong-word"}\'',
      /answered 401|unauthorized/i,
    ],
  ])('that %s is named, and what it holds is not', async (_, script, text) => {
    await using scene = await openHelperScene(script);
    const { code, stderr } = await push(`${scene.host}/demo/app:v1`, scene.options);
    expect(code, stderr).not.toBe(0);
    expect(stderr).toMatch(text);
    expect(stderr).not.toContain('wrong-word');
  });

  test.concurrent('that hangs is ended, and named', async () => {
    await using scene = await openHelperScene('exec sleep 600');
    const { code, stderr } = await push(`${scene.host}/demo/app:v1`, scene.options);
    expect(code, stderr).not.toBe(0);
    expect(stderr).toMatch(/docker-credential-fake get .*(?:did not answer|seconds|ms)/);
  }, 90_000);

  test.concurrent('that works is asked once in a run', async () => {
    const answer = 'echo x >> "$HOME/asked"; echo \'{"ServerURL":"x","Username":"me","Secret":"secret-word"}\'';
    await using scene = await openHelperScene(answer);
    const { code, stderr } = await push(`${scene.host}/demo/app:v1`, scene.options);
    expect(code, stderr).toBe(0);
    expect(await readFile(join(scene.home, 'asked'), 'utf8')).toBe('x\n');
  });
});

test.concurrent('--limit-rate and --max-requests-per-second hold for all that a push sends', async () => {
  await using registry = await startRegistry();
  const options = ['--plain-http', '--limit-rate', '200k', '--max-requests-per-second', '10', '--no-cache'];
  const startedAt = performance.now();
  expect((await push(`${registry.host}/demo/app:v1`, {}, options)).code).toBe(0);
  expect(performance.now() - startedAt).toBeGreaterThan((300_000 / 200_000) * 900);
  const times = registry.requests.map(({ at: atMs }) => atMs);
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan((times.length - 1) * 90);
});

async function push(destination: string, options: CliOptions = {}, args: readonly string[] = []): Promise<CliResult> {
  const home = { HOME: at('nobody'), SLIPWAY_DATA_DIR: at('data') };
  return await runCli(['push', at('image.tar'), destination, '--progress', 'plain', '--no-cache', ...args], {
    ...options,
    env: { ...home, ...options.env },
  });
}

interface HelperScene extends AsyncDisposable {
  readonly host: string;
  readonly home: string;
  readonly options: CliOptions;
}

/** A registry with a password, and a home whose docker config names a helper with this script. */
async function openHelperScene(script: string | undefined): Promise<HelperScene> {
  const registry = await startRegistry({ auth: { kind: 'basic', users: { me: 'secret-word' } } });
  const home = await temporaryFolder();
  await mkdir(join(home.path, '.docker'));
  await mkdir(join(home.path, 'bin'));
  await writeFile(join(home.path, '.docker/config.json'), JSON.stringify({ credHelpers: { [registry.host]: 'fake' } }));
  const helper = join(home.path, 'bin/docker-credential-fake');
  if (script !== undefined) {
    await writeFile(helper, `#!/bin/sh\n${script}\n`);
    await chmod(helper, 0o755);
  }
  const env = { HOME: home.path, PATH: `${join(home.path, 'bin')}:${process.env['PATH']}` };
  return {
    host: registry.host,
    home: home.path,
    options: { env },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** Debian's tinyproxy on a free port of the loopback, with a user and a password. */
async function startTinyproxy(): Promise<AsyncDisposable & { readonly host: string }> {
  const port = await freePort();
  const config = at('tinyproxy.conf');
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 60', 'MaxClients 100', 'BasicAuth me open-sesame'];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn(findTool('tinyproxy') ?? 'tinyproxy', ['-d', '-c', config], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`tinyproxy ended with code ${child.exitCode}`);
    await wait(20);
  }
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}
