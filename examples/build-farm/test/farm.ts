import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type EmbeddedRegistry, startRegistry, type TemporaryFolder, temporaryFolder } from '@slipway/testkit';

const daemonProgram = fileURLToPath(import.meta.resolve('@slipway/server/package.json')).replace(
  'package.json',
  'bin/slipwayd.cjs',
);
const clientProgram = fileURLToPath(import.meta.resolve('slipway/package.json')).replace(
  'package.json',
  'bin/slipway.cjs',
);

/** What a run of the client printed. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A client that runs. */
export interface RunningClient {
  readonly ended: Promise<Run>;
  interrupt(): void;
  /** Resolves once it has printed that on standard error. */
  printed(part: string): Promise<void>;
}

/** A daemon, its client, and a registry. Leaving scope ends all of them. */
export interface Farm extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly registry: EmbeddedRegistry;
  readonly host: string;
  client(...args: readonly string[]): Promise<Run>;
  startClient(...args: readonly string[]): RunningClient;
  /** Ends the daemon at once, as a power cut would. */
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
}

export async function openFarm(): Promise<Farm> {
  const folder = await temporaryFolder();
  const registry = await startRegistry();
  const socket = join(folder.path, 'd.sock');
  const host = `unix://${socket}`;
  const env = { PATH: process.env['PATH'], HOME: folder.path, SLIPWAY_DATA_DIR: join(folder.path, 'client') };
  let daemon: ChildProcess | undefined;
  const startClient = (...args: readonly string[]): RunningClient => {
    const child = spawn(process.execPath, [clientProgram, ...args], { env: { ...env, SLIPWAY_HOST: host } });
    let stderr = '';
    const waiting = new Set<() => void>();
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      stderr += piece;
      for (const look of waiting) look();
    });
    child.stdin.end();
    const closed = once(child, 'close') as Promise<[code: number | null]>;
    return {
      ended: Promise.all([text(child.stdout), closed]).then(([stdout, [code]]) => ({ code, stdout, stderr })),
      interrupt: () => child.kill('SIGINT'),
      async printed(part) {
        await new Promise<void>((resolve, reject) => {
          const look = (): void => {
            if (!stderr.includes(part)) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
          closed.then(() => reject(new Error(`the client ended without printing ${part}:\n${stderr}`)), reject);
        });
      },
    };
  };
  const killDaemon = async (): Promise<void> => {
    const closed = daemon === undefined ? undefined : once(daemon, 'close');
    daemon?.kill('SIGKILL');
    await closed;
    daemon = undefined;
  };
  const startDaemon = async (): Promise<void> => {
    const args = ['--host', host, '--data-dir', join(folder.path, 'data')];
    const child = spawn(process.execPath, [daemonProgram, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    daemon = child;
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      log += piece;
    });
    while (!(await isListening(socket))) {
      if (child.exitCode !== null) throw new Error(`slipwayd ended:\n${log}`);
      await wait(20);
    }
  };
  await startDaemon();
  return {
    folder,
    registry,
    host,
    client: (...args) => startClient(...args).ended,
    startClient,
    killDaemon,
    startDaemon,
    async [Symbol.asyncDispose]() {
      await killDaemon();
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function isListening(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
