import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readdir, unlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { makeFolder } from '@slipway/file-lock';
import { ServerError } from '../../errors.ts';

/** The right to work in a data folder. Leaving scope gives it back, and lets in whoever waits for it. */
export interface FolderLock extends AsyncDisposable {
  /** Says that the folder will be free soon: a daemon that starts now waits for it rather than to give up. */
  leaving(): void;
}

export interface FolderLockOptions {
  readonly folder: string;
  /** Others of this kind may work in the folder as well: they share a Redis. */
  readonly isShared: boolean;
  /** How long a daemon that is about to leave is waited for. */
  readonly waitMs: number;
  /** Told once when another daemon is waited for. */
  readonly onWait?: (() => void) | undefined;
  /** The path of a pipe, where Node has no sockets in folders. @default on Windows `\\\\.\\pipe\\slipway-NAME` */
  readonly pipeOf?: ((name: string) => string) | undefined;
}

const windowsPipe = (name: string): string => `\\\\.\\pipe\\slipway-${name}`;

/** What the holder of a lock says to whoever asks. */
interface Holder {
  readonly pid: number;
  readonly isShared: boolean;
  readonly isLeaving: boolean;
  /** It has the lock, and does not only ask for it. */
  readonly isHolding: boolean;
  /** Its place among those that ask: higher than those of all whom it saw when it came. 0 while it looks for one. */
  readonly ticket: number;
}

/** A daemon that holds the lock or asks for it. Of two with the same ticket, the name decides. */
interface Claimant extends Holder {
  readonly name: string;
}

/**
 * Locks a data folder by a socket that somebody listens on: the system ends that with the process, however it ends, and
 * it is seen from every container that has the folder. Everybody first listens under a name of his own, then draws a
 * ticket higher than all that the others have, then waits for those that still draw, and gives way to those before him
 * (Lamport's bakery). A name alone would not do: one that comes first by name, but has come last, would not know that
 * the other has looked already and did not see it. On Windows it is a pipe, which ends with its process too, and of
 * which an empty file in the folder tells.
 *
 * @throws {ServerError} `ERR_SERVER_FOLDER_IN_USE`
 */
export async function lockFolder({
  folder,
  isShared,
  waitMs,
  onWait,
  pipeOf = process.platform === 'win32' ? windowsPipe : undefined,
}: FolderLockOptions): Promise<FolderLock> {
  const owners = join(folder, 'owners');
  await makeFolder(owners, 0o700);
  // A socket's path has 107 bytes at most; by way of the folder's descriptor it has few.
  await using directory = process.platform === 'linux' ? await open(owners, 'r') : undefined;
  const socketOf = (name: string): string =>
    directory === undefined ? join(owners, name) : `/proc/self/fd/${directory.fd}/${name}`;
  const pathOf = pipeOf ?? socketOf;
  const own = `${randomBytes(6).toString('hex')}.sock`;
  const state = { pid: process.pid, isShared, isLeaving: false, isHolding: false, ticket: 0 };
  const presence = await announce(pathOf(own), state);
  const leave = async (): Promise<void> => {
    // A socket that is closed is taken from its folder at once, by the thread that does everything: nobody could end a
    // process that waited there for a disk that hangs. A folder that is gone has nothing to wait for.
    await readdir(owners).catch(() => {});
    await presence[Symbol.asyncDispose]();
    await removeSocket(join(owners, own));
  };
  try {
    if (pipeOf !== undefined) await writeFile(join(owners, own), '');
    state.ticket = 1 + (await highestTicket(owners, own, pathOf));
    const end = performance.now() + waitMs;
    let hasTold = false;
    for (;;) {
      using conflict = await findConflict(owners, { name: own, ...state }, pathOf);
      if (conflict === undefined) break;
      const leftMs = end - performance.now();
      // One that asks as we do either takes the lock or goes.
      if (!conflict.isLeaving && conflict.isHolding) throw inUse(folder, conflict);
      if (leftMs <= 0) throw inUse(folder, conflict);
      if (!hasTold && conflict.isLeaving) onWait?.();
      hasTold = true;
      await conflict.ended(Math.min(leftMs, conflict.isLeaving ? leftMs : 100));
    }
    state.isHolding = true;
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    leaving() {
      state.isLeaving = true;
    },
    [Symbol.asyncDispose]: leave,
  };
}

