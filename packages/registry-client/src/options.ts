import { isIPv4, type LookupFunction } from 'node:net';
import {
  ArgumentError,
  ArgumentRangeError,
  aCount,
  aFunction,
  aNumber,
  anObject,
  assertArgument,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  surviving,
} from '@slipway/arguments';
import {
  type CredentialLookup,
  type CredentialProvider,
  type Credentials,
  type RegistryCredentials,
  readCredentials,
  someCredentials,
} from '@slipway/docker-credentials';
import type { Dispatcher } from 'undici/index.js';

/** TLS material in PEM, as `node:tls` takes it. */
export interface TLSOptions {
  /** Authorities to trust. @default those of Node */
  readonly ca?: string | readonly string[] | undefined;
  /** Client certificate chain, for mutual TLS. */
  readonly cert?: string | undefined;
  /** Private key of `cert`. */
  readonly key?: string | undefined;
  /** Name the certificate must bear. @default the host of the URL */
  readonly servername?: string | undefined;
  /** Whether an invalid certificate is an error. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** What a dispatcher has to respect. */
export interface DispatcherOptions {
  /** The registry whose requests go through it, as references name it; token servers and storage are among them. */
  readonly registry?: string | undefined;
  readonly tls: TLSOptions;
  readonly connectTimeoutMs: number;
  readonly tlsTimeoutMs: number;
  /** Connections to one host at once. */
  readonly connections: number;
  /** Bytes of an answer's headers. */
  readonly maxHeaderSize: number;
  /**
   * For `net.connect`: resolves each name once, so that the address that was judged is the one that is connected to.
   */
  readonly lookup?: LookupFunction | undefined;
}

/** Makes the undici dispatcher that all requests go through, for instance one that uses a proxy. */
export type DispatcherFactory = (options: DispatcherOptions) => Dispatcher;

/** One finished request, for counting and for `--verbose`. Redirects and token requests are requests of their own. */
export interface RequestRecord {
  readonly method: string;
  /** Without user, query and fragment. */
  readonly url: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** Body bytes taken by the socket. */
  readonly sentBytes: number;
  /** Body bytes of the answer that were read. */
  readonly receivedBytes: number;
  readonly durationMs: number;
}

/** Limits on waiting, in milliseconds. */
export interface TimeoutOptions {
  /** Until a connection stands. @default 30000 */
  readonly connectMs?: number | undefined;
  /** Until TLS is agreed on. @default 10000; 2000 for a loopback host */
  readonly tlsMs?: number | undefined;
  /** Until a metadata request is answered, and again until the answer is read. @default 15000 */
  readonly metadataMs?: number | undefined;
  /**
   * The same for the first question to a registry, or to its token server, once that was not answered in time.
   * @default 25000; `metadataMs` where that is given
   */
  readonly slowMs?: number | undefined;
  /** Without a byte moving, in either direction, while a body is on its way. @default 60000 */
  readonly idleMs?: number | undefined;
  /**
   * Until the registry answers once it has a manifest, or a blob of at most 4 MiB; never above `commitMs`.
   * @default 30000
   */
  readonly smallCommitMs?: number | undefined;
  /**
   * Until the registry answers once it has all bytes of a larger blob: it may be writing it elsewhere.
   * @default 900000
   */
  readonly commitMs?: number | undefined;
  /** Until an abandoned session counts as abandoned, whether the registry answered or not. @default 5000 */
  readonly disposalMs?: number | undefined;
}

/** How to speak to one registry. */
export interface RegistryOptions {
  /** `https://ghcr.io`, `http://127.0.0.1:5000` */
  readonly url: string | URL;
  /** Name as in references, which credentials are looked up by. @default the host of `url`, with its port */
  readonly name?: string | undefined;
  /** Looks them up when the registry asks, or are always these. @default none: anonymous */
  readonly credentials?: CredentialLookup | Credentials | RegistryCredentials | undefined;
  /** `User-Agent` of every request. @default 'slipway' */
  readonly userAgent?: string | undefined;
  /** TLS material. @default Node's authorities, no client certificate */
  readonly connect?: TLSOptions | undefined;
  /**
   * TLS material for another host (`auth.corp.test`, `auth.corp.test:8443`) that the registry leads to: its token
   * server, its storage. Undefined for one that has none of its own. @default that of `connect`
   */
  readonly connectTo?: ((host: string) => Promise<TLSOptions | undefined>) | undefined;
  /** @default direct connections */
  readonly dispatcher?: DispatcherFactory | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  /** Bytes of an answer's headers. @default 65536 (Google's registry sends 21 KB) */
  readonly maxHeaderSize?: number | undefined;
  /** Connections to one host at once. @default 48 */
  readonly connections?: number | undefined;
  /** Requests to this registry and its token server in a second, evenly spaced. @default no limit */
  readonly maxRequestsPerSecond?: number | undefined;
  /** Told of every finished request. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /**
   * Told what a user should know, in a sentence: what works, and would not with other clients; and what the registry
   * itself says by `Warning` headers: `ghcr.io says: …`, each once, and ten at most.
   * @default nobody is told
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds since 1970, for expiry and `Retry-After`. @default Date.now */
  readonly now?: (() => number) | undefined;
  /**
   * Addresses of a host name: where connections go, and what redirects are judged by.
   * @default the system's resolver
   */
  readonly lookup?: ((hostname: string) => Promise<readonly string[]>) | undefined;
}

/** All of {@link RegistryOptions}, defaults applied. */
export interface ResolvedRegistryOptions {
  /** Ends without a slash. */
  readonly url: URL;
  readonly name: string;
  readonly credentials: CredentialProvider;
  readonly userAgent: string;
  readonly tls: TLSOptions;
  readonly connectTo: RegistryOptions['connectTo'];
  readonly dispatcher: DispatcherFactory | undefined;
  readonly timeouts: { readonly [Name in keyof TimeoutOptions]-?: number };
  readonly maxHeaderSize: number;
  readonly connections: number;
  /** Infinity where there is no limit. */
  readonly maxRequestsPerSecond: number;
  readonly onRequest: (record: RequestRecord) => void;
  readonly onWarning: (message: string) => void;
  readonly now: () => number;
  readonly lookup: RegistryOptions['lookup'];
}

/** Defaults of {@link RegistryOptions} that are plain values. */
export const registryDefaults: {
  readonly userAgent: string;
  readonly timeouts: ResolvedRegistryOptions['timeouts'];
  readonly loopbackTlsMs: number;
  readonly maxHeaderSize: number;
  readonly connections: number;
} = Object.freeze({
  userAgent: 'slipway',
  timeouts: Object.freeze({
    connectMs: 30_000,
    tlsMs: 10_000,
    metadataMs: 15_000,
    slowMs: 25_000,
    idleMs: 60_000,
    smallCommitMs: 30_000,
    commitMs: 900_000,
    disposalMs: 5_000,
  }),
  loopbackTlsMs: 2_000,
  maxHeaderSize: 65_536,
  connections: 48,
});

const aURL = either(
  aText,
  kind('a URL', (value) => value instanceof URL),
);
const optionKinds: Readonly<Record<Exclude<keyof RegistryOptions, 'url'>, Kind>> = {
  name: aText,
  credentials: either(aFunction, someCredentials),
  userAgent: kind('printable ASCII', (value) => typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)),
  connect: anObject,
  connectTo: aFunction,
  dispatcher: aFunction,
  timeouts: anObject,
  maxHeaderSize: aNumber,
  connections: aNumber,
  maxRequestsPerSecond: aNumber,
  onRequest: aFunction,
  onWarning: aFunction,
  now: aFunction,
  lookup: aFunction,
};
/** A timer of Node that is set for longer rings at once. */
const longestTimerMs = 2 ** 31 - 1;

