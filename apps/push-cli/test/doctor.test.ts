import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import {
  type EmbeddedRegistry,
  findTool,
  requireTool,
  secretFormsIn,
  startDebianRegistry,
  startRegistry,
  temporaryFolder,
  testCertificates,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { type CliOptions, type CliResult, program, runCli, runProgram } from './run-cli.ts';
import { startTokenServer } from './token-server.ts';

const password = 'S3cr3t-PaSS-word';
const users = { alice: password };
const auth = Buffer.from(`alice:${password}`).toString('base64');

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly summary: string;
  readonly notes?: readonly string[];
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly advice?: string;
}

interface Report {
  readonly registry?: string;
  readonly repository?: string;
  readonly ok: boolean;
  readonly checks: readonly Finding[];
}

const names = [
  'program',
  'files',
  'credentials',
  'proxy',
  'address',
  'tls',
  'certificates',
  'registry',
  'clock',
  'access',
  'read',
  'write',
];

describe('this machine alone', () => {
  test('files, helpers and proxies, and nothing is asked', async () => {
    await using home = await temporaryFolder();
    await write(home.path, '.docker/config.json', { auths: { 'ghcr.io': { auth } }, credsStore: 'nowhere' });
    await write(home.path, '.config/containers/auth.json', '{"auths":');
    const env = { HTTPS_PROXY: `http://bob:${password}@proxy.test:3128`, NO_PROXY: '.corp.test' };
    const { report, result } = await diagnose([], home.path, { env });
    expect(result.code).toBe(0);
    expect(report.checks.map(({ check }) => check)).toEqual(['program', 'files', 'proxy']);
    const files = findingOf(report, 'files');
    expect(files).toMatchObject({ status: 'warning', advice: expect.stringContaining('correct the file') });
    expect(files.notes).toEqual([
      expect.stringContaining('run/containers/auth.json (XDG_RUNTIME_DIR): not there'),
      expect.stringMatching(/auth\.json: skipped: .*it is not valid JSON \(at line 1, character 10\)$/),
      expect.stringMatching(/config\.json: ghcr\.io$/),
      expect.stringContaining('.dockercfg: not there'),
      expect.stringMatching(/^docker-credential-nowhere, named by .*: not in PATH$/),
    ]);
    expect(findingOf(report, 'proxy').summary).toBe('HTTPS_PROXY, NO_PROXY in the environment');
  });

  test('as lines, with a closing one', async () => {
    await using home = await temporaryFolder();
    const { code, stdout, stderr } = await runCli(['doctor'], { env: environment(home.path) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^(?:ok|warning) +program +slipway .*\n(?:.*\n)+(?:No problem found|1 warning)\n$/);
  });
});

describe('a slipwayd that a push would go to', () => {
  const answering = async (status: number, run: (address: string) => Promise<void>): Promise<void> => {
    const server = createServer((_request, response) => {
      response.writeHead(status).end(JSON.stringify(status === 200 ? { jobs: [] } : { message: 'a token is wanted' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await run(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  test.each([
    ['SLIPWAY_HOST', 200, 0, 'ok'],
    ['--daemon', 200, 0, 'ok'],
    ['SLIPWAY_HOST', 403, 0, 'ok'],
    ['SLIPWAY_HOST', 401, 3, 'problem'],
  ])('named by %s, which answers %i', async (namedBy, answer, code, status) => {
    await using home = await temporaryFolder();
    await answering(answer, async (address) => {
      const isFlag = namedBy === '--daemon';
      const options = isFlag ? {} : { env: { SLIPWAY_HOST: address } };
      const { report, result } = await diagnose(isFlag ? ['--daemon', address] : [], home.path, options);
      expect([result.code, report.checks[0]?.check]).toEqual([code, 'daemon']);
      const found = findingOf(report, 'daemon');
      expect(found.status).toBe(status);
      expect(found.summary).toContain(address);
      if (status === 'ok') expect(found.summary).toContain(namedBy);
      else expect(found.advice).toContain('SLIPWAY_TOKEN');
    });
  });

  test('that does not answer decides the exit code; the rest is looked at all the same', async () => {
    await using home = await temporaryFolder();
    const { report, result } = await diagnose([], home.path, { env: { SLIPWAY_HOST: `unix://${home.path}/none` } });
    expect(result.code).toBe(5);
    expect(report.checks.map(({ check }) => check)).toEqual(['daemon', 'program', 'files', 'proxy']);
  });
});

describe('a registry', () => {
  test('that is open: everything but what wants a repository', async () => {
    await using registry = await startRegistry();
    await using home = await temporaryFolder();
    const { report, result } = await diagnose([registry.host], home.path);
    expect(result.code).toBe(0);
    expect(report).toMatchObject({ registry: registry.host, ok: true });
    expect(report.checks.map(({ check }) => check)).toEqual(names);
    expect(findingOf(report, 'registry').summary).toBe(`http://${registry.host}/v2/ answered 200`);
    expect(findingOf(report, 'tls').summary).toBe('the other side does not speak TLS; plain http is tried next');
    expect(findingOf(report, 'certificates')).toMatchObject({ status: 'skipped', summary: 'no TLS is used' });
    expect(findingOf(report, 'write')).toMatchObject({
      status: 'skipped',
      summary: expect.stringContaining('REPOSITORY'),
    });
    expect(registry.requests.map(({ method }) => method)).not.toContain('POST');
  });

  test('and a repository: a tag is asked for, an upload begun and cancelled, and nothing is left', async () => {
    await using registry = await startRegistry();
    await using home = await temporaryFolder();
    const { report, result } = await diagnose([`${registry.host}/demo/app:v1`], home.path);
    expect(result.code).toBe(0);
    expect(findingOf(report, 'read').summary).toBe('demo/app may be read; it has no tag v1');
    expect(findingOf(report, 'write')).toMatchObject({
      status: 'ok',
      summary: 'an upload to demo/app was begun, and cancelled',
    });
    expect(registry.sessions()).toEqual([]);
    expect(registry.requests.every(({ requestBytes }) => requestBytes === 0)).toBe(true);
  });

  test('with a token server: what it grants, and a right that is missing', async () => {
    const allow = (_user: string, repository: string, action: string): boolean =>
      repository === 'team/app' || action === 'pull';
    await using registry = await startRegistry({ auth: { kind: 'bearer', users, allow } });
    await using home = await temporaryFolder();
    await write(home.path, '.docker/config.json', { auths: { [registry.host]: { auth } } });
    const good = await diagnose([`${registry.host}/team/app`], home.path);
    expect(good.result.code, good.result.stdout).toBe(0);
    expect(findingOf(good.report, 'credentials').summary).toContain('"alice", in ');
    expect(findingOf(good.report, 'access').status).toBe('ok');
    const bad = await diagnose([`${registry.host}/other/app`], home.path);
    expect(bad.result.code).toBe(3);
    expect(findingOf(bad.report, 'write')).toMatchObject({ status: 'problem' });
  });

  test.each(['basic', 'bearer'] as const)('%s: a password that is wrong, without a repository', async (kind) => {
    await using registry = await startRegistry({ auth: { kind, users } });
    await using home = await temporaryFolder();
    const wrong = Buffer.from('alice:wr0ng-PaSS\n').toString('base64');
    await write(home.path, '.docker/config.json', { auths: { [registry.host]: { auth: wrong } } });
    const { report, result } = await diagnose([registry.host], home.path);
    expect(result.code).toBe(3);
    expect(findingOf(report, 'credentials')).toMatchObject({
      status: 'warning',
      summary: expect.stringContaining('ends in a line break'),
    });
    expect(findingOf(report, 'access')).toMatchObject({
      status: 'problem',
      advice: expect.stringContaining('line break'),
    });
    expect(secretFormsIn(result.stdout + result.stderr, ['wr0ng-PaSS']), result.stdout + result.stderr).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('whose helper has none says what the helper said', async () => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    await using home = await temporaryFolder();
    await write(home.path, '.docker/config.json', { credHelpers: { [registry.host]: 'odd' } });
    const script = `#!/bin/sh\necho "the session of ${password} has expired" >&2; echo "credentials not found"; exit 1\n`;
    await chmod(await write(home.path, 'bin/docker-credential-odd', script), 0o755);
    const { report, result } = await diagnose([registry.host], home.path);
    expect(result.code).toBe(3);
    expect(findingOf(report, 'files').notes).toContainEqual(
      expect.stringMatching(/^docker-credential-odd, named by .*: .*bin\/docker-credential-odd$/),
    );
    expect(findingOf(report, 'credentials').notes).toEqual([
      expect.stringMatching(
        /^docker-credential-odd, named by .*, has none; it said: the session of \*\*\* has expired$/,
      ),
    ]);
  });

  test('that answers with web pages is none', async () => {
    await using portal = await startPortal();
    await using home = await temporaryFolder();
    const { report, result } = await diagnose([`${portal.host}/demo/app`], home.path);
    expect(result.code).toBe(1);
    expect(findingOf(report, 'registry')).toMatchObject({
      status: 'problem',
      summary: expect.stringContaining('answered 200 with an HTML page, "'),
      advice: expect.stringContaining('sign in first'),
    });
  });

  test('that nobody answers for is exit code 5, and the rest is left out', async () => {
    await using home = await temporaryFolder();
    const { report, result } = await diagnose(['127.0.0.1:1/demo/app'], home.path);
    expect(result.code).toBe(5);
    expect(findingOf(report, 'registry')).toMatchObject({
      status: 'problem',
      advice: expect.stringContaining('nothing listens'),
    });
    for (const check of ['clock', 'access', 'read', 'write']) expect(findingOf(report, check).status).toBe('skipped');
  });

  test('whose clock is another one', async () => {
    await using registry = await startRegistry();
    const date = new Date(Date.now() - 3 * 60 * 60 * 1000).toUTCString();
    registry.misbehave({
      match: { kind: 'ping' },
      status: 200,
      body: {},
      headers: { date, 'docker-distribution-api-version': 'registry/2.0' },
    });
    await using home = await temporaryFolder();
    const { report } = await diagnose([registry.host], home.path);
    expect(findingOf(report, 'clock')).toMatchObject({
      status: 'warning',
      summary: '3 hours ahead of the registry’s',
      advice: expect.stringContaining('set this machine’s clock'),
    });
  });

  test('whose realm tells what it is', async () => {
    await using registry = await startRegistry();
    registry.misbehave({
      match: { kind: 'ping' },
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="Sonatype Nexus Repository Manager"' },
    });
    await using home = await temporaryFolder();
    const { report } = await diagnose([registry.host], home.path);
    expect(findingOf(report, 'registry').notes).toContainEqual(expect.stringContaining('looks like Sonatype Nexus'));
  });
});

describe('behind a proxy', () => {
  test('the proxy is named without its password, and resolves the name', async () => {
    await using registry = await startRegistry();
    await using proxy = await startProxy(registry);
    await using home = await temporaryFolder();
    const env = { HTTP_PROXY: `http://bob:${encodeURIComponent(password)}@${proxy.host}` };
    const { report, result } = await diagnose(['registry.corp.test/demo/app', '--plain-http'], home.path, { env });
    expect(result.code, result.stdout).toBe(0);
    expect(findingOf(report, 'proxy').summary).toBe(
      `http://${proxy.host}, with a user and a password, named in the environment`,
    );
    expect(findingOf(report, 'address')).toMatchObject({ status: 'skipped' });
    expect(findingOf(report, 'write').status).toBe('ok');
  });
});

describe.skipIf(requireTool('openssl'))('with TLS', () => {
  test('a private authority: not trusted until it lies in --cert-dir', async () => {
    const { ca, cert, key } = await testCertificates();
    await using registry = await startRegistry({ tls: { cert, key } });
    await using home = await temporaryFolder();
    // 0.0.0.0 leads to this machine, but is no loopback address, which would be trusted as it is.
    const elsewhere = registry.host.replace('127.0.0.1', '0.0.0.0');
    const untrusted = await diagnose([elsewhere], home.path);
    expect(untrusted.result.code).toBe(5);
    expect(findingOf(untrusted.report, 'tls')).toMatchObject({
      status: 'problem',
      summary: expect.stringContaining('but the certificate comes from an authority that this machine does not know'),
      notes: [expect.stringContaining('CN=slipway test server, from CN=slipway test CA')],
      advice: expect.stringContaining('ca.crt'),
    });
    expect(findingOf(untrusted.report, 'registry').advice).toBeUndefined(); // said once
    const own = await diagnose([registry.host], home.path);
    expect(own.result.code).toBe(0);
    expect(findingOf(own.report, 'tls')).toMatchObject({
      status: 'warning',
      summary: expect.stringContaining('it is taken all the same, as any registry on this machine is'),
    });
    expect(findingOf(own.report, 'certificates').summary).toBe('no folder of certs.d for this registry');
    await write(home.path, 'certs/ca.crt', ca);
    const trusted = await diagnose([registry.host, '--cert-dir', join(home.path, 'certs')], home.path);
    expect(trusted.result.code, trusted.result.stdout).toBe(0);
    expect(findingOf(trusted.report, 'certificates').summary).toContain('1 authority');
    // The test's certificates last a day.
    expect(findingOf(trusted.report, 'tls')).toMatchObject({
      status: 'warning',
      summary: expect.stringMatching(/^TLSv1\.3, trusted, but only until \d{4}-\d\d-\d\d$/),
    });
  });
});

describe.skipIf(requireTool('docker-registry', 'openssl'))("Debian's registry with a token server", () => {
  test.each([
    ['pull and push', undefined, 0, 'ok'],
    ['pull alone', ['pull'], 3, 'warning'],
  ])('that grants %s', async (_, actions, code, status) => {
    const certificates = await testCertificates();
    await using tokens = await startTokenServer({ certificates, users, actions });
    await using home = await temporaryFolder();
    const bundle = await write(home.path, 'ca.pem', certificates.ca);
    await using registry = await startDebianRegistry({ config: { auth: tokens.configOf(bundle) } });
    await write(home.path, '.docker/config.json', { auths: { [registry.host]: { auth } } });
    const { report, result } = await diagnose([`${registry.host}/team/app`], home.path);
    expect(result.code, result.stdout).toBe(code);
    expect(findingOf(report, 'registry').notes).toContainEqual(`tokens come from ${tokens.realm} (test registry)`);
    expect(findingOf(report, 'access')).toMatchObject({ status, facts: { kind: 'token' } });
    expect(findingOf(report, 'access').summary).toContain(
      `repository:team/app:${(actions ?? ['push', 'pull']).join(',')}`,
    );
  });
});

test.skipIf(process.getuid?.() !== 0 || requireTool('setpriv'))('a machine without a home folder', async () => {
  await using registry = await startRegistry();
  const command = [findTool('setpriv') ?? 'setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'];
  const { code, stdout } = await runProgram([...command, ...program, 'doctor', `${registry.host}/demo/app`], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/^warning +program .*this user has no home folder/m);
  expect(stdout).toMatch(/^ +without a home folder there is no ~\/\.docker\/config\.json/m);
  expect(stdout).toMatch(/^ok +write +an upload to demo\/app was begun, and cancelled$/m);
});

test.each([
  [['alice:S3cret@ghcr.io'], 'has a user and a password in it'],
  [['a b'], 'is neither a registry nor a repository'],
  [['ghcr.io', '--username', 'me'], 'a password is needed'],
])('doctor %j is wrong usage', async (args, words) => {
  const { code, stderr } = await runCli(['doctor', ...args]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
});

async function diagnose(
  args: readonly string[],
  home: string,
  options: CliOptions = {},
): Promise<{ readonly report: Report; readonly result: CliResult }> {
  const env = { ...environment(home), ...options.env };
  const result = await runCli(['doctor', ...args, '--json', '--verbose'], { ...options, env });
  expect(
    secretFormsIn(result.stdout + result.stderr, [password, `alice:${password}`]),
    result.stdout + result.stderr,
  ).toEqual([]);
  return { report: JSON.parse(result.stdout), result };
}

function environment(home: string): Record<string, string> {
  return { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), PATH: `${join(home, 'bin')}:${process.env['PATH']}` };
}

function findingOf({ checks }: Report, name: string): Finding {
  const found = checks.find(({ check }) => check === name);
  if (found === undefined) throw new Error(`Expected a check ${name}`);
  return found;
}

async function write(home: string, name: string, content: unknown): Promise<string> {
  const path = join(home, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

interface Host extends AsyncDisposable {
  readonly host: string;
}

/** Answers everything with a page, as a hotel's network does. */
async function startPortal(): Promise<Host> {
  return await listen(
    createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Welcome</title></html>');
    }),
  );
}

/** Leads every request to one registry, whatever its name. */
async function startProxy(registry: EmbeddedRegistry): Promise<Host> {
  const { hostname, port } = new URL(registry.url);
  return await listen(
    createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '');
      const { method, headers } = request;
      const onward = forward({ hostname, port, method, path: pathname + search, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    }),
  );
}

async function listen(server: ReturnType<typeof createServer>): Promise<Host> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
