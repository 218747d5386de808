import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let stranger: Server;
let strange: string;
/** Nothing listens there. */
const nobody = 'tcp://127.0.0.1:9';
const digest = `sha256:${'1'.repeat(64)}`;

beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'json', layers: [{ size: 20_000, kind: 'random' }] });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }], { layout: 'old' });
  stranger = createServer(({ url }, answer) => {
    const isKnown = url === '/slipway/v1/jobs/known/cancel';
    answer.writeHead(isKnown ? 200 : 404, { 'content-type': isKnown ? 'application/json' : 'text/plain' });
    answer.end(isKnown ? JSON.stringify({ id: 'known', state: 'cancelled', destinations: [] }) : 'not here\n');
  });
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strange = `tcp://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => stranger.close(resolve));
  await folder[Symbol.asyncDispose]();
});

describe('a command that fails as a whole prints an object for each thing that it was asked for', () => {
  const app = { reference: 'quay.io/me/app:1', tag: '1' };
  const short = { reference: 'docker.io/library/app:latest', tag: 'latest' };
  test.each<[name: string, args: readonly string[], code: number, records: readonly object[], error: string]>([
    [
      'push: a destination that is no reference',
      ['push', 'IMAGE', 'quay.io/me/app:1', 'quay.io/Me/app', 'app'],
      2,
      [app, { reference: 'quay.io/Me/app' }, short],
      'ERR_CLIENT_DESTINATION',
    ],
    [
      'push: a tag beside --all-tags',
      ['push', 'IMAGE', 'quay.io/me/app', 'quay.io/me/app:1', '--all-tags'],
      2,
      [{ reference: 'quay.io/me/app' }, app],
      'ERR_CLIENT_DESTINATION',
    ],
    [
      'push: options that do not fit together',
      ['push', 'IMAGE', 'app', '--password-stdin'],
      2,
      [short],
      'ERR_CLI_USAGE',
    ],
    [
      'push: an option for a daemon, without one',
      ['push', 'IMAGE', 'quay.io/me/app:1', '--detach'],
      2,
      [app],
      'ERR_CLI_USAGE',
    ],
    [
      'push: no daemon there',
      ['push', 'IMAGE', 'quay.io/me/app:1', 'app', '--daemon', nobody],
      5,
      [app, short],
      'ERR_CLI_DAEMON_UNREACHABLE',
    ],
    [
      'push: a daemon that is another server',
      ['push', 'IMAGE', 'quay.io/me/app:1', '--daemon', 'STRANGE'],
      1,
      [app],
      'ERR_CLI_DAEMON_REFUSED',
    ],
    [
      'push: a daemon’s address that is none',
      ['push', 'IMAGE', 'app', '--daemon', 'ftp://farm'],
      2,
      [short],
      'ERR_CLI_USAGE',
    ],
    [
      'artifact push: tags of one repository, and a further destination',
      ['artifact', 'push', 'quay.io/me/app:1,2', 'missing.json', '--to', 'App'],
      2,
      [app, { reference: 'quay.io/me/app:2', tag: '2' }, { reference: 'App' }],
      'ERR_CLIENT_DESTINATION',
    ],
    ['artifact attach', ['artifact', 'attach', 'quay.io/me/app:1'], 2, [app], 'ERR_CLI_USAGE'],
    ['artifact list', ['artifact', 'list', 'quay.io/Me/app'], 2, [{}], 'ERR_CLIENT_DESTINATION'],
    [
      'delete: a reference without a tag',
      ['delete', 'docker://quay.io/me/app:1', 'quay.io/me/app'],
      2,
      [app, { reference: 'quay.io/me/app' }],
      'ERR_CLI_USAGE',
    ],
    ['inspect', ['inspect', 'missing.tar'], 4, [{ source: 'missing.tar' }], 'ERR_SOURCE_NOT_FOUND'],
    ['images', ['images', '--data-dir', '/dev/null/none'], 1, [{}], 'ERR_IMAGE_STORE_UNAVAILABLE'],
    ['doctor', ['doctor', 'no registry'], 2, [{}], 'ERR_CLI_USAGE'],
    ['job submit', ['job', 'submit', 'IMAGE', 'app', '--daemon', nobody], 5, [{}], 'ERR_CLI_DAEMON_UNREACHABLE'],
    ['job list', ['job', 'list', '--daemon', 'STRANGE'], 1, [{}], 'ERR_CLI_DAEMON_REFUSED'],
    ['job show', ['job', 'show', 'a1', '--daemon', nobody], 5, [{ id: 'a1' }], 'ERR_CLI_DAEMON_UNREACHABLE'],
    ['job watch', ['job', 'watch', 'a1', '--daemon', 'STRANGE'], 1, [{ id: 'a1' }], 'ERR_CLI_DAEMON_REFUSED'],
    [
      'job cancel',
      ['job', 'cancel', 'a1', 'a2', '--daemon', nobody],
      5,
      [{ id: 'a1' }, { id: 'a2' }],
      'ERR_CLI_DAEMON_UNREACHABLE',
    ],
    [
      'job cancel, without a way to a daemon',
      ['job', 'cancel', 'a1', '--daemon', 'ftp://farm'],
      2,
      [{ id: 'a1' }],
      'ERR_CLI_USAGE',
    ],
    ['job retry', ['job', 'retry', 'a1', '--daemon', 'STRANGE'], 1, [{ id: 'a1' }], 'ERR_CLI_DAEMON_REFUSED'],
    ['an argument that is missing', ['push', 'IMAGE'], 2, [{}], 'ERR_CLI_USAGE'],
    ['an option that is none', ['job', 'list', '--stat', 'failed'], 2, [{}], 'ERR_CLI_USAGE'],
  ])('%s', async (_, args, code, records, error) => {
    const result = await runJSON(args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(/^slipway: /)]);
    const failure = { code: error, message: expect.any(String) };
    expect(objectsIn(result)).toEqual(
      records.map((record) => ({ ...record, error: expect.objectContaining(failure) })),
    );
    // The same words as on standard error.
    const [{ error: told }] = objectsIn(result) as [{ error: { message: string } }];
    expect(result.stderr).toContain(told.message);
  });
});

test('what --json says on standard error and by the exit code, the command says without it too', async () => {
  const args = ['push', at('image.tar'), 'quay.io/Me/app', 'app'];
  const [plain, json] = await Promise.all([runCli(args), runCli([...args, '--json'])]);
  expect({ ...json, stdout: '' }).toEqual(plain);
});

test('a destination that fails by itself has one object, as the others have', async () => {
  await using registry = await startRegistry();
  const good = `${registry.host}/demo/app:1`;
  const result = await runJSON(['push', 'IMAGE', good, '127.0.0.1:9/demo/app:1', '--retries', '0']);
  expect(result.code, result.stderr).toBe(5);
  expect(objectsIn(result)).toMatchObject([
    { reference: good, digest: expect.any(String) },
    { reference: '127.0.0.1:9/demo/app:1', error: { code: expect.any(String) } },
  ]);
});

test('job cancel: each has its object, in the order in which they were named', async () => {
  const result = await runJSON(['job', 'cancel', 'gone', 'known', '--daemon', 'STRANGE']);
  expect([result.code, result.stderr]).toEqual([1, expect.stringMatching(/^slipway: /)]);
  expect(objectsIn(result)).toEqual([
    { id: 'gone', error: expect.objectContaining({ code: 'ERR_CLI_DAEMON_REFUSED' }) },
    { id: 'known', state: 'cancelled', destinations: [] },
  ]);
});

test.skipIf(!existsSync('/dev/full'))(
  'a command that failed after its result was printed prints nothing more',
  async () => {
    await using registry = await startRegistry();
    const args = ['push', 'IMAGE', `${registry.host}/demo/app:1`, '--digest-file', '/dev/full'];
    const result = await runJSON(args);
    expect(result.code, result.stderr).toBe(1);
    expect(objectsIn(result)).toEqual([expect.objectContaining({ digest: expect.stringMatching(/^sha256:/) })]);
  },
);

test('a command without --json says nothing on standard output, and neither does one that has none', async () => {
  for (const args of [
    ['push', 'IMAGE', 'App'],
    ['load', 'missing.tar', '--json'],
    ['push', 'IMAGE', 'App', '--', '--json'],
  ])
    expect(await run(args)).toMatchObject({ stdout: '' });
});

test('a password that was typed with a name is in no object', async () => {
  const result = await runJSON(['push', 'IMAGE', `me:se-cret-7@quay.io/me/app@${digest}`]);
  expect(result.stdout).toContain('"reference":');
  expect(result.stdout).not.toContain('se-cret-7');
});

async function runJSON(args: readonly string[]): Promise<CliResult> {
  return await run([...args, '--json']);
}

async function run(args: readonly string[]): Promise<CliResult> {
  const told = args.map((arg) => (arg === 'IMAGE' ? at('image.tar') : arg === 'STRANGE' ? strange : arg));
  return await runCli(told, { folder: folder.path });
}

function objectsIn({ stdout }: CliResult): readonly unknown[] {
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));
}

function at(name: string): string {
  return join(folder.path, name);
}