const timeoutKinds: Readonly<Record<keyof TimeoutOptions, Kind>> = {
  connectMs: aNumber,
  tlsMs: aNumber,
  metadataMs: aNumber,
  slowMs: aNumber,
  idleMs: aNumber,
  smallCommitMs: aNumber,
  commitMs: aNumber,
  disposalMs: aNumber,
};

/** The only place defaults are applied. Explicit `undefined` means "default". */
export function resolveRegistryOptions(options: RegistryOptions): ResolvedRegistryOptions {
  assertOptions('options', options, { required: { url: aURL }, optional: optionKinds });
  assertOptions('options.timeouts', options.timeouts, { optional: timeoutKinds });
  const url = parseBaseURL(options.url);
  const defaults = registryDefaults;
  const tlsMs = isLoopbackName(url.hostname) ? defaults.loopbackTlsMs : defaults.timeouts.tlsMs;
  const commitMs = options.timeouts?.commitMs ?? defaults.timeouts.commitMs;
  const resolved: ResolvedRegistryOptions = {
    url,
    name: options.name ?? url.host,
    credentials: providerOf(options.credentials),
    userAgent: options.userAgent ?? defaults.userAgent,
    tls: options.connect ?? {},
    connectTo: options.connectTo,
    dispatcher: options.dispatcher,
    timeouts: {
      connectMs: options.timeouts?.connectMs ?? defaults.timeouts.connectMs,
      tlsMs: options.timeouts?.tlsMs ?? tlsMs,
      metadataMs: options.timeouts?.metadataMs ?? defaults.timeouts.metadataMs,
      slowMs: options.timeouts?.slowMs ?? options.timeouts?.metadataMs ?? defaults.timeouts.slowMs,
      idleMs: options.timeouts?.idleMs ?? defaults.timeouts.idleMs,
      commitMs,
      smallCommitMs: options.timeouts?.smallCommitMs ?? Math.min(defaults.timeouts.smallCommitMs, commitMs),
      disposalMs: options.timeouts?.disposalMs ?? defaults.timeouts.disposalMs,
    },
    maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
    connections: options.connections ?? defaults.connections,
    maxRequestsPerSecond: options.maxRequestsPerSecond ?? Number.POSITIVE_INFINITY,
    onRequest: surviving('onRequest', options.onRequest) ?? (() => {}),
    onWarning: surviving('onWarning', options.onWarning) ?? (() => {}),
    now: options.now ?? Date.now,
    lookup: options.lookup,
  };
  const { maxHeaderSize, connections } = resolved;
  for (const [name, value] of Object.entries({ ...resolved.timeouts, maxHeaderSize, connections })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new ArgumentRangeError(name, `Expected \`${name}\` to be a positive integer, got ${value}`);
    }
  }
  for (const [name, value] of Object.entries(resolved.timeouts)) {
    if (value > longestTimerMs) {
      const most = `Expected \`${name}\` to be ${longestTimerMs} ms (24 days) at most`;
      throw new ArgumentRangeError(name, `${most}, got ${value}`);
    }
  }
  if (!(resolved.maxRequestsPerSecond > 0)) {
    throw new ArgumentRangeError(
      'maxRequestsPerSecond',
      `Expected \`maxRequestsPerSecond\` to be above 0, got ${resolved.maxRequestsPerSecond}`,
    );
  }
  return Object.freeze(resolved);
}

