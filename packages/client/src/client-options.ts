import { tmpdir } from 'node:os';
import {
  aBoolean,
  aFunction,
  anObject,
  anything,
  aStream,
  aText,
  type Kind,
  surviving,
  unexpected,
  withMethods,
} from '@slipway/arguments';
import type { ByteStream } from '@slipway/digest';
import type { ImageStore } from '@slipway/image-store';
import type { LayerCache } from '@slipway/layer-cache';
import type { TrustKey } from '@slipway/manifest/schema1';
import type { MetadataStore } from '@slipway/metadata-store';
import type { SharedTurns } from '@slipway/push';
import type { HostBackoff, Transfers } from '@slipway/transfer';
import type { ConnectionParts, ConnectionSettings } from './connection/connection-settings.ts';
import type { CredentialsChoice } from './credentials/client-credentials.ts';
import { type ClientEnvironment, readEnvironment } from './environment.ts';
import { optionError } from './errors.ts';
import { assertKnown, clientBag, type PartNames } from './options/assert-known.ts';
import { optionTable } from './options/option-table.ts';
import { readOptions } from './options/read-options.ts';
import type { NondistributableChoice } from './options/value-kinds.ts';
import type { StoreSettings } from './stores/stores.ts';

/**
 * What all pushes of a client have in common; every option means the same, and has the same default, as that of
 * `slipway push`.
 */
export interface ClientSettings extends Omit<ConnectionSettings, 'timeout'>, StoreSettings {
  /**
   * Time to wait for a connection, an answer, or the next byte: milliseconds, or '90s', '2m'.
   * @default 15 seconds for an answer
   */
  readonly timeout?: number | string | undefined;
  /** Credentials file to use instead of docker's and podman's. @default theirs */
  readonly authfile?: string | undefined;
  /** Transfers at once, 0 for no limit. @default 5 */
  readonly concurrency?: number | undefined;
  /** Bytes a second to send at most, in all: 500_000, '2MiB'. @default no limit */
  readonly limitRate?: number | string | undefined;
  /** Further attempts to connect, or for a blob or manifest; counted afresh after progress. @default 4 */
  readonly retries?: number | undefined;
  /**
   * Foreign layers are uploaded too: to any registry, or to those of hosts, `host:port` and address ranges.
   * @default to none
   */
  readonly allowNondistributable?: NondistributableChoice | undefined;
}

/** Parts that come from outside: they stay the caller's to dispose. */
export interface ClientParts extends ConnectionParts {
  /**
   * Takes nothing from this machine: no environment variable, no credentials, certificates, settings or caches in
   * files, and nothing is kept. What is handed in counts. @default false
   */
  readonly isolated?: boolean | undefined;
  /** @default this process's */
  readonly environment?: ClientEnvironment | undefined;
  /** @default those that docker and podman keep */
  readonly credentials?: CredentialsChoice | undefined;
  /** What registries have, as far as it is known. @default in the data folder */
  readonly metadataStore?: MetadataStore | undefined;
  /** Compressed layers. @default in the data folder */
  readonly layerCache?: LayerCache | undefined;
  /** What `store:` sources are taken from. @default in the data folder */
  readonly imageStore?: ImageStore | undefined;
  /**
   * Share one among clients whose work counts together. `concurrency` is its own then.
   * @default the client's own, which adapts to each registry
   */
  readonly transfers?: Transfers | undefined;
  /** Turns at blobs, with other processes that push to the same registries. @default nobody else is waited for */
  readonly sharedTurns?: SharedTurns | undefined;
  /** Share one among clients, so that all leave a registry alone that wants it. @default the client's own */
  readonly hostBackoff?: HostBackoff | undefined;
  /** The key that signs schema 1 manifests. @default one in the data folder */
  readonly trustKey?: (() => Promise<TrustKey>) | undefined;
  /**
   * Asked for the password of an encrypted `signKey` where `COSIGN_PASSWORD` is not set.
   * @default such a key is refused
   */
  readonly signKeyPassword?: (() => Promise<string>) | undefined;
  /** Effort of gzip, 1 to 9, where a push chooses no `compressionLevel`. @default that of `@slipway/digest` */
  readonly gzipLevel?: number | undefined;
  /** What the source `-` reads. @default the process's standard input */
  readonly stdin?: ByteStream | undefined;
  /** Told what a user should know, in a sentence, each once. @default nobody is told */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told before a source is written to the disk, with what and where. @default nobody is told */
  readonly onSpool?: ((spool: { readonly name: string; readonly path: string }) => void) | undefined;
}

