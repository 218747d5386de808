import { once } from 'node:events';
import { lstat, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { systemReason } from '@slipway/client/program';
import { tryFolder } from '../engine/folder/try-folder.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';

type TcpAddress = ListenAddress & { readonly kind: 'tcp' };

/**
 * Tries whether each address can be listened on, and leaves nothing behind. One that is taken is as good as a free one:
 * it may be this daemon's, as it runs.
 *
 * @throws what is wrong with the first that cannot
 */
export async function checkListeners(addresses: readonly ListenAddress[]): Promise<void> {
  for (const address of addresses) if (address.kind === 'unix') await checkSocketPlace(address.path);
  const held: { readonly server: Server; readonly address: TcpAddress }[] = [];
  try {
    for (const address of addresses) {
      if (address.kind !== 'tcp') continue;
      const server = await listen(address, held);
      if (server !== undefined) held.push({ server, address });
    }
  } finally {
    for (const { server } of held) server.close();
  }
}

/**
 * Looks whether a socket can be made at a path.
 *
 * @returns whether a socket is there already
 * @throws {Error} when something else is at the path, or its folder takes no socket
 */
export async function checkSocketPlace(path: string): Promise<boolean> {
  const folder = dirname(path);
  // A socket in a folder that is not there fails for lack of permissions, as Node tells it.
  const status = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? `the folder ${folder} is not there` : `${folder}: ${systemReason(error)}`;
    throw new Error(why, { cause: error });
  });
  if (!status.isDirectory()) throw new Error(`${folder} is no folder`);
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) throw new Error(`${path} is there, and no socket`);
  await tryFolder(folder, 0).catch((error: unknown) => {
    throw new Error(`${folder} cannot be written: ${systemReason(error)}`, { cause: error });
  });
  return found !== undefined;
}

/** @returns undefined when another process listens on the address already */
async function listen(
  address: TcpAddress,
  held: readonly { readonly address: TcpAddress }[],
): Promise<Server | undefined> {
  const { host, port } = address;
  const server = createServer((socket) => socket.destroy());
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port });
    await listening;
    return server;
  } catch (error) {
    const text = formatListenAddress(address);
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw new Error(`Cannot listen on ${text}: ${systemReason(error)}`, { cause: error });
    }
    const other = held.find((each) => each.address.port === port)?.address;
    if (other === undefined) return undefined;
    throw new Error(`${text} and ${formatListenAddress(other)} are the same`, { cause: error });
  }
}
