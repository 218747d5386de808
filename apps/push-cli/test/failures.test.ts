import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  flipByte,
  randomImage,
  requireTool,
  runTool,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliOptions, type CliResult, program, runCli, startCli } from './run-cli.ts';

let folder: TemporaryFolder;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'bad', layers: [{ size: 400_000, kind: 'random' }] });
  const named = [{ image, references: ['demo/app:v1'] }];
  await writeDockerArchive(at('good.tar'), named, { layout: 'old' });
  await writeDockerArchive(at('good.tar.gz'), named, { compression: 'gzip' });
  await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
  await writeFile(at('text.tar'), 'this is no archive\n'.repeat(1_000));
  await writeFile(at('empty.tar'), '');
  for (const name of ['truncated.tar', 'flipped.tar']) await copyFile(at('good.tar'), at(name));
  await truncate(at('truncated.tar'), 200_000);
  await flipByte(at('flipped.tar'), 150_000);
  await copyFile(at('good.tar.gz'), at('truncated.tar.gz'));
  await truncate(at('truncated.tar.gz'), 100_000);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe('a source that cannot be read is exit code 4', () => {
  test.each([
    ['a missing file', 'missing.tar', 'no such file'],
    ['a file that is no archive', 'text.tar', 'text.tar'],
    ['an empty file', 'empty.tar', 'is empty'],
    ['a truncated archive', 'truncated.tar', 'truncated.tar'],
    ['a truncated compressed archive', 'truncated.tar.gz', 'truncated.tar.gz'],
    ['a folder that is no layout', '.', '"index.json" is missing'],
  ])('%s', async (_, source, text) => {
    await using registry = await startRegistry();
    const result = await push([at(source), `${registry.host}/demo/app:v1`]);
    expectFailure(result, 4);
    expect(result.stderr).toContain(text);
    expect(registry.tags('demo/app')).toEqual([]);
  });

  test('an image that the archive does not have', async () => {
    const result = await push([`docker-archive:${at('good.tar')}:demo/app:v9`, '127.0.0.1:1/demo/app']);
    expectFailure(result, 4);
    expect(result.stderr).toContain('demo/app:v1');
  });

  test('a flipped byte: nothing is tagged', async () => {
    await using registry = await startRegistry();
    const result = await push([at('flipped.tar'), `${registry.host}/demo/app:v1`]);
    expectFailure(result, 4);
    expect(registry.tags('demo/app')).toEqual([]);
    expect(registry.manifests('demo/app')).toEqual([]);
  });
});

test.each([
  ['docker-archive:', 'lacks a path'],
  ['docker://', 'lacks a reference'],
  ['oci:folder:', 'lacks a tag'],
  ['', "argument 'source'. Expected a text that is not empty"],
  ['docker-archive:app.tar:@x', 'should end in a position'],
  ['docker://BAD//', '"BAD//" is no reference'],
  ['store:a//b', '"a//b" is no reference'],
])('a malformed source is exit code 2: %j', async (source, text) => {
  for (const options of [[], ['--daemon', 'tcp://127.0.0.1:1']]) {
    const result = await push([source, '127.0.0.1:1/demo/app', ...options]);
    expectFailure(result, 2);
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toContain('download it again');
  }
});

test.each([
  [['tag', 'store:demo/app:1', 'x:1'], 'write it without store:'],
  [['rmi', 'docker-daemon:demo/app:1'], 'write it without docker-daemon:'],
  [['save', 'a//b', '-o', 'x.tar'], 'a reference is'],
  [['delete', 'r.example/a//b:1'], 'a reference is'],
])('a malformed name is exit code 2, and told with how to write one: %j', async (args, hint) => {
  const result = await runCli(args, { env: { SLIPWAY_DATA_DIR: at('data') }, folder: folder.path });
  expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(hint) });
  expect(result.stderr).toContain(`${JSON.stringify(args[1])} is no reference`);
});

test('an archive behind the transport of another kind is exit code 4, and its own transport is named', async () => {
  const result = await push([`oci-archive:${at('good.tar')}`, '127.0.0.1:1/demo/app']);
  expectFailure(result, 4);
  expect(result.stderr).toContain(`Write docker-archive:${at('good.tar')}, or the path alone`);
});

test('a docker context that does not exist is no missing source', async () => {
  const result = await push([at('good.tar'), '127.0.0.1:1/demo/app', '--daemon', 'nowhere']);
  expectFailure(result, 2);
  expect(result.stderr).toContain('There is no docker context "nowhere"');
});

test('no room to spool a compressed archive is exit code 1', async () => {
  const result = await push([at('good.tar.gz'), '127.0.0.1:1/demo/app'], { env: { TMPDIR: '/dev/null/full' } });
  expectFailure(result, 1);
  expect(result.stderr).toContain('hint: ');
});

