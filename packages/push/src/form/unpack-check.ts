import {
  type AbortOptions,
  algorithmOf,
  type ByteStream,
  type Compression,
  createUnpackDigester,
  type Digest,
  type UnpackDigester,
} from '@slipway/digest';
import type { DiffIDProofs } from './diff-id-proofs.ts';
import type { BlobIdentity } from './form.ts';
import { Gate } from './gate.ts';
import { diffIDMismatch, type LayerCheck } from './layer-check.ts';

/** Beyond so many plain bytes, a layer that unpacks to more than this many times its size is a bomb. */
const bomb = { ratioFromBytes: 4 * 1024 ** 3, maxRatio: 250 };

/** A layer that goes as it lies in the source, and is unpacked to be compared with its diffID. */
export interface UnpackCheckOptions {
  readonly diffID: Digest;
  readonly compression: Compression;
  /** Compressed bytes that will come. */
  readonly size: number;
  readonly proofs: DiffIDProofs;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
}

/**
 * Unpacks a layer while it is read, in bounded memory, fed in order by whichever reader is ahead: once, whatever the
 * number of chunks, attempts and destinations, and not at all when it was proven before.
 */
export class UnpackCheck implements LayerCheck {
  readonly #options: UnpackCheckOptions;
  readonly #filling = new Gate(1);
  #run: UnpackRun | undefined;
  /** Digest that this check, or an earlier run, has proven to unpack to the diffID. */
  #proven: Digest | undefined;
  #asked: { readonly digest: Digest; readonly answer: Promise<boolean> } | undefined;

  constructor(options: UnpackCheckOptions) {
    this.#options = options;
  }

  async feed(offset: number, chunk: Uint8Array, digest: Digest | undefined): Promise<void> {
    // A push that is given up lets the chunk on its way end; there is no verdict any more, and so no end of the blob.
    if (this.#options.signal.aborted || (digest !== undefined && (await this.#isProven(digest)))) return;
    this.#run ??= new UnpackRun(this.#options);
    await this.#orForget(this.#run, (run) => run.feed(offset, chunk));
  }

  async conclude(
    { digest, size }: BlobIdentity,
    read: (from: number) => ByteStream,
    { signal }: AbortOptions,
  ): Promise<void> {
    const { diffID, proofs, signal: pushSignal } = this.#options;
    pushSignal.throwIfAborted();
    if (await this.#isProven(digest)) return;
    await this.#filling.pass(() => this.#fill(size, read), { signal });
    if (this.#isProvenHere(digest)) return;
    this.#run ??= new UnpackRun(this.#options);
    const actual = await this.#orForget(this.#run, (run) => run.end());
    pushSignal.throwIfAborted();
    if (actual !== diffID) {
      this.reset();
      throw diffIDMismatch(digest, diffID, actual);
    }
    if (this.#isProvenHere(digest)) return; // another reader was here first
    this.#proven = digest;
    proofs.remember(digest, diffID);
  }

  reset(): void {
    this.#run?.[Symbol.dispose]();
    this.#run = undefined;
  }

  /** Feeds what no reader has fed. */
  async #fill(size: number, read: (from: number) => ByteStream): Promise<void> {
    if ((this.#run?.position ?? 0) >= size) return;
    let offset = this.#run?.position ?? 0;
    for await (const chunk of read(offset)) {
      await this.feed(offset, chunk, undefined);
      offset += chunk.byteLength;
    }
  }

  #isProvenHere(digest: Digest): boolean {
    return this.#proven === digest;
  }

  #isProven(digest: Digest): Promise<boolean> {
    if (this.#isProvenHere(digest)) return Promise.resolve(true);
    if (this.#asked?.digest === digest) return this.#asked.answer;
    const answer = this.#options.proofs.isProven(digest, this.#options.diffID);
    this.#asked = { digest, answer };
    return answer;
  }

  /** A run that fails is not used again: the next reader begins anew. */
  async #orForget<T>(run: UnpackRun, work: (run: UnpackRun) => Promise<T>): Promise<T> {
    try {
      return await work(run);
    } catch (error) {
      if (this.#run === run) this.reset();
      this.#options.signal.throwIfAborted();
      throw error;
    }
  }
}

/** One unpacking, from the first byte to the last. */
class UnpackRun implements Disposable {
  readonly #digester: UnpackDigester;
  #position = 0;
  #digest: Promise<Digest> | undefined;

  constructor({ diffID, compression, size, signal }: UnpackCheckOptions) {
    const algorithm = algorithmOf(diffID);
    this.#digester = createUnpackDigester(compression, { ...bomb, algorithm, expectedSize: size, signal });
  }

  /** Bytes that were fed. */
  get position(): number {
    return this.#position;
  }

  async feed(offset: number, chunk: Uint8Array): Promise<void> {
    const known = this.#position - offset;
    if (known < 0 || known >= chunk.byteLength) return;
    const fresh = known === 0 ? chunk : chunk.subarray(known);
    this.#position += fresh.byteLength;
    await this.#digester.feed(fresh);
  }

  /** Digest of the plain bytes, when all compressed ones were fed. */
  end(): Promise<Digest> {
    this.#digest ??= this.#digester.end().then(({ digest }) => digest);
    return this.#digest;
  }

  [Symbol.dispose](): void {
    this.#digester[Symbol.dispose]();
  }
}
