import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici/index.js';
import type { DispatcherOptions, TLSOptions } from '../../options.ts';
import { watchedConnector } from './connections.ts';

/** Connects straight to each host, with limits of their own for the connection and for TLS. */
export function createDirectDispatcher(options: DispatcherOptions): Dispatcher {
  return new Agent({ ...agentOptions(options), connect: watchedConnector(createConnector(options)) });
}

/** Undici's own options for what a {@link DispatcherOptions} asks. */
export function agentOptions({ connections, maxHeaderSize }: DispatcherOptions): Agent.Options {
  return {
    connections,
    maxHeaderSize,
    pipelining: 1,
    keepAliveTimeout: 4_000, // shorter than what servers and balancers allow, so that few connections are found dead
    keepAliveMaxTimeout: 30_000,
  };
}

/** Connects to hosts by `connectTCP`, and speaks TLS with those that are https. */
export function createConnector(
  options: DispatcherOptions,
  connectTCP: buildConnector.connector = directTCP(options),
): buildConnector.connector {
  const { tlsTimeoutMs, tls } = options;
  let connectTLS: buildConnector.connector | undefined;
  return (target, callback) => {
    connectTCP(
      { ...target, protocol: 'http:', port: target.port || (target.protocol === 'https:' ? '443' : '80') },
      (error, socket) => {
        if (error !== null || target.protocol !== 'https:') {
          // A callback of either form: undici's type tells them apart, its caller does not.
          return error === null ? callback(null, socket) : callback(error, null);
        }
        try {
          connectTLS ??= buildConnector({ timeout: tlsTimeoutMs, ...withContext(tlsConnectOptions(tls)) });
        } catch (cause) {
          socket.destroy();
          return callback(cause as Error, null);
        }
        connectTLS({ ...target, httpSocket: socket }, callback);
      },
    );
  };
}

function directTCP({ connectTimeoutMs, lookup }: DispatcherOptions): buildConnector.connector {
  return buildConnector({ timeout: connectTimeoutMs, ...(lookup !== undefined && { lookup }) });
}

/** TLS options as undici's connector takes them; TLS 1.2 at least. */
function tlsConnectOptions({ ca, cert, key, servername, rejectUnauthorized }: TLSOptions): buildConnector.BuildOptions {
  return {
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

/**
 * Reads certificates and keys once for all connections: for a list of authorities that takes longer than the handshake.
 */
function withContext(options: ReturnType<typeof tlsConnectOptions>): buildConnector.BuildOptions {
  const { minVersion, ca, cert, key, ...others } = options as SecureContextOptions & buildConnector.BuildOptions;
  // None at all where nobody asks who signed: the hundred and more that Node brings take longer than a small push.
  const isAnyoneTrusted = 'rejectUnauthorized' in others && others.rejectUnauthorized === false;
  const trusted = ca ?? (isAnyoneTrusted ? [] : undefined);
  return { ...others, secureContext: createSecureContext({ minVersion, ca: trusted, cert, key }) };
}
