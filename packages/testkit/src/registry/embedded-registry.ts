import type { AddressInfo } from 'node:net';
import type { Digest } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import { createGate } from './auth.ts';
import { RegistryCore } from './core.ts';
import { type Misbehaviour, type MisbehaviourHandle, MisbehaviourRules } from './misbehaviour.ts';
import { defaultManifestMaxBytes, type RegistryOptions } from './options.ts';
import { resolveQuirks } from './quirks.ts';
import type { RequestRecord } from './request-record.ts';
import { type Seed, seed } from './seed.ts';
import { createRegistryServer } from './server.ts';
import { openFolderStorage } from './storage/folder-storage.ts';
import { createMemoryStorage } from './storage/memory-storage.ts';
import { type VerifiedCounts, verify } from './verify.ts';

/** A manifest that a registry holds. */
export interface HeldManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** An upload session that is still open. */
export interface OpenSession {
  readonly id: string;
  readonly repository: string;
  /** Bytes received. */
  readonly offset: number;
  /** What was received; for sessions of modest size. */
  bytes(): Promise<Uint8Array>;
}

/** A registry in this process. Leaving scope ends it, with every connection and timer of it. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** Host and port as in references: `127.0.0.1:41235`. */
  readonly host: string;
  /** `http://127.0.0.1:41235`, or `https:` with TLS; no slash at its end. */
  readonly url: string;
  /** Every request so far, in order of arrival. */
  readonly requests: readonly RequestRecord[];
  /** Tokens handed out so far. */
  readonly tokensIssued: number;
  clearRequests(): void;
  /** Waits until no request is being worked on, also none whose client has left. */
  settled(): Promise<void>;
  /** Treats requests badly, until the handle is removed. */
  misbehave(rule: Misbehaviour): MisbehaviourHandle;
  repositories(): readonly string[];
  tags(repository: string): readonly string[];
  /** Digests of the manifests in a repository, tagged or not. */
  manifests(repository: string): readonly Digest[];
  hasBlob(repository: string, digest: string): boolean;
  /** A blob of modest size, whole; undefined where the repository has none. */
  blobBytes(repository: string, digest: string): Promise<Uint8Array | undefined>;
  manifest(repository: string, tagOrDigest: string): Promise<HeldManifest | undefined>;
  /** Upload sessions that are neither committed nor deleted. */
  sessions(): readonly OpenSession[];
  /** Forgets upload sessions, as registries do after a while: all of them, or one. */
  expireSessions(id?: string): Promise<void>;
  seed(
    repository: string,
    seed: Seed,
  ): Promise<{ readonly blobs: readonly Descriptor[]; readonly manifests: readonly Descriptor[] }>;
  /**
   * Reads everything it holds: every tag resolves, everything that a manifest names is there, every byte hashes right.
   *
   * @throws {TestkitError} ERR_TESTKIT_INCONSISTENT, naming every problem.
   */
  verify(): Promise<VerifiedCounts>;
  /** Makes every bearer token that is out invalid. */
  revokeTokens(): void;
  /** A refresh token for a user of bearer authentication. @throws {TypeError} when the registry has none. */
  refreshTokenFor(user: string): string;
}

/** Starts a registry that speaks the OCI distribution API, on a free port of the loopback unless told otherwise. */
export async function startRegistry(options: RegistryOptions = {}): Promise<EmbeddedRegistry> {
  const quirks = resolveQuirks(options.quirks);
  const storage = options.folder === undefined ? createMemoryStorage() : await openFolderStorage(options.folder);
  const core = new RegistryCore(storage, {
    quirks,
    chunkMinBytes: options.chunkMinBytes ?? 0,
    manifestMaxBytes: options.manifestMaxBytes ?? defaultManifestMaxBytes,
    schema1: options.schema1 ?? false,
  });
  await core.load();
  for (const name of options.repositories ?? []) core.repositories.create(name);

  const rules = new MisbehaviourRules();
  const requests: RequestRecord[] = [];
  const auth = options.auth ?? { kind: 'none' };
  const gate = createGate(auth, quirks, options.now ?? Date.now, () => `${urlOf(tokenServer ?? server)}/token`);
  const known = new Set(options.repositories);
  const parts = {
    core,
    gate,
    rules,
    requests,
    isAllowed: (name: string) => !quirks.repositoriesMustExist || known.has(name),
  };
  const server = createRegistryServer(parts, options.tls);
  const tokenServer =
    auth.kind === 'bearer' && auth.tokenServer === 'separate' ? createRegistryServer(parts, options.tls) : undefined;
  const hostname = options.host ?? '127.0.0.1';
  try {
    await server.listen(hostname, options.port ?? 0);
    await tokenServer?.listen(hostname, 0);
  } catch (error) {
    await Promise.all([server.close(), tokenServer?.close()]);
    await storage[Symbol.asyncDispose]();
    throw error;
  }

  function urlOf({ address }: { readonly address: AddressInfo }): string {
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `${options.tls ? 'https' : 'http'}://${host}:${address.port}`;
  }
  const url = urlOf(server);

  return {
    host: url.slice(url.indexOf('//') + 2),
    url,
    requests,
    get tokensIssued() {
      return gate.tokens?.issued ?? 0;
    },
    clearRequests: () => void requests.splice(0),
    async settled() {
      await Promise.all([server.settled(), tokenServer?.settled()]);
    },
    misbehave: (rule) => rules.add(rule),
    repositories: () => core.repositories.names,
    tags: (repository) => core.repositories.tags(repository),
    manifests: (repository) => core.repositories.manifests(repository).map(({ digest }) => digest),
    hasBlob: (repository, digest) => core.repositories.hasBlob(repository, digest as Digest),
    async blobBytes(repository, digest) {
      const isHeld = core.repositories.hasBlob(repository, digest as Digest);
      return isHeld ? await core.readAll(digest as Digest) : undefined;
    },
    async manifest(repository, tagOrDigest) {
      const record = core.repositories.manifest(repository, tagOrDigest);
      if (record === undefined) return undefined;
      const { mediaType, digest } = record;
      return { mediaType, digest, bytes: await core.readAll(digest) };
    },
    sessions: () =>
      [...core.sessions.values()].map((session) => {
        const { id, repository, offset } = session;
        return { id, repository, offset, bytes: () => session.bytes() };
      }),
    async expireSessions(id) {
      const doomed = [...core.sessions.values()].filter((session) => id === undefined || session.id === id);
      for (const session of doomed) await session.alone(() => core.endSession(session));
    },
    seed: (repository, content) => seed(core, repository, content),
    verify: () => verify(core),
    revokeTokens: () => gate.tokens?.revokeAll(),
    refreshTokenFor(user) {
      if (gate.tokens === undefined) throw new TypeError('Expected `auth` to be of kind "bearer"');
      return gate.tokens.refreshTokenFor(user);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.close(), tokenServer?.close()]);
      await storage[Symbol.asyncDispose]();
    },
  };
}
