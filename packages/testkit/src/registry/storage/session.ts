import { createHash, type Hash } from 'node:crypto';
import { type ByteStream, type Digest, type DigestAlgorithm, digestStream } from '@slipway/digest';
import type { UploadFile } from './storage.ts';

/** One blob upload in progress: its bytes, and the digest of them so far. */
export class Session {
  readonly id: string;
  readonly repository: string;
  /** Counts the Locations given out, so that each differs from the one before. */
  step = 0;
  /** PATCH requests that brought bytes. */
  patches = 0;
  /** Whether a chunk below the announced minimum was taken: it can only have been the last. */
  hasShortChunk = false;
  /** Whether the connection broke in the middle of a body. */
  isBroken = false;
  /** Whether the commit is bound to fail. */
  isDoomed = false;
  readonly #file: UploadFile;
  #hash: Hash;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(id: string, repository: string, file: UploadFile, hash: Hash = createHash('sha256')) {
    this.id = id;
    this.repository = repository;
    this.#file = file;
    this.#hash = hash;
  }

  /** Takes up a session from an earlier run, reading its bytes for their digest. */
  static async resume(id: string, repository: string, file: UploadFile): Promise<Session> {
    const hash = createHash('sha256');
    for await (const chunk of file.read()) hash.update(chunk);
    return new Session(id, repository, file, hash);
  }

  get offset(): number {
    return this.#file.size;
  }

  /** Runs work alone: a request waits until an earlier one to the same session has ended, even one that broke. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return await turn;
  }

  /** Appends a body, each chunk written before the next is asked for. What came before a break is kept. */
  async receive(body: ByteStream): Promise<number> {
    const before = this.offset;
    for await (const chunk of body) {
      await this.#file.append(chunk);
      this.#hash.update(chunk);
    }
    return this.offset - before;
  }

  /** Everything received. */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#file.read()) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  }

  /** The digest of everything received. */
  async digest(algorithm: DigestAlgorithm): Promise<Digest> {
    if (algorithm !== 'sha256') return (await digestStream(this.#file.read(), { algorithm })).digest;
    return `sha256:${this.#hash.copy().digest('hex')}` as Digest;
  }

  async restart(): Promise<void> {
    await this.#file.truncate();
    this.#hash = createHash('sha256');
  }

  commit(digest: Digest): Promise<void> {
    return this.#file.commit(digest);
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }
}
