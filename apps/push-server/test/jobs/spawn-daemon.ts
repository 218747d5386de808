import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { endWithThisProcess } from '@slipway/testkit';
import { vi } from 'vitest';
import type { TestResponse } from '../daemon-fixture.ts';
import { program } from '../program.ts';

// Each start is a program of its own: on a busy machine that alone takes seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const bundle = fileURLToPath(new URL('../../dist/cli.mjs', import.meta.url));

/** A daemon in a process of its own, which can be killed, and which ends with this process. */
export interface SpawnedDaemon extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  /** What it wrote to its log. */
  readonly log: () => string;
  request(
    method: string,
    path: string,
    options?: {
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly body?: string | Uint8Array | undefined;
    },
  ): Promise<TestResponse>;
  /** Without a chance to do anything. */
  kill(): Promise<void>;
  /** As an operator stops it. */
  stop(): Promise<void>;
  /** Once it has ended: what it ended with. */
  readonly exitCode: () => number | null;
}

/** Starts the built program and waits until it listens. */
export async function spawnDaemon(socket: string, dataDir: string, ...args: readonly string[]): Promise<SpawnedDaemon> {
  return await spawnDaemonWith({}, socket, dataDir, ...args);
}

/** The same with variables. */
export async function spawnDaemonWith(
  variables: Readonly<Record<string, string>>,
  socket: string,
  dataDir: string,
  ...args: readonly string[]
): Promise<SpawnedDaemon> {
  if (!existsSync(bundle))
    throw new Error('Expected dist/cli.mjs to be built: run `pnpm --filter @slipway/server build`');
  const [command, ...first] = program;
  const child = spawn(command, [...first, '--host', `unix://${socket}`, '--data-dir', dataDir, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { HOME: dataDir, PATH: process.env['PATH'], ...variables },
  });
  endWithThisProcess(child);
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  const exited = once(child, 'exit');
  await listening(child, exited, () => log);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await exited;
  };
  return {
    socket,
    pid: child.pid ?? 0,
    log: () => log,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    exitCode: () => child.exitCode,
    request: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ socketPath: socket, method, path, headers, agent: false }, (response) => {
          text(response).then(
            (content) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content }),
            reject,
          );
        });
        request.on('error', reject);
        request.end(body);
      }),
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  };
}

async function listening(child: ChildProcess, exited: Promise<unknown>, log: () => string): Promise<void> {
  while (!log().includes('slipwayd listens')) {
    const [ended] = await Promise.race([
      exited.then(() => [true]),
      once(child.stderr ?? child, 'data').then(() => [false]),
    ]);
    if (ended) throw new Error(`slipwayd ended: ${log()}`);
  }
}