/** How a client works. Nothing has to be said: it does as `slipway push` does. */
export interface ClientOptions extends ClientSettings, ClientParts {}

/** {@link ClientOptions} with every default applied. */
export interface ResolvedClientOptions extends Omit<ClientOptions, 'limitRate' | 'timeout'> {
  readonly limitRate?: number | undefined;
  readonly timeout?: number | undefined;
  readonly environment: ClientEnvironment;
  readonly concurrency: number;
  readonly retries: number;
  readonly cache: boolean;
  readonly warn: (message: string) => void;
}

const withMethod = (method: string): Kind => withMethods(`an object with \`${method}()\``, method);

/** What each part has to be; `anything` is looked at by who uses it. */
const parts: Readonly<Record<keyof PartNames<ClientOptions>, Kind>> = {
  insecureRegistries: anything,
  dispatcher: aFunction,
  tls: anObject,
  headers: anObject,
  userAgent: aText,
  onRequest: aFunction,
  isolated: aBoolean,
  environment: anObject,
  credentials: anything,
  metadataStore: anObject,
  layerCache: withMethod('find'),
  imageStore: withMethod('load'),
  transfers: withMethod('transfer'),
  sharedTurns: withMethod('take'),
  hostBackoff: withMethod('waitFor'),
  trustKey: aFunction,
  signKeyPassword: aFunction,
  gzipLevel: anything,
  stdin: aStream,
  onWarning: aFunction,
  onSpool: aFunction,
};

/** @throws {ClientError} `ERR_CLIENT_OPTION` */
function assertParts(options: ClientOptions): void {
  for (const [name, kind] of Object.entries(parts)) {
    const value = options[name as keyof typeof parts];
    if (value !== undefined && !kind.is(value)) throw optionError(unexpected(name, kind.name, value).message);
  }
}

/** The only place where defaults are applied. @throws {ClientError} `ERR_CLIENT_OPTION` */
export function resolveClientOptions(options: ClientOptions = {}): ResolvedClientOptions {
  if (typeof options !== 'object' || options === null)
    throw optionError('Expected the client’s options to be an object');
  assertKnown(options, clientBag(Object.keys(parts)));
  assertParts(options);
  const { isolated = false, limitRate: _rate, timeout: _timeout, ...others } = options;
  const given = readOptions('client', options);
  if (options.dockerMetadataWrite === true && options.dockerMetadata === undefined) {
    throw optionError('`dockerMetadataWrite` needs `dockerMetadata`', 'name the folder that is to be written');
  }
  const told = new Set<string>();
  const tell = surviving('onWarning', options.onWarning);
  const warn = (message: string): void => {
    if (told.has(message)) return;
    told.add(message);
    tell?.(message);
  };
  const alone = isolated ? { tls: {}, credentials: async () => undefined } : {};
  return {
    ...alone,
    ...definedOnly(others),
    ...given,
    environment: options.environment ?? (isolated ? isolatedEnvironment() : readEnvironment()),
    cache: given.cache ?? !isolated,
    retries: given.retries ?? optionTable.retries.initial ?? 0,
    concurrency: given.concurrency ?? optionTable.concurrency.initial ?? 0,
    onRequest: surviving('onRequest', options.onRequest),
    warn,
  };
}

/** Nothing of this machine but a folder for what does not fit into memory. */
function isolatedEnvironment(): ClientEnvironment {
  return {
    variables: {},
    homeFolder: undefined,
    dataFolder: undefined,
    temporaryFolder: tmpdir(),
    dockerConfigFolder: '/.docker',
    allowsSchema1: false,
  };
}

/** Explicit `undefined` means the default. */
function definedOnly<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
