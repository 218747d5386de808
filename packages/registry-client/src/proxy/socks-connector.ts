import type { buildConnector } from 'undici/index.js';
import type { DispatcherOptions } from '../options.ts';
import { ProxyError } from './errors.ts';
import { proxyName } from './proxy-for.ts';

/** Connects through a SOCKS5 proxy, which is given names as they are and resolves them itself. */
export function createSocksConnector(proxy: URL, { connectTimeoutMs }: DispatcherOptions): buildConnector.connector {
  return (target, callback) => {
    connectBy(proxy, target, connectTimeoutMs).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}

type Socket = import('node:net').Socket;

async function connectBy(proxy: URL, { hostname, port }: buildConnector.Options, timeout: number): Promise<Socket> {
  const { SocksClient } = await import('socks'); // few have such a proxy
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const destination = { host, port: Number(port) };
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      destination,
      timeout,
      set_tcp_nodelay: true,
      proxy: {
        type: 5,
        host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: Number(proxy.port || '1080'),
        ...(proxy.username !== '' && {
          userId: decodeURIComponent(proxy.username),
          password: decodeURIComponent(proxy.password),
        }),
      },
    });
    return socket.setKeepAlive(true, 60_000);
  } catch (error) {
    throw explained(error, proxy, `${hostname}:${port}`);
  }
}

/** The replies of RFC 1928, section 6, that say what the system would have said of a direct connection. */
const systemCodes: ReadonlyMap<string, string> = new Map([
  ['NetworkUnreachable', 'ENETUNREACH'],
  ['HostUnreachable', 'EHOSTUNREACH'],
  ['ConnectionRefused', 'ECONNREFUSED'],
  ['TTLExpired', 'ETIMEDOUT'],
]);

/** The library's own errors hold the proxy's password: they are no cause of others. */
function explained(error: unknown, proxy: URL, target: string): Error {
  const said = error instanceof Error ? error.message : String(error);
  const name = proxyName(proxy);
  if (/authentication|Socks5 Authentication failed|no accepted authentication type/i.test(said)) {
    return new ProxyError('ERR_PROXY_REFUSED', `the proxy ${name} wants another user name or password`);
  }
  const reply = /rejected connection - (\w+)/.exec(said)?.[1];
  if (reply !== undefined) {
    // The library has no name for a reply that RFC 1928 does not have.
    const why = reply === 'undefined' ? 'it answered with a code that SOCKS does not have' : reply;
    const message = `the proxy ${name} cannot connect to ${target} (${why})`;
    const code = systemCodes.get(reply);
    return code === undefined
      ? new ProxyError('ERR_PROXY_REFUSED', message)
      : Object.assign(new Error(message), { code });
  }
  const code = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/.exec(said)?.[1]; // the library keeps the system's words, and not its code
  const isLate = /timed out/i.test(said);
  return Object.assign(new Error(`${said} (by way of the proxy ${name})`), {
    code: isLate ? 'UND_ERR_CONNECT_TIMEOUT' : code,
  });
}
