import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithThisProcess, type TemporaryFolder, temporaryFolder } from '@slipway/testkit';

/** Debian's redis-server on a unix socket. Leaving scope ends it, and so does the end of this process. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly folder: TemporaryFolder;
  /** Connections stay, and nothing is answered. */
  suspend(): void;
  resume(): void;
}

export async function startRedis(): Promise<RedisServer> {
  const folder = await temporaryFolder();
  const socket = join(folder.path, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', folder.path, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  endWithThisProcess(child);
  const exited = once(child, 'exit');
  for (;;) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    const client = connect(socket);
    const isUp = await once(client, 'connect').then(
      () => true,
      () => false,
    );
    client.destroy();
    if (isUp) break;
    await delay(20);
  }
  return {
    url: `unix://${socket}`,
    folder,
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}
