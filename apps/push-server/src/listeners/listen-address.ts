import { isIP } from 'node:net';
import { posix } from 'node:path';
import { ServerError } from '../errors.ts';

/** Where a listener waits. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** A named pipe of Windows: `//./pipe/slipway`. */
  | { readonly kind: 'pipe'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A socket that systemd opened; without a descriptor, all of them. */
  | { readonly kind: 'fd'; readonly descriptor: number | undefined };

/**
 * Reads `unix:///run/slipway.sock`, `tcp://127.0.0.1:2375`, `fd://` or `fd://3`, as `dockerd -H` takes them; on Windows
 * `npipe:////./pipe/slipway` in place of unix.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG`
 */
export function parseListenAddress(text: string, platform: NodeJS.Platform = process.platform): ListenAddress {
  const wrong = (why: string): ServerError =>
    new ServerError('ERR_SERVER_CONFIG', `${JSON.stringify(text)} is no address to listen on: ${why}`);
  if (text.startsWith('npipe://')) {
    if (platform !== 'win32') throw wrong('only Windows has named pipes');
    const path = text.slice('npipe://'.length).replaceAll('\\', '/');
    if (!/^\/\/\.\/pipe\/[^/\0]{1,200}$/.test(path)) throw wrong('expected npipe:////./pipe/NAME');
    return { kind: 'pipe', path };
  }
  if (text.startsWith('unix://')) {
    if (platform === 'win32') throw wrong('Windows has named pipes instead: npipe:////./pipe/slipway');
    const path = text.slice('unix://'.length);
    if (!posix.isAbsolute(path) || path.includes('\0')) throw wrong('the path of the socket has to be absolute');
    if (Buffer.byteLength(path) > 107) throw wrong('the path of a socket has at most 107 bytes');
    return { kind: 'unix', path };
  }
  const [isInherited, descriptor = ''] = /^fd:\/\/(\d{0,4})$/.exec(text) ?? [];
  if (isInherited !== undefined) {
    if (descriptor !== '' && Number(descriptor) < 3) throw wrong('descriptors of systemd begin with 3');
    return { kind: 'fd', descriptor: descriptor === '' ? undefined : Number(descriptor) };
  }
  const [, host = '', digits = ''] = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^/:@?#\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  if (host === '' || !(port <= 65_535)) throw wrong('expected unix://PATH, tcp://HOST:PORT or fd://');
  return { kind: 'tcp', host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

/** The text that stands for an address. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  if (address.kind === 'pipe') return `npipe://${address.path}`;
  if (address.kind === 'fd') return `fd://${address.descriptor ?? ''}`;
  return `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether only this machine can reach an address. A name other than `localhost` may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
