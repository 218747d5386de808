import type { AuthOptions } from './auth.ts';
import type { QuirkName, RegistryQuirks } from './quirks.ts';

export interface RegistryTlsOptions {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM; what client certificates are checked against. */
  readonly ca?: string | undefined;
  /** Turns away clients without a certificate from `ca`. @default false */
  readonly requestClientCert?: boolean | undefined;
}

export interface RegistryOptions {
  /** Address to listen on. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** @default 0, a free port */
  readonly port?: number | undefined;
  /** Folder to keep everything in, made if it is missing; a later registry goes on from it. @default memory */
  readonly folder?: string | undefined;
  /** Serves HTTPS instead of HTTP. */
  readonly tls?: RegistryTlsOptions | undefined;
  /** @default { kind: 'none' } */
  readonly auth?: AuthOptions | undefined;
  /** The registry whose peculiarities to show, or a set of one's own. @default none */
  readonly quirks?: QuirkName | Partial<RegistryQuirks> | undefined;
  /** Repositories that exist from the start. With the quirk `repositoriesMustExist` there are no others. */
  readonly repositories?: readonly string[] | undefined;
  /** Least bytes of a chunk that is not the last, announced as `OCI-Chunk-Min-Length`. @default none */
  readonly chunkMinBytes?: number | undefined;
  /** Largest manifest taken. @default 4 MiB */
  readonly manifestMaxBytes?: number | undefined;
  /** Takes signed Docker schema 1 manifests. @default false */
  readonly schema1?: boolean | undefined;
  /** Milliseconds since the epoch, for the expiry of tokens. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * The manifest limit the distribution spec recommends.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
 */
export const defaultManifestMaxBytes: number = 4 * 1024 * 1024;