test('a disk that fills up while a compressed archive is spooled is exit code 1', async () => {
  // A limit on the size of files stands for the full disk: the system then refuses to write on, as it does with ENOSPC.
  const command = `ulimit -f 100; exec "$0" "$@"`;
  const args = ['push', at('good.tar.gz'), '127.0.0.1:1/demo/app', '--no-cache', '--progress', 'plain'];
  const child = spawn('bash', ['-c', command, ...program, ...args]);
  child.stdin.end();
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^slipway: Cannot .*EFBIG.*\n {2}hint: .*\n$/m)]);
});

test('a data folder that cannot be used is a warning, and the push goes on', async () => {
  await using registry = await startRegistry();
  const { code, stderr } = await push([at('good.tar'), `${registry.host}/demo/app:v1`, '--data-dir', '/dev/null/data']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^slipway: warning: /m);
  expect(registry.tags('demo/app')).toEqual(['v1']);
});

describe('a registry that cannot be reached is exit code 5', () => {
  // Each waits before its retries.
  test.concurrent.each([
    ['nothing listens', '127.0.0.1:1/demo/app', []],
    ['nothing listens without TLS', '127.0.0.1:1/demo/app', ['--plain-http']],
    ['the name is unknown', 'registry.invalid/demo/app', []],
  ])('%s', async (_, destination, options) => {
    expectFailure(await push([at('good.tar'), destination, ...options]), 5);
  });

  test.skipIf(requireTool('openssl'))('its certificate is refused', async () => {
    const { cert, key, ca } = await testCertificates();
    await using registry = await startRegistry({ tls: { cert, key } });
    // 0.0.0.0 leads to this machine, but is no loopback address, which would be trusted as it is.
    const destination = `${registry.host.replace('127.0.0.1', '0.0.0.0')}/demo/app:v1`;
    const refused = await push([at('good.tar'), destination]);
    expectFailure(refused, 5);
    expect(refused.stderr).toMatch(/hint: .*(?:--cert-dir|--insecure)/);
    expect((await push([at('good.tar'), destination, '--insecure'])).code).toBe(0);

    await using certificates = await temporaryFolder();
    await writeFile(join(certificates.path, 'ca.crt'), ca);
    const trusted = `localhost:${registry.host.split(':')[1]}/demo/app:v2`;
    expect((await push([at('good.tar'), trusted, '--cert-dir', certificates.path])).code).toBe(0);
    expect([...registry.tags('demo/app')].sort()).toEqual(['v1', 'v2']);
  });
});

describe('what the registry refuses', () => {
  test.each([
    [401, 3],
    [403, 3],
    [404, 1],
    [429, 1],
    [500, 1],
  ])('status %d is exit code %d', async (status, code) => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { method: 'POST' }, status });
    const result = await push([at('good.tar'), `${registry.host}/demo/app:v1`, '--retries', '0']);
    expectFailure(result, code);
    expect(registry.tags('demo/app')).toEqual([]);
  });

  test('a registry that wants a login says how to log in', async () => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users: { me: 'secret' } } });
    const result = await push([at('good.tar'), `${registry.host}/demo/app:v1`]);
    expectFailure(result, 3);
    expect(result.stderr).toContain(`slipway login ${registry.host}`);
  });
});

describe('credentials', () => {
  test.each(['basic', 'bearer'] as const)('%s: given for one push, or kept by login until logout', async (kind) => {
    await using registry = await startRegistry({ auth: { kind, users: { me: 'secret-word' } } });
    await using home = await temporaryFolder();
    const options: CliOptions = { env: { HOME: home.path }, input: 'secret-word\n' };
    const destination = `${registry.host}/demo/app`;
    const given = ['--username', 'me', '--password-stdin'];
    expect((await push([at('good.tar'), `${destination}:v1`, ...given], options)).code).toBe(0);
    expect((await push([at('good.tar'), `${destination}:v2`], options)).code).toBe(3);

    const wrong = await runCli(['login', registry.host, ...given], { ...options, input: 'wrong-word' });
    expectFailure(wrong, 3);
    expect(await readFile(join(home.path, '.docker/config.json'), 'utf8').catch(() => 'none')).toBe('none');

    const login = await runCli(['login', registry.host, ...given, '--verbose'], options);
    expect(login.code).toBe(0);
    expect(login.stderr).toContain(`Logged in to ${registry.host} as me`);
    expect(login.stderr).toMatch(/warning: .*unencrypted/);
    expect(login.stderr).not.toContain('secret-word');
    expect((await push([at('good.tar'), `${destination}:v2`], options)).code).toBe(0);

    expect((await runCli(['logout', registry.host], options)).stderr).toBe(`Logged out of ${registry.host}\n`);
    expect((await push([at('good.tar'), `${destination}:v3`], options)).code).toBe(3);
    expect([...registry.tags('demo/app')].sort()).toEqual(['v1', 'v2']);
  });

  test('a password is not shown to a second registry', async () => {
    const args = [at('good.tar'), '127.0.0.1:1/a', '127.0.0.2:1/b', '--username', 'me', '--password-stdin'];
    const result = await push(args, { input: 'secret' });
    expectFailure(result, 2);
    expect(result.stderr).toContain('--username is for one registry');
  });
});

