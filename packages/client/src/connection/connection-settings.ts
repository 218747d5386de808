import type { DispatcherFactory, RequestRecord, TLSOptions } from '@slipway/registry-client';

/** How registries are spoken to. */
export interface ConnectionSettings {
  /** Plain http and nothing else. @default false, and both for this machine's own addresses */
  readonly plainHttp?: boolean | undefined;
  /** Any TLS certificate will do, and plain http is tried when https fails. @default false */
  readonly insecure?: boolean | undefined;
  /**
   * The same for single registries: hosts, `host:port` and address ranges, as docker's daemon has them.
   * @default none
   */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** Folder with CA (`*.crt`) and client certificates (`*.cert`, `*.key`). @default the registry's folder of certs.d */
  readonly certDir?: string | undefined;
  /**
   * Milliseconds to wait for a connection, an answer, or the next byte.
   * @default those of `@slipway/registry-client`
   */
  readonly timeout?: number | undefined;
  /** Requests to each registry in a second. @default no limit */
  readonly maxRequestsPerSecond?: number | undefined;
}

/** What of a connection is handed in from outside, and who is told of it. */
export interface ConnectionParts {
  /** Makes the undici dispatcher of each registry. @default one that uses the environment's proxies */
  readonly dispatcher?: DispatcherFactory | undefined;
  /** TLS material for every registry. @default read from certs.d, `certDir` and the environment */
  readonly tls?: TLSOptions | undefined;
  /**
   * Headers that each request to a registry carries; those to token servers and storage elsewhere do not.
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** `User-Agent` of every request. @default 'slipway-client' */
  readonly userAgent?: string | undefined;
  /** Told of every finished request, and of the registry that it belongs to. @default nobody is told */
  readonly onRequest?: ((record: RequestRecord, registry: string) => void) | undefined;
}
