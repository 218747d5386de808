import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TemporaryFolder, temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { startTestDaemon } from '../daemon-fixture.ts';
import { program } from '../program.ts';

const [command, ...first] = program;
const timeout = 120_000;

test('health ends with 0 where the daemon answers, and says what is wrong where it does not', { timeout }, async () => {
  await using server = await startTestDaemon();
  const at = (...args: readonly string[]) => slipwayd([...args, '--at', `unix://${server.socket}`]);
  expect(await at('health')).toEqual({ code: 0, stdout: 'ok\n', stderr: '' });
  const away = await slipwayd(['--host', 'unix:///nonexistent/s.sock', 'health']);
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^slipwayd: unix:\/\/\/nonexistent\/s\.sock: .*ENOENT/);
  expect((await slipwayd(['health', '--at', 'here'])).code).toBe(2);
  const tcp = await slipwayd(['--host', `tcp://127.0.0.1:${server.port}`, 'health', '--ready']);
  expect(tcp).toEqual({ code: 0, stdout: 'ok\n', stderr: '' });
});

test('--ready says what keeps the daemon from working', { timeout }, async () => {
  await using server = await startTestDaemon({ minFree: Number.MAX_SAFE_INTEGER });
  const { code, stderr } = await slipwayd(['health', '--ready', '--at', `unix://${server.socket}`]);
  expect([code, stderr]).toEqual([1, `slipwayd: unix://${server.socket}: the disk is full\n`]);
});

test('serves the socket that systemd hands in, and leaves it in its place', { timeout }, async () => {
  await using folder = await temporaryFolder();
  await using socket = await listeningSocket(folder);
  await using daemon = await start(folder, { socket: socket.server });
  await socket.letGo();
  expect(daemon.log()).toContain('"fd://3"');
  expect((await slipwayd(['health', '--at', `unix://${socket.path}`])).stdout).toBe('ok\n');
  await daemon.stop();
  expect(daemon.log()).toContain('slipwayd has stopped');
  expect((await stat(socket.path)).isSocket()).toBe(true);
});

test('fd:// without a socket of systemd is told, and so is one of TCP', { timeout }, async () => {
  await using folder = await temporaryFolder();
  const alone = await slipwayd(['--host', 'fd://', '--data-dir', join(folder.path, 'alone')]);
  expect(alone.code).toBe(1);
  expect(alone.stderr).toContain(
    'fd:// is for sockets that systemd hands in, and there are none\n  hint: start slipwayd.socket',
  );
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using daemon = await start(folder, { socket: server });
  await daemon.closed;
  expect(daemon.log()).toContain('fd://3 is no unix socket');
  server.close();
});

test('systemd is told when the daemon listens, and when it stops', { timeout }, async () => {
  await using folder = await temporaryFolder();
  await using socket = await listeningSocket(folder);
  const told = join(folder.path, 'told');
  // In the place of systemd's own program, which needs a systemd that listens.
  const bin = join(folder.path, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'systemd-notify'), `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$@" >> '${told}'\n`);
  await chmod(join(bin, 'systemd-notify'), 0o755);
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', PATH: `${bin}:${process.env['PATH']}` };
  await using daemon = await start(folder, { socket: socket.server, env });
  await expect.poll(() => readFile(told, 'utf8').catch(() => ''), { timeout: 60_000 }).toContain('READY=1');
  await daemon.stop();
  expect(await readFile(told, 'utf8')).toBe(
    '/run/systemd/notify|READY=1|STATUS=Listens on fd://3|/run/systemd/notify|STOPPING=1|',
  );
});

interface StartOptions {
  readonly socket: Server;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the program as systemd does: with the socket as descriptor 3, and with its own number in `LISTEN_PID`. */
async function start(folder: TemporaryFolder, { socket, env = {} }: StartOptions) {
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const args = ['--host', 'fd://', '--data-dir', join(folder.path, 'data'), '--shutdown-timeout', '1s'];
  const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', command, ...first, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { HOME: folder.path, PATH: process.env['PATH'], LISTEN_FDS: '1', ...env },
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  const closed = once(child, 'close');
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  await expect.poll(() => isClosed || log.includes('slipwayd listens'), { timeout: 60_000 }).toBe(true);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await closed;
  };
  return {
    closed,
    log: () => log,
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  };
}

/** A socket that no process accepts connections of once it is handed on and `letGo` was called. */
async function listeningSocket(folder: TemporaryFolder) {
  const own = join(folder.path, 'own.sock');
  const path = join(folder.path, 's.sock');
  const server = createServer().listen(own);
  await once(server, 'listening');
  // Closing the server takes its own name away: this one stays.
  await link(own, path);
  return {
    path,
    server,
    letGo: () => new Promise((resolve) => server.close(resolve)),
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

async function slipwayd(args: readonly string[]) {
  const child = spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
}