describe('Ctrl-C', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops at a safe point: exit code 130 and no tag', async (signal) => {
    await using registry = await startRegistry();
    const args = ['push', at('good.tar'), `${registry.host}/demo/app:v1`, '--plain-http', '--limit-rate', '20k'];
    const child = startCli([...args, '--no-cache', '--progress', 'plain']);
    let stderr = '';
    for await (const chunk of child.stderr) {
      stderr += chunk;
      if (/: Pushing/.test(stderr) && !child.killed) child.kill(signal);
    }
    if (child.exitCode === null) await once(child, 'close');
    expect(child.exitCode).toBe(130);
    expect(stderr).toContain('slipway: stopping at a safe point; press Ctrl-C again to end at once');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(registry.tags('demo/app')).toEqual([]);
  });

  /** Interrupts a push as soon as standard error says so, and reads what it has printed. */
  const interrupted = async (args: readonly string[], when: RegExp): Promise<{ code: number; lines: string[] }> => {
    const child = startCli(['push', ...args, '--plain-http', '--progress', 'plain', '--no-cache']);
    let [stderr, stdout] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    for await (const chunk of child.stderr) {
      stderr += chunk;
      if (when.test(stderr) && !child.killed) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'close');
    return { code: child.exitCode ?? -1, lines: stdout.split('\n').filter((line) => line !== '') };
  };

  test.each([false, true])(
    'what is in place by then is told, and the rest is interrupted (json: %s)',
    async (isJSON) => {
      await using quick = await startRegistry();
      await using stuck = await startRegistry();
      stuck.misbehave({ match: { method: 'POST' }, stall: true });
      const [there, elsewhere] = [`${quick.host}/demo/app:v1`, `${stuck.host}/demo/app:v2`];
      const given = [at('good.tar'), elsewhere, there, ...(isJSON ? ['--json'] : [])];
      const { code, lines } = await interrupted(given, /: digest: sha256/);
      expect(code).toBe(130);
      const digest = (await quick.manifest('demo/app', 'v1'))?.digest;
      if (!isJSON) return expect(lines).toEqual([`${quick.host}/demo/app@${digest}`]);
      const error = { code: 'ERR_CLI_INTERRUPTED', message: 'Interrupted' };
      return expect(lines.map((line) => JSON.parse(line))).toEqual([
        { reference: elsewhere, tag: 'v2', error },
        expect.objectContaining({ reference: there, tag: 'v1', digest, unchanged: false, totals: expect.anything() }),
      ]);
    },
  );

  test('of the tags of one repository, those that are in place are told', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { kind: 'manifest-put', path: /v2$/ }, stall: true });
    const names = ['v1', 'v2', 'v3'].map((tag) => `${registry.host}/demo/app:${tag}`);
    const { code, lines } = await interrupted([at('good.tar'), ...names, '--json'], /v1: digest: sha256/);
    expect(code).toBe(130);
    expect(registry.tags('demo/app')).toEqual(['v1']);
    const told = lines.map((line) => JSON.parse(line) as { tag: string; digest?: string; error?: object });
    expect(told.map(({ tag, digest, error }) => [tag, digest !== undefined, error !== undefined])).toEqual([
      ['v1', true, false],
      ['v2', false, true],
      ['v3', false, true],
    ]);
  });

  test('nothing is in place: nothing is printed but what was asked for, with --json', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { method: 'POST' }, stall: true });
    const name = `${registry.host}/demo/app:v1`;
    const { code, lines } = await interrupted([at('good.tar'), name, '--json'], /: Preparing|: Waiting|: Pushing/);
    expect(code).toBe(130);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { reference: name, tag: 'v1', error: { code: 'ERR_CLI_INTERRUPTED', message: 'Interrupted' } },
    ]);
  });

  test('a second one ends a clean-up that hangs at once', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { method: 'PATCH' }, stall: true });
    registry.misbehave({ match: { method: 'PUT' }, stall: true });
    registry.misbehave({ match: { method: 'DELETE' }, stall: true });
    const args = ['push', at('good.tar'), `${registry.host}/demo/app:v1`, '--plain-http', '--progress', 'plain'];
    const child = startCli([...args, '--no-cache']);
    let stderr = '';
    let signals = 0;
    for await (const chunk of child.stderr) {
      stderr += chunk;
      const wanted = /stopping at a safe point/.test(stderr) ? 2 : /: Pushing/.test(stderr) ? 1 : 0;
      if (wanted > signals) {
        signals += 1;
        child.kill('SIGINT');
      }
    }
    if (child.exitCode === null) await once(child, 'close');
    expect(child.exitCode).toBe(130);
  });

  test.each<[string, (pipe: string) => readonly string[]]>([
    ['a key', (pipe) => ['push', at('good.tar'), '127.0.0.1:9/demo/app', '--sign-key', pipe]],
    ['credentials', (pipe) => ['push', at('good.tar'), '127.0.0.1:9/demo/app', '--authfile', pipe]],
  ])('the second one ends the wait for %s from a pipe', async (name, args) => {
    const pipe = at(`${name}.pipe`);
    await runTool('mkfifo', [pipe]);
    const child = startCli(args(pipe));
    const file = await open(pipe, 'w'); // once the program has it open, too
    child.kill('SIGINT');
    for await (const chunk of child.stderr) if (/stopping at a safe point/.test(`${chunk}`)) child.kill('SIGINT');
    if (child.exitCode === null) await once(child, 'close');
    expect(child.exitCode).toBe(130);
    await file.close();
  });
});

