import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, program, runProgram } from './run-cli.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'unwritable', layers: [{ size: 20_000, kind: 'random' }] });
  await writeDockerArchive(join(folder.path, 'image.tar'), [{ image, references: ['demo/app:v1'] }], { layout: 'old' });
  const loaded = await inFolder('load image.tar', '');
  expect(loaded.code, loaded.stderr).toBe(0);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

// A device that refuses every byte, as a disk does that is full.
describe.skipIf(!existsSync('/dev/full'))('output that cannot be written', () => {
  test.each([['plain'], ['json'], ['none']])(
    'standard error, %s progress: costs words, not the push',
    async (progress) => {
      await using registry = await startRegistry();
      const result = await push(registry.host, ['--progress', progress, '--verbose'], '2>/dev/full');
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout).toMatch(/^127\.0\.0\.1:\d+\/demo\/app@sha256:[0-9a-f]{64}\n$/);
      expect(registry.tags('demo/app')).toEqual(['1']);
    },
  );

  test.each([
    ['a line', []],
    ['JSON', ['--json']],
  ])('standard output, %s: the push is told as done, with its digest', async (_, options) => {
    await using registry = await startRegistry();
    const { code, stderr } = await push(registry.host, options, '>/dev/full');
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(
      /^slipway: the image was pushed, but the result cannot be written to standard output: .*ENOSPC.*\n {2}hint: it is 127\.0\.0\.1:\d+\/demo\/app@sha256:[0-9a-f]{64}$/m,
    );
    expect(registry.tags('demo/app')).toEqual(['1']);
  });

  test('both: the exit code is all that is left', async () => {
    await using registry = await startRegistry();
    expect(await push(registry.host, [], '>/dev/full 2>&1')).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(registry.tags('demo/app')).toEqual(['1']);
  });

  test('a file of digests is written before standard output is tried', async () => {
    await using registry = await startRegistry();
    const file = join(folder.path, 'digests');
    await push(registry.host, ['--digest-file', file], '>/dev/full');
    expect(existsSync(file)).toBe(true);
  });

  test('a failure keeps its own exit code', async () => {
    const { code, stderr } = await push('127.0.0.1:1', ['--json', '--retries', '0'], '>/dev/full');
    expect(code, stderr).toBe(5);
  });

  test.each([
    ['--help'],
    ['help job submit'],
    ['--version'],
    ['--version --verbose'],
    ['--version --licenses'],
    ['doctor'],
    ['completion bash'],
    ['completion fish'],
    ['inspect image.tar'],
    ['inspect image.tar --json'],
    ['images'],
    ['save demo/app:v1'],
    ['registry serve --port 0'],
  ])('slipway %s says so', async (args) => {
    const { code, stderr } = await inFolder(args, '>/dev/full');
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(
      /^slipway: standard output cannot be written: .*ENOSPC.*\n {2}hint: check where standard output leads$/m,
    );
    expect(stderr).not.toMatch(/TMPDIR|^ {4}at /m);
    // Where that cannot be told either.
    expect(await inFolder(args, '>/dev/full 2>&1')).toMatchObject({ code: 1, stdout: '', stderr: '' });
  });
});

test.each([
  ['a folder that is not there', 'none/digests', 'ENOENT: no such file or directory'],
  ['a file where its folder should be', 'image.tar/digests', 'ENOTDIR: not a directory'],
  ['a folder of that name', '', 'EISDIR: illegal operation on a directory'],
])('a --digest-file in %s is told before anything is sent', async (_name, path, reason) => {
  await using registry = await startRegistry();
  const file = join(folder.path, path);
  const { code, stdout, stderr } = await push(registry.host, ['--digest-file', file], '');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`slipway: --digest-file cannot be written: ${reason}, ${JSON.stringify(file)}`);
  expect(registry.requests).toEqual([]);
});

test.skipIf(!existsSync('/dev/full'))('a --digest-file that fails in the end does not cost the result', async () => {
  await using registry = await startRegistry();
  const { code, stdout, stderr } = await push(registry.host, ['--digest-file', '/dev/full', '--quiet'], '');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^127\.0\.0\.1:\d+\/demo\/app@sha256:[0-9a-f]{64}\n$/);
  expect(stderr).toContain('the image was pushed, but --digest-file cannot be written: ENOSPC');
});

test('a reader that goes away ends the talk, not the push', async () => {
  await using registry = await startRegistry();
  const { code, stderr } = await push(registry.host, [], '| true; exit $PIPESTATUS');
  expect(code, stderr).toBe(0);
  expect(registry.tags('demo/app')).toEqual(['1']);
});

test.each([
  ['save demo/app:v1', '| head -c 10'],
  ['save demo/app:v1', '| true'],
  ['--version --licenses', '| head -c 10'],
  ['--version', '| true'],
  ['help push', '| true'],
  ['completion zsh', '| head -n 1'],
  ['inspect image.tar --json', '| head -n 1'],
])('slipway %s %s: a reader that has seen enough is no failure', async (args, reader) => {
  const { code, stderr } = await inFolder(args, `${reader}; exit $PIPESTATUS`);
  expect([code, stderr]).toEqual([0, '']);
});

async function inFolder(args: string, redirection: string): Promise<CliResult> {
  const env = { ...environment(), SLIPWAY_DATA_DIR: join(folder.path, 'data') };
  return await runProgram(shell(args, redirection), { env, folder: folder.path });
}

async function push(host: string, options: readonly string[], redirection: string): Promise<CliResult> {
  const args = ['push', join(folder.path, 'image.tar'), `${host}/demo/app:1`, '--no-cache', ...options];
  return await runProgram(shell(args.map((arg) => `'${arg}'`).join(' '), redirection), { env: environment() });
}

function shell(args: string, redirection: string): readonly string[] {
  return ['bash', '-c', `${program.map((part) => `'${part}'`).join(' ')} ${args} ${redirection}`];
}

function environment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: folder.path };
}