/** Limits for who has one in mind, in milliseconds: on a connection, an answer, and each next byte. */
export function timeoutsOf(waitMs: number): TimeoutOptions {
  assertArgument('waitMs', waitMs, aCount);
  const { smallCommitMs, commitMs } = registryDefaults.timeouts;
  return {
    connectMs: waitMs,
    tlsMs: waitMs,
    metadataMs: waitMs,
    idleMs: waitMs,
    smallCommitMs: Math.max(waitMs, smallCommitMs), // a registry that has everything has work to do
    commitMs: Math.max(waitMs, commitMs),
  };
}

/** Whether a URL's host name means this machine, without asking a resolver. */
export function isLoopbackName(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]') return true;
  return isIPv4(hostname) && hostname.startsWith('127.');
}

function providerOf(given: RegistryOptions['credentials']): CredentialProvider {
  if (given === undefined) return async () => undefined;
  if (typeof given !== 'function') {
    const credentials = readCredentials(given);
    return async () => credentials;
  }
  return async (registry, options) => {
    const found = await given(registry, options);
    return found === undefined || found === null
      ? undefined
      : readCredentials(found, `credentials(${JSON.stringify(registry)})`);
  };
}

function parseBaseURL(input: string | URL): URL {
  if (!URL.canParse(String(input))) throw new ArgumentError('url', 'Expected `url` to be an absolute URL');
  const url = new URL(input);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ArgumentError(
      'url',
      `Expected \`url\` to be an http or https URL, got one of scheme ${JSON.stringify(url.protocol)}`,
    );
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ArgumentError(
      'url',
      'Expected `url` to have no user, query or fragment; credentials have an option of their own',
    );
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}
