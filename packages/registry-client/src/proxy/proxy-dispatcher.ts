import { Agent, type buildConnector, Dispatcher, Pool, ProxyAgent } from 'undici/index.js';
import { watchedConnector } from '../http/connection/connections.ts';
import { agentOptions, createConnector, createDirectDispatcher } from '../http/connection/direct-dispatcher.ts';
import type { ProxyAware } from '../http/connection/proxy-aware.ts';
import type { DispatcherFactory, DispatcherOptions } from '../options.ts';
import { ProxyError } from './errors.ts';
import { isSocks, type ProxyVariables, proxyFor, proxyName } from './proxy-for.ts';
import { createSocksConnector } from './socks-connector.ts';
import { openTunnels, wantsAnotherUser } from './tunnel-connector.ts';

/**
 * Makes dispatchers that go through the proxy that {@link proxyFor} finds for each request, and straight where it finds
 * none. To https registries the proxy only opens a tunnel; the proxy itself may be https, or a SOCKS proxy.
 */
export function dispatcherFor(variables: ProxyVariables): DispatcherFactory {
  return (options) => new ProxyDispatcher(variables, options);
}

type Handler = Dispatcher.DispatchHandler;

/** Origins that are remembered: a registry, its storages and token servers are a handful. */
const mostFound = 100;

/** The ways through one proxy. */
interface Ways {
  /** To http hosts: the proxy sees what is said. */
  readonly open: Dispatcher;
  /** To https hosts. */
  readonly tunnelled: Dispatcher;
  /** What has to be closed, each once. */
  readonly all: readonly Dispatcher[];
}

class ProxyDispatcher extends Dispatcher implements ProxyAware {
  readonly #variables: ProxyVariables;
  readonly #options: DispatcherOptions;
  readonly #direct: Dispatcher;
  /** By the proxy's address. */
  readonly #proxied = new Map<string, Ways>();
  /** What was found for each origin: as long as the variables are the same, so is the answer. */
  readonly #found = new Map<string, URL | undefined>();

  constructor(variables: ProxyVariables, options: DispatcherOptions) {
    super();
    this.#variables = variables;
    this.#options = options;
    this.#direct = createDirectDispatcher(options);
  }

  proxyNameFor(url: URL): string | undefined {
    try {
      const proxy = this.#proxyFor(url.origin);
      return proxy && proxyName(proxy);
    } catch {
      return undefined; // the request itself says what is wrong with the variable
    }
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    const proxy = this.#proxyFor(String(options.origin));
    if (!proxy) return this.#direct.dispatch(options, handler);
    const { open, tunnelled } = this.#waysBy(proxy);
    const way = String(options.origin).startsWith('https:') ? tunnelled : open;
    return way.dispatch(options, explaining(handler, proxy));
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    return settled(
      this.#all().map((dispatcher) => dispatcher.close()),
      callback,
    );
  }

  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> | void {
    const reason = error instanceof Error ? error : null;
    return settled(
      this.#all().map((dispatcher) => dispatcher.destroy(reason)),
      typeof error === 'function' ? error : callback,
    );
  }

  #proxyFor(origin: string): URL | undefined {
    if (this.#found.has(origin)) return this.#found.get(origin);
    const proxy = proxyFor(new URL(origin), this.#variables);
    if (this.#found.size >= mostFound) this.#found.clear();
    this.#found.set(origin, proxy);
    return proxy;
  }

  #all(): Dispatcher[] {
    return [this.#direct, ...[...this.#proxied.values()].flatMap(({ all }) => all)];
  }

  #waysBy(proxy: URL): Ways {
    const known = this.#proxied.get(proxy.href);
    if (known) return known;
    const ways = createWays(proxy, this.#options);
    this.#proxied.set(proxy.href, ways);
    return ways;
  }
}

function createWays(proxy: URL, options: DispatcherOptions): Ways {
  if (isSocks(proxy)) {
    const agent = createAgent(options, createSocksConnector(proxy, options));
    return { open: agent, tunnelled: agent, all: [agent] };
  }
  const authorization = authorizationOf(proxy);
  const tunnels = openTunnels(proxy, authorization, options);
  const tunnelled = createAgent(options, tunnels.connect);
  if (proxy.protocol === 'https:') return { open: tunnelled, tunnelled, all: [tunnelled, tunnels.proxy] };
  const open = createForwardingAgent(proxy, authorization, options);
  return { open, tunnelled, all: [open, tunnelled, tunnels.proxy] };
}

function createAgent(options: DispatcherOptions, connectTCP: buildConnector.connector): Agent {
  return new Agent({ ...agentOptions(options), connect: watchedConnector(createConnector(options, connectTCP)) });
}

/** Asks a proxy by absolute URI, as everywhere for plain http. */
function createForwardingAgent(proxy: URL, authorization: string | undefined, options: DispatcherOptions): ProxyAgent {
  return new ProxyAgent({
    ...agentOptions(options),
    uri: proxy.origin,
    ...(authorization !== undefined && { token: authorization }),
    proxyTunnel: false,
    proxyTls: { timeout: options.connectTimeoutMs },
    factory: (target: URL | string, own: Pool.Options) =>
      new Pool(target, { ...agentOptions(options), ...watched(own) }),
  });
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

/** Options of undici's own, whose connections are to be like those that need no proxy. */
function watched(own: Pool.Options): Pool.Options {
  return typeof own.connect === 'function' ? { ...own, connect: watchedConnector(own.connect) } : own;
}

/** A lone `%` in a password is common, and meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Names the proxy in failures: their own texts speak of an address that the user has never typed. */
function explaining(handler: Handler, proxy: URL): Handler {
  return new Proxy(handler, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property === 'onResponseError') {
        return (controller: unknown, error: Error) => value.call(target, controller, explained(error, proxy));
      }
      if (property === 'onError') return (error: Error) => value.call(target, explained(error, proxy));
      return value.bind(target);
    },
  });
}

function explained(error: Error, proxy: URL): Error {
  const origin = proxyName(proxy);
  if (error instanceof ProxyError || error.message.includes(origin)) return error;
  if (error.message.includes('Proxy Authentication Required (407)')) return wantsAnotherUser(proxy, error);
  const code = 'code' in error ? error.code : undefined;
  // The code stays: it tells what kind of failure it is, and whether another attempt may help.
  return Object.assign(new Error(`${error.message} (by way of the proxy ${origin})`, { cause: error }), { code });
}

function settled(all: readonly Promise<void>[], callback: (() => void) | undefined): Promise<void> | void {
  const done = Promise.all(all).then(() => {});
  if (!callback) return done;
  void done.then(callback, callback);
}
