import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** What npm puts on PATH as `slipway`. */
export const script: string = fileURLToPath(new URL('../bin/slipway.cjs', import.meta.url));
/** The executable that is tested in place of Node and the script, if there is one. */
export const executable: string | undefined = process.env['SLIPWAY_TEST_EXECUTABLE'] || undefined;
/** How the program is called. */
export const program: readonly [command: string, ...args: string[]] =
  executable === undefined ? [process.execPath, script] : [executable];
const bundle = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));

/** Where the program keeps what V8 compiled of it: with the test results, which are removed before each run. */
const cacheFolder = fileURLToPath(new URL('../node_modules/.slipway-test', import.meta.url));
/** For runs that name no other; nobody can write there, so that nothing is left behind. */
const dataFolder = '/dev/null/slipway';

export interface CliOptions {
  /** Environment beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** @default nothing */
  readonly input?: string | Uint8Array | Readable | undefined;
  readonly folder?: string | undefined;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of standard error. */
  readonly lines: readonly string[];
}

/** Starts the built program in an environment of its own. */
export function startCli(
  args: readonly string[],
  { env = {}, folder }: CliOptions = {},
): ChildProcessByStdio<Writable, Readable, Readable> {
  if (executable === undefined && !existsSync(bundle))
    throw new Error('Expected dist/cli.cjs to be built: run `pnpm --filter slipway build`');
  const [command, ...first] = program;
  return spawn(command, [...first, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], SLIPWAY_DATA_DIR: dataFolder, XDG_CACHE_HOME: cacheFolder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the built program to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await resultOf(startCli(args, options), options);
}

/** Starts any program, in exactly this environment. */
export function startProgram(
  [command = '', ...args]: readonly string[],
  { env, folder }: CliOptions = {},
): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn(command, args, { cwd: folder, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs any program to its end, in exactly this environment. */
export async function runProgram(command: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await resultOf(startProgram(command, options), options);
}

async function resultOf(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  options: CliOptions,
): Promise<CliResult> {
  child.stdin.on('error', () => {}); // a program that refuses its input closes it
  const { input = '' } = options;
  if (typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input);
  else input.pipe(child.stdin);
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  // Such as one that no worker thread starts: the push succeeds, three times as slow.
  if (/^\(node:\d+\)/m.test(stderr)) throw new Error(`Expected no warning of the process, got:\n${stderr}`);
  if (code === null) throw new Error(`slipway was ended by ${signal}: ${stderr}`);
  return { code, stdout, stderr, lines: stderr.split('\n').filter(Boolean) };
}