interface Conflict extends Holder, Disposable {
  /** Resolves once it is gone, or after a while. */
  ended(timeoutMs: number): Promise<void>;
}

interface Other {
  readonly claimant: Claimant;
  readonly socket: Socket;
}

/** All other daemons in the folder. The sockets of those that are gone are removed. */
async function* othersIn(owners: string, own: string, pathOf: (name: string) => string): AsyncGenerator<Other> {
  for (const name of await readdir(owners)) {
    if (name === own) continue;
    const socket = await reach(pathOf(name));
    if (socket === undefined) {
      await removeSocket(join(owners, name)); // its process is gone, and names are never used twice
      continue;
    }
    yield { claimant: { ...(await holderOf(socket)), name }, socket };
  }
}

async function highestTicket(owners: string, own: string, pathOf: (name: string) => string): Promise<number> {
  let highest = 0;
  for await (const { claimant, socket } of othersIn(owners, own, pathOf)) {
    socket.destroy();
    highest = Math.max(highest, claimant.ticket);
  }
  return highest;
}

async function findConflict(
  owners: string,
  own: Claimant,
  pathOf: (name: string) => string,
): Promise<Conflict | undefined> {
  for await (const { claimant, socket } of othersIn(owners, own.name, pathOf)) {
    if ((own.isShared && claimant.isShared) || !isBefore(claimant, own)) {
      socket.destroy();
      continue;
    }
    return {
      ...claimant,
      [Symbol.dispose]: () => void socket.destroy(),
      async ended(timeoutMs) {
        const closed = socket.destroyed ? Promise.resolve() : once(socket, 'close').then(() => {});
        const timer = setTimeout(() => socket.destroy(), timeoutMs);
        socket.resume();
        await closed;
        clearTimeout(timer);
      },
    };
  }
  return undefined;
}

/** One that still draws may have looked before we had a ticket: it is before us until it says. */
function isBefore(other: Claimant, own: Claimant): boolean {
  if (other.isHolding || other.ticket === 0) return true;
  return other.ticket < own.ticket || (other.ticket === own.ticket && other.name < own.name);
}

/** Answers each connection with the state, and keeps it until this process leaves. */
async function announce(path: string, state: Holder): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.write(`${JSON.stringify(state)}\n`);
    socket.resume();
  });
  server.listen(path);
  await once(server, 'listening');
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Another daemon may have removed it already. */
async function removeSocket(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** These errors say that the owner is gone. Others say nothing about it. */
const codesOfTheGone = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET']);

/** @returns undefined when the owner is gone; a socket that is destroyed when it could not be asked */
async function reach(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    socket.destroy();
    if (codesOfTheGone.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  }
  return socket;
}

/** One that does not speak, as it is stopped or hangs, holds the folder all the same. */
async function holderOf(socket: Socket): Promise<Holder> {
  const silent: Holder = { pid: 0, isShared: false, isLeaving: false, isHolding: true, ticket: 0 };
  if (socket.destroyed) return silent;
  return await new Promise((resolve) => {
    let line = '';
    const end = (holder: Holder): void => {
      clearTimeout(timer);
      socket.off('data', onData);
      resolve(holder);
    };
    const onData = (chunk: Buffer): void => {
      line += chunk.toString('utf8');
      if (!line.includes('\n')) return;
      try {
        end({ ...silent, ...(JSON.parse(line) as Partial<Holder>) });
      } catch {
        end(silent);
      }
    };
    const timer = setTimeout(() => end(silent), 1_000); // it is asked twice
    socket.on('data', onData);
    socket.on('error', () => {});
    socket.once('close', () => end({ ...silent, isLeaving: true })); // gone in this moment
  });
}

function inUse(folder: string, { pid }: Holder): ServerError {
  const who = pid === 0 ? 'Another daemon' : `Another daemon (process ${pid})`;
  return new ServerError('ERR_SERVER_FOLDER_IN_USE', `${who} works in ${JSON.stringify(folder)}`, {
    hint: 'stop it, give this one a --data-dir of its own, or let both share their jobs with --redis',
  });
}
