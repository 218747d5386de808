import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { program } from './run-cli.ts';

test.each<[string, readonly string[], number, string]>([
  ['push', ['push', '-', '127.0.0.1:1/a:1'], 4, 'pipe an archive in'],
  ['load', ['load'], 4, 'pipe an archive in'],
  ['inspect', ['inspect', '-'], 4, 'pipe an archive in'],
  ['login', ['login', '127.0.0.1:1', '--username', 'u', '--password-stdin'], 2, 'pipe it in'],
  ['what reads nothing', ['--version'], 0, ''],
])('a folder as standard input: %s', (_, args, code, hint) => {
  const descriptor = openSync(tmpdir(), 'r');
  const [command = '', ...before] = program;
  const { status, stderr } = spawnSync(command, [...before, ...args], {
    env: { PATH: process.env['PATH'], SLIPWAY_DATA_DIR: '/dev/null/slipway' },
    stdio: [descriptor, 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  closeSync(descriptor);
  expect([status, stderr]).toEqual([code, expect.stringContaining(hint)]);
  if (code > 0) expect(stderr).toContain('standard input is a folder');
});
