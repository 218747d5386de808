import { randomUUID } from 'node:crypto';
import { algorithmOf, type Digest } from '@slipway/digest';
import { describeManifest } from './answers/describe-manifest.ts';
import { Refusal } from './answers/refusal.ts';
import type { RegistryQuirks } from './quirks.ts';
import { Repositories } from './storage/repositories.ts';
import { Session } from './storage/session.ts';
import type { RegistryStorage } from './storage/storage.ts';

export interface CoreOptions {
  readonly quirks: RegistryQuirks;
  readonly chunkMinBytes: number;
  readonly manifestMaxBytes: number;
  readonly schema1: boolean;
}

/** What a registry holds, without HTTP: contents, repositories and upload sessions. */
export class RegistryCore {
  readonly storage: RegistryStorage;
  readonly options: CoreOptions;
  readonly repositories: Repositories;
  readonly sessions: Map<string, Session> = new Map();

  constructor(storage: RegistryStorage, options: CoreOptions) {
    this.storage = storage;
    this.options = options;
    this.repositories = new Repositories(storage);
  }

  /** Takes up what an earlier run left in the storage. */
  async load(): Promise<void> {
    const { links, uploads } = await this.storage.load();
    await this.repositories.adopt(links, async (digest, mediaType) =>
      describeManifest(await this.readAll(digest), mediaType, digest),
    );
    for (const { id, repository, file } of uploads) {
      this.sessions.set(id, await Session.resume(id, repository, file));
    }
  }

  async beginSession(repository: string): Promise<Session> {
    const id = randomUUID();
    const session = new Session(id, repository, await this.storage.beginUpload(id, repository));
    this.sessions.set(id, session);
    return session;
  }

  async endSession(session: Session): Promise<void> {
    this.sessions.delete(session.id);
    await session.discard();
  }

  /** Turns a session into a blob, if its bytes are what the digest says. The session is over either way. */
  async commit(session: Session, digest: Digest): Promise<void> {
    const actual = await session.digest(algorithmOf(digest));
    if (actual !== digest) {
      await this.endSession(session);
      throw new Refusal('DIGEST_INVALID', { detail: { expected: digest, actual } });
    }
    this.sessions.delete(session.id);
    await session.commit(digest);
    await this.repositories.addBlob(session.repository, digest);
  }

  /** A content of modest size, whole. */
  async readAll(digest: Digest): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.storage.read(digest)) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  }

  /** Stores bytes under their digest, beside any repository. */
  async writeAll(digest: Digest, bytes: Uint8Array): Promise<void> {
    const file = await this.storage.beginUpload(randomUUID(), '');
    await file.append(bytes);
    await file.commit(digest);
  }
}
