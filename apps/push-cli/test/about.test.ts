import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { executable, runCli } from './run-cli.ts';

test('--version is the version, with -V too', async () => {
  for (const flag of ['--version', '-V']) expect((await runCli([flag])).stdout).toBe(`${manifest.version}\n`);
});

test.each([[['--version', '--verbose']], [['--verbose', '-V']]])(
  '%j also tells the runtime, its undici and the platform',
  async (args) => {
    const { code, stdout } = await runCli(args);
    const runtime =
      executable === undefined ? `Node.js ${process.versions.node}` : 'Bun \\d+\\.\\d+\\.\\d+, in this executable';
    const platform = `${process.platform}/${process.arch}`;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^slipway ${manifest.version}\nruntime {3}${runtime}\nundici {4}\\d+\\.\\d+\\.\\d+\nplatform {2}${platform}\n$`,
      ),
    );
  },
);

test('--version --licenses prints the licence of everything that is bundled', async () => {
  const { code, stdout } = await runCli(['--version', '--licenses']);
  expect(code).toBe(0);
  const bundled = ['commander', 'fflate', 'fzstd', 'ipaddr.js', 'jose', 'socks', 'tar', 'undici', 'xz-decompress'];
  for (const name of bundled)
    expect(stdout).toMatch(new RegExp(`^-{80}\n\n${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)\n\n.*\\S`, 'm'));
  expect(stdout.match(/Permission is hereby granted/g)?.length).toBeGreaterThanOrEqual(bundled.length - 1);
  expect(/^Bun \d+\.\d+\.\d+ \(MIT/m.test(stdout)).toBe(executable !== undefined);
});

test('--version with anything else is told as any wrong use', async () => {
  const { code, stderr } = await runCli(['--licenses']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--licenses')]);
});

describe('the program is changed by nothing that is meant for the runtime inside an executable', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slipway-foreign-'));
    await writeFile(join(folder, 'loud.js'), 'console.log("LOADED"); process.exit(9);');
    await writeFile(join(folder, '.env'), 'SLIPWAY_DATA_DIR=/from/dotenv\nHTTPS_PROXY=http://127.0.0.1:1\n');
    await writeFile(join(folder, '.env.local'), 'SLIPWAY_DATA_DIR=/from/dotenv\n');
    await writeFile(join(folder, 'bunfig.toml'), 'preload = ["./loud.js"]\n');
    await writeFile(join(folder, 'tsconfig.json'), '{ not json');
    await writeFile(join(folder, 'package.json'), '{ not json');
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['files of the working folder', {}],
    ['BUN_OPTIONS', { BUN_OPTIONS: '--preload ./loud.js' }],
    ['BUN_BE_BUN', { BUN_BE_BUN: '1' }],
    ['BUN_INSPECT', { BUN_INSPECT: 'ws://127.0.0.1:1/?break=1', BUN_INSPECT_PRELOAD: './loud.js' }],
    // On Node itself its user means it.
    ...(executable === undefined ? [] : [['NODE_OPTIONS', { NODE_OPTIONS: '--require ./loud.js' }] as const]),
  ] as const)('%s', async (_, env) => {
    const version = await runCli(['--version'], { folder, env });
    expect(version).toMatchObject({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const { stdout } = await runCli(['doctor', '--json'], {
      folder,
      env: { HOME: folder, SLIPWAY_DATA_DIR: '/dev/null/x', ...env },
    });
    expect(stdout).not.toMatch(/from\/dotenv|127\.0\.0\.1:1|LOADED/);
  });
});
