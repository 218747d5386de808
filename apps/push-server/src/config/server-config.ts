import { compressorDefaults } from '@slipway/digest';
import type { PushOptions, PushProtocol } from '@slipway/push';
import {
  allOr,
  bytes,
  choice,
  count,
  duration,
  fileMode,
  flag,
  type Kind,
  list,
  longestTimer,
  objects,
  optionalPath,
  path,
  type Setting,
  text,
} from './settings.ts';

/** How the daemon runs. Durations are in milliseconds, sizes in bytes. */
export interface ServerConfig {
  readonly hosts: readonly string[];
  readonly dataDir: string;
  readonly dockerMetadata: string | undefined;
  readonly dockerMetadataWrite: boolean;
  readonly socketMode: number;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsCa: string | undefined;
  /** As they were written: `parseRule` reads them. */
  readonly certificateRules: readonly object[];
  readonly oidcIssuer: string | undefined;
  readonly oidcAudiences: readonly string[];
  readonly oidcJwks: string | undefined;
  readonly oidcPrincipal: string;
  readonly oidcRules: readonly object[];
  readonly concurrency: number;
  readonly retries: number;
  /** Undefined for the usual limits. */
  readonly timeoutMs: number | undefined;
  readonly compressionLevel: number;
  /** What docker clients, and jobs that choose nothing, push. */
  readonly format: NonNullable<PushOptions['format']>;
  readonly protocol: PushProtocol;
  readonly schema1Fallback: boolean;
  /** File of the key that signs schema 1 manifests; undefined for `key.json` of the data folder. */
  readonly trustKey: string | undefined;
  readonly insecureRegistries: readonly string[];
  readonly certDir: string | undefined;
  /** None for everywhere, within reason. */
  readonly allowRegistries: readonly string[];
  /** Foreign layers go to all registries, to none, or to those of the list. */
  readonly allowNondistributable: boolean | readonly string[];
  readonly maxLoadSize: number;
  readonly maxConnections: number;
  readonly maxLoads: number;
  readonly maxPushes: number;
  readonly idleTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly diskQuota: number;
  readonly minFree: number;
  readonly gcIntervalMs: number;
  readonly logLevel: LogLevel;
  readonly auditLog: string | undefined;
  readonly redis: string | undefined;
  readonly jobConcurrency: number;
  readonly jobHistory: number;
  readonly jobRetentionMs: number;
  readonly jobLeaseMs: number;
  readonly jobCredentials: readonly string[];
  readonly allowWebhooks: readonly string[];
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const isWindows = process.platform === 'win32';

const optionalText: Kind<string | undefined> = text;

/** Every setting there is: flags, variables, keys of the file, defaults and help all come from here. */
export const settings: { readonly [Key in keyof ServerConfig]: Setting<ServerConfig[Key]> } = {
  hosts: {
    name: 'host',
    placeholder: 'address',
    description:
      'where to listen: unix://PATH, tcp://HOST:PORT, fd:// (of systemd), npipe:////./pipe/NAME (Windows); repeatable',
    kind: list(text),
    initial: [isWindows ? 'npipe:////./pipe/slipway' : 'unix:///run/slipway.sock'],
  },
  dataDir: {
    name: 'data-dir',
    placeholder: 'folder',
    description: 'where images, layers, records, jobs and tokens are kept',
    kind: path,
    initial: isWindows ? 'C:\\ProgramData\\slipway' : '/var/lib/slipway',
  },
  dockerMetadata: {
    name: 'docker-metadata',
    placeholder: 'folder',
    description: 'use what a Docker daemon remembers, such as /var/lib/docker/image/overlay2/distribution',
    kind: optionalPath,
    initial: undefined,
  },
  dockerMetadataWrite: {
    name: 'docker-metadata-write',
    description: 'write what is found out into --docker-metadata, for the Docker daemon to use',
    kind: flag,
    initial: false,
  },
  socketMode: {
    name: 'socket-mode',
    placeholder: 'mode',
    description: 'permissions of the unix socket',
    kind: fileMode,
    initial: 0o660,
  },
  tlsCert: {
    name: 'tls-cert',
    placeholder: 'file',
    description: 'certificate chain (PEM) of the TCP listeners',
    kind: optionalPath,
    initial: undefined,
  },
  tlsKey: {
    name: 'tls-key',
    placeholder: 'file',
    description: 'private key (PEM) of --tls-cert',
    kind: optionalPath,
    initial: undefined,
  },
  tlsCa: {
    name: 'tls-ca',
    placeholder: 'file',
    description: 'authorities (PEM) whose client certificates are accepted; --certificate-rule says what these may do',
    kind: optionalPath,
    initial: undefined,
  },
  certificateRules: {
    name: 'certificate-rule',
    placeholder: 'json',
    description:
      'scopes of client certificates by cn, o, ou, dns, uri or email: ' +
      '{"when":{"cn":"ci-*"},"scopes":["load"]}; repeatable',
    kind: objects,
    initial: [],
  },
  oidcIssuer: {
    name: 'oidc-issuer',
    placeholder: 'url',
    description: 'accept identity tokens of this OpenID Connect issuer, such as those of CI jobs',
    kind: optionalText,
    initial: undefined,
  },
  oidcAudiences: {
    name: 'oidc-audience',
    placeholder: 'name',
    description: 'whom identity tokens have to be made for (aud); repeatable',
    kind: list(text),
    initial: [],
  },
  oidcJwks: {
    name: 'oidc-jwks',
    placeholder: 'file',
    description: 'public keys (JWKS) of the issuer, instead of asking it',
    kind: optionalPath,
    initial: undefined,
  },
  oidcPrincipal: {
    name: 'oidc-principal',
    placeholder: 'claim',
    description: 'claim that names who shows an identity token, in jobs and in the audit log',
    kind: text,
    initial: 'sub',
  },
  oidcRules: {
    name: 'oidc-rule',
    placeholder: 'json',
    description:
      'scopes of identity tokens by claims: ' +
      '{"when":{"repository":"acme/*"},"scopes":["push:ghcr.io/{repository}"]}; repeatable',
    kind: objects,
    initial: [],
  },
  concurrency: {
    name: 'concurrency',
    placeholder: 'number',
    description: 'uploads at once to each registry, of all pushes together',
    kind: count(1, 1_000),
    initial: 5,
  },
  retries: {
    name: 'retries',
    placeholder: 'number',
    description: 'further attempts at a blob after the first failed',
    kind: count(0, 1_000),
    initial: 4,
  },
  timeoutMs: {
    name: 'timeout',
    placeholder: 'duration',
    description: 'longest wait for a registry: for a connection, an answer, each next byte (usually 30s, 15s, 60s)',
    kind: duration(1, 86_400_000),
    initial: undefined,
  },
  compressionLevel: {
    name: 'compression-level',
    placeholder: 'level',
    description: 'level of gzip, 1 to 9',
    kind: {
      expected: 'a whole number from 1 to 9',
      read: (value) => {
        const level = count(1).read(value);
        return level !== undefined && level <= 9 ? level : undefined;
      },
    },
    initial: compressorDefaults.gzip.level,
  },
  format: {
    name: 'format',
    placeholder: 'format',
    description: 'of manifests, unless a push or job chooses: keep, docker, oci, schema1, schema1-2015 or v1',
    kind: choice('keep', 'docker', 'oci', 'schema1', 'schema1-2015', 'v1'),
    initial: 'keep',
  },
  protocol: {
    name: 'protocol',
    placeholder: 'protocol',
    description: 'unless a push or job chooses: v2, v1 for registries of before 2015, or auto: detect',
    kind: choice('v2', 'auto', 'v1'),
    initial: 'v2',
  },
  schema1Fallback: {
    name: 'schema1-fallback',
    description: 'push signed schema 1 where a registry refuses a Docker manifest, and say so',
    kind: flag,
    initial: false,
  },
  trustKey: {
    name: 'trust-key',
    placeholder: 'file',
    description:
      'key (JWK or PEM) that signs schema 1 manifests; without it, key.json of the data folder, which is made',
    kind: optionalPath,
    initial: undefined,
  },
  insecureRegistries: {
    name: 'insecure-registry',
    placeholder: 'host',
    description: 'registry (host, host:port or CIDR) that may have an invalid certificate or speak http; repeatable',
    kind: list(text),
    initial: [],
  },
  certDir: {
    name: 'cert-dir',
    placeholder: 'folder',
    description: 'CA (*.crt) and client certificates (*.cert, *.key) for registries',
    kind: optionalPath,
    initial: undefined,
  },
  allowRegistries: {
    name: 'allow-registry',
    placeholder: 'host',
    description:
      'connect to nothing but this (host, host:port, *.domain or CIDR), for tokens and storage too; repeatable',
    kind: list(text),
    initial: [],
  },
  allowNondistributable: {
    name: 'allow-nondistributable',
    placeholder: 'host',
    description: 'upload foreign layers too: to any registry, or to this one (host, host:port or CIDR); repeatable',
    kind: allOr(text),
    initial: false,
  },
  maxLoadSize: {
    name: 'max-load-size',
    placeholder: 'size',
    description: 'largest archive that may be loaded, 0 for no limit',
    kind: bytes,
    initial: 64 * 2 ** 30,
  },
  maxConnections: {
    name: 'max-connections',
    placeholder: 'number',
    description: 'connections at once, per listener; one client gets three quarters of them at most',
    kind: count(1),
    initial: 8192,
  },
  maxLoads: {
    name: 'max-loads',
    placeholder: 'number',
    description: 'archives that are loaded at once; further ones are refused with 503',
    kind: count(1),
    initial: 16,
  },
  maxPushes: {
    name: 'max-pushes',
    placeholder: 'number',
    description: 'pushes at once; further ones are refused with 503',
    kind: count(1),
    initial: 256,
  },
  idleTimeoutMs: {
    name: 'idle-timeout',
    placeholder: 'duration',
    description: 'how long a request may stay unfinished without a byte arriving, 0s for no limit',
    kind: duration(0, longestTimer),
    initial: 60_000,
  },
  shutdownTimeoutMs: {
    name: 'shutdown-timeout',
    placeholder: 'duration',
    description: 'how long running pushes and loads may take to finish at shutdown',
    kind: duration(0, longestTimer),
    initial: 30_000,
  },
  diskQuota: {
    name: 'disk-quota',
    placeholder: 'size',
    description: 'bytes that images, kept layers, archives of jobs and spools may take, 0 for no limit',
    kind: bytes,
    initial: 0,
  },
  minFree: {
    name: 'min-free',
    placeholder: 'size',
    description: 'bytes that have to stay free on the disk: nothing is taken in below',
    kind: bytes,
    initial: 100_000_000,
  },
  gcIntervalMs: {
    name: 'gc-interval',
    placeholder: 'duration',
    description: 'how often the garbage is collected',
    kind: duration(1_000, longestTimer),
    initial: 600_000,
  },
  logLevel: {
    name: 'log-level',
    placeholder: 'level',
    description: 'fatal, error, warn, info, debug, trace or silent',
    kind: choice('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    initial: 'info',
  },
  auditLog: {
    name: 'audit-log',
    placeholder: 'file',
    description: 'file that audit lines are appended to, instead of the log',
    kind: optionalPath,
    initial: undefined,
  },
  redis: {
    name: 'redis',
    placeholder: 'url',
    description: 'Redis that several daemons share their push jobs on: redis://HOST:PORT',
    kind: optionalText,
    initial: undefined,
  },
  jobConcurrency: {
    name: 'job-concurrency',
    placeholder: 'number',
    description: 'push jobs that this daemon works on at once; a registry gets half of them at most',
    kind: count(1),
    initial: 8,
  },
  jobHistory: {
    name: 'job-history',
    placeholder: 'number',
    description: 'push jobs that are remembered after they ended',
    kind: count(0),
    initial: 1_000,
  },
  jobRetentionMs: {
    name: 'job-retention',
    placeholder: 'duration',
    description: 'how long what a failed push job was to push is kept, so that it can be retried; 0s for not at all',
    kind: duration(0, 3_650 * 86_400_000),
    initial: 86_400_000,
  },
  jobLeaseMs: {
    name: 'job-lease',
    placeholder: 'duration',
    description: 'with --redis: how long a daemon may not be heard of before its push jobs go to another',
    kind: duration(1_000, 86_400_000),
    initial: 30_000,
  },
  jobCredentials: {
    name: 'job-credentials',
    placeholder: 'name=file',
    description: 'credentials that push jobs may name: a file as docker or podman has it; repeatable',
    kind: list(text),
    initial: [],
  },
  allowWebhooks: {
    name: 'allow-webhook',
    placeholder: 'host',
    description: 'host (host, host:port, *.domain or CIDR) that may be told that a push job has ended; repeatable',
    kind: list(text),
    initial: [],
  },
};