test('a proxy of the environment is used for other machines and not for this one', async () => {
  const seen: string[] = [];
  const proxy = createServer(({ method, url }, answer) => {
    seen.push(`${method} ${url}`);
    answer.writeHead(502).end();
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const env = { HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const args = [at('good.tar'), 'registry.invalid/demo/app', '--plain-http', '--retries', '0'];
  expectFailure(await push(args, { env }), 1);
  expect(seen[0]).toBe('GET http://registry.invalid/v2/');

  await using registry = await startRegistry();
  seen.length = 0;
  expect((await push([at('good.tar'), `${registry.host}/demo/app`, '--plain-http'], { env })).code).toBe(0);
  expect(seen).toEqual([]);
  await new Promise((closed) => proxy.close(closed));
});

test.runIf(process.platform === 'linux').each(['/proc', '/proc/x', '/proc/x/y'])(
  'slipway registry serve says that it cannot make its folder: %s',
  async (folder) => {
    const { code, stderr } = await runCli(['registry', 'serve', '--port', '0', '--folder', folder]);
    expect(stderr).toContain(`cannot serve from the folder ${folder}: no such file or directory`);
    expect(code).toBe(1);
  },
);

test('slipway registry serve prints its address, takes a push, and ends on Ctrl-C', async () => {
  const child = startCli(['registry', 'serve', '--port', '0', '--folder', at('registry')]);
  const [chunk] = (await once(child.stdout, 'data')) as [Uint8Array];
  const url = new TextDecoder().decode(chunk).trim();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await push([at('good.tar'), `${new URL(url).host}/demo/app:v1`])).code).toBe(0);
  const listed = await fetch(`${url}/v2/demo/app/tags/list`);
  expect(await listed.json()).toEqual({ name: 'demo/app', tags: ['v1'] });
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
});

test('slipway inspect shows a layout as JSON', async () => {
  const { code, stdout } = await runCli(['inspect', at('layout'), '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    kind: 'oci-layout',
    items: [{ kind: 'image', names: ['v1'], platform: 'linux/amd64', layers: [{ compression: 'gzip' }] }],
  });
});

test('the program can be run from any folder, by its own name', async () => {
  const { code, stdout } = await runCli(['--help'], { folder: '/' });
  expect(code).toBe(0);
  expect(stdout).toContain('Usage: slipway');
});

/** One line that says what went wrong, perhaps a hint, and never a stack trace. */
function expectFailure({ code, stdout, stderr, lines }: CliResult, expected: number): void {
  expect(code, stderr).toBe(expected);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(
    lines.filter((line) => line.startsWith('slipway: ')),
    stderr,
  ).toHaveLength(1);
  const hints = lines.filter((line) => line.startsWith('  hint: '));
  expect(hints.length, stderr).toBeLessThanOrEqual(1);
  if (hints.length === 1) expect(lines.at(-1)).toBe(hints[0]);
}

async function push(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  return await runCli(['push', ...args, '--progress', 'plain'], {
    ...options,
    env: { SLIPWAY_DATA_DIR: at('data'), ...options?.env },
  });
}
