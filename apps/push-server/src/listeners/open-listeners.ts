import { once } from 'node:events';
import { chmod, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { systemReason } from '@slipway/client/program';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import { ServerError } from '../errors.ts';
import type { TokenStore } from '../security/token-store.ts';
import type { RequestHandler } from '../server.ts';
import { checkSocketPlace } from './check-listeners.ts';
import { inheritedSockets } from './inherited-sockets.ts';
import { formatListenAddress, isLoopback, type ListenAddress, parseListenAddress } from './listen-address.ts';
import type { ListenerGuard } from './listener-guard.ts';
import { readTlsMaterial, type TlsMaterial } from './tls-material.ts';

/** The open listeners. Leaving scope closes them and every connection at once. */
export interface Listeners extends AsyncDisposable {
  /** Where they listen, with the ports that were chosen: `unix:///run/slipway.sock`, `tcp://127.0.0.1:41235`. */
  readonly addresses: readonly string[];
  /** Takes no further connections and ends the idle ones. */
  stopAccepting(): void;
  /** Reads the certificates anew, for connections from now on. @throws {ServerError} the old ones stay then */
  reload(config: ServerConfig): Promise<void>;
}

export interface OpenListenersOptions {
  readonly config: ServerConfig;
  readonly handler: RequestHandler;
  readonly tokens: TokenStore;
  /** Of the environment, where systemd says which sockets it hands in. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

const maxHeaderBytes = 64 * 1024; // identity tokens come in a header
const headersTimeoutMs = 15_000;
const backlog = 4_096; // the system's own limit is below that on some machines, and then holds

/**
 * Opens every listener that the configuration names, or none.
 *
 * @throws {ServerError} `ERR_SERVER_LISTEN`; `ERR_SERVER_CONFIG` for one that others can reach and nothing guards
 */
export async function openListeners(options: OpenListenersOptions): Promise<Listeners> {
  const servers: { readonly server: Server; readonly address: ListenAddress }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(
      servers.map(async ({ server }) => {
        const closed = once(server, 'close');
        server.close(); // removes the socket's file, too
        server.closeAllConnections();
        await closed;
      }),
    );
  };
  try {
    for (const address of options.config.hosts.flatMap((text) => placesOf(text, options))) {
      servers.push({ server: await openListener(address, options), address });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses: servers.map(({ server, address }) => addressText(server, address)),
    stopAccepting() {
      for (const { server } of servers) {
        server.close();
        server.closeIdleConnections();
      }
    },
    async reload(config) {
      const material = await readTlsMaterial(config);
      assertUsable(material);
      for (const { server } of servers) if (server instanceof TlsServer) server.setSecureContext(tlsOptions(material));
    },
    [Symbol.asyncDispose]: close,
  };
}

/** `fd://` is as many listeners as systemd handed sockets in. */
function placesOf(text: string, { variables }: OpenListenersOptions): readonly ListenAddress[] {
  const address = parseListenAddress(text);
  if (address.kind !== 'fd') return [address];
  const descriptors = inheritedSockets({ variables, pid: process.pid });
  if (address.descriptor === undefined) return descriptors.map((descriptor) => ({ kind: 'fd', descriptor }));
  if (descriptors.includes(address.descriptor)) return [address];
  throw new ServerError(
    'ERR_SERVER_LISTEN',
    `systemd hands in ${descriptors.map((each) => `fd://${each}`).join(', ')}, and no ${text}`,
  );
}

async function openListener(address: ListenAddress, options: OpenListenersOptions): Promise<Server> {
  const { config, handler, log } = options;
  const guard = await guardOf(address, options);
  const server = await createHttpServer(guard, config, (request, response) => handler.handle(request, response, guard));
  server.maxConnections = config.maxConnections;
  endHalfOpenRequests(server, config.idleTimeoutMs);
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  // Between bind and chmod nobody else may connect.
  const umask = address.kind === 'unix' ? process.umask(0o177) : undefined;
  try {
    const listening = once(server, 'listening');
    server.listen({ ...placeOf(address), backlog });
    await listening;
  } catch (error) {
    throw new ServerError(
      'ERR_SERVER_LISTEN',
      `Cannot listen on ${formatListenAddress(address)}: ${systemReason(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
  server.on('error', (error) => log.error({ err: error }, 'a listener failed')); // before, the start tells it
  if (address.kind === 'unix') await chmod(address.path, config.socketMode);
  if (address.kind === 'fd') await assertUnix(server, address);
  return server;
}

function placeOf(address: ListenAddress): { path: string } | { fd: number } | { host: string; port: number } {
  if (address.kind === 'unix' || address.kind === 'pipe') return { path: address.path };
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  if (address.descriptor === undefined) throw new Error('unreachable: all descriptors are listed');
  return { fd: address.descriptor };
}

/** Sockets of systemd are guarded by the mode of their file: one that has none is not served. */
async function assertUnix(server: Server, address: ListenAddress): Promise<void> {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return;
  server.close();
  throw new ServerError('ERR_SERVER_LISTEN', `${formatListenAddress(address)} is no unix socket`, {
    hint: 'slipwayd opens TCP listeners itself: --host tcp://HOST:PORT',
  });
}

async function guardOf(address: ListenAddress, { config, tokens, log }: OpenListenersOptions): Promise<ListenerGuard> {
  // A pipe that Node makes can be written to by its owner and by administrators.
  if (address.kind !== 'tcp') return { kind: 'unix' };
  const guard: ListenerGuard = {
    kind: 'tcp',
    isLoopback: isLoopback(address.host),
    isTls: config.tlsCert !== undefined,
    clientCertificates: config.tlsCa !== undefined,
  };
  if (guard.isLoopback || guard.clientCertificates) return guard;
  if (config.oidcIssuer === undefined && (await tokens.list()).length === 0) {
    throw new ServerError(
      'ERR_SERVER_CONFIG',
      `${formatListenAddress(address)} can be reached by others, and nothing guards it`,
      {
        hint:
          'configure --tls-cert, --tls-key and --tls-ca, or --oidc-issuer, or make a token with ' +
          '`slipwayd token create`',
      },
    );
  }
  if (!guard.isTls) log.warn(`${formatListenAddress(address)} has no TLS: tokens pass the network as they are`);
  return guard;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function createHttpServer(guard: ListenerGuard, config: ServerConfig, handle: Handle): Promise<Server> {
  const options: ServerOptions = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: 0, // a large archive takes its time; silence is what is limited
    connectionsCheckingInterval: 5_000,
    keepAliveTimeout: 10_000,
    requireHostHeader: false, // HTTP/1.1 clients on sockets have left it out
  };
  if (guard.kind === 'unix' || !guard.isTls) return createServer(options, handle);
  const material = await readTlsMaterial(config);
  assertUsable(material);
  // Who has no certificate may still have a token; `authenticate` looks whether the certificate was accepted.
  const mutual = material.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  return createTlsServer({ ...options, ...tlsOptions(material), ...mutual, handshakeTimeout: 10_000 }, handle);
}

function tlsOptions({ cert, key, ca }: TlsMaterial): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) };
}

/** @throws {ServerError} `ERR_SERVER_CONFIG` */
function assertUsable(material: TlsMaterial): void {
  try {
    createSecureContext(tlsOptions(material));
  } catch (error) {
    throw new ServerError('ERR_SERVER_CONFIG', `The TLS material cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Ends connections on which nothing comes although a request has begun and is not complete, or none ever began. */
function endHalfOpenRequests(server: Server, idleTimeoutMs: number): void {
  const current = new WeakMap<Socket, IncomingMessage>();
  server.prependListener('request', (request: IncomingMessage) => current.set(request.socket, request));
  server.setTimeout(idleTimeoutMs, (socket: Socket) => {
    const request = current.get(socket);
    // A paused request waits for us, not for its client.
    if (request === undefined || (!request.complete && !request.isPaused())) socket.destroy();
  });
}

/** A socket that a dead daemon left is removed; that of a living one, and what is no socket at all, is not touched. */
async function removeStaleSocket(path: string): Promise<void> {
  const isThere = await checkSocketPlace(path).catch((cause: Error) => {
    throw new ServerError('ERR_SERVER_LISTEN', `Cannot listen on unix://${path}: ${cause.message}`, { cause });
  });
  if (!isThere) return;
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch {
    await unlink(path);
    return;
  } finally {
    socket.destroy();
  }
  throw new ServerError('ERR_SERVER_LISTEN', `Another daemon listens on ${path}`);
}

function addressText(server: Server, address: ListenAddress): string {
  const bound = server.address();
  if (address.kind !== 'tcp' || bound === null || typeof bound === 'string') return formatListenAddress(address);
  return formatListenAddress({ ...address, port: bound.port });
}
