import {
  type AbortOptions,
  algorithmOf,
  type ByteStream,
  type Compression,
  ContentMismatchError,
  createUnpackDigester,
  type Digest,
  type OpenOptions,
  type UnpackDigester,
} from '@slipway/digest';
import type { MetadataStore } from '@slipway/metadata-store';
import type { BlobForm, BlobIdentity } from './form.ts';

/** Beyond so many plain bytes, a layer that unpacks to more than this many times its size is a bomb. */
const bomb = { ratioFromBytes: 4 * 1024 ** 3, maxRatio: 250 };

/** Where it is kept which blobs were unpacked before. A store that fails is asked in vain. */
export interface DiffIDProofs {
  isProven(digest: Digest, diffID: Digest): Promise<boolean>;
  remember(digest: Digest, diffID: Digest): Promise<void>;
}

/** Proofs in a metadata store; without one, every layer is unpacked each time it is sent. */
export function storedProofs(store: MetadataStore | undefined): DiffIDProofs {
  return {
    isProven: async (digest, diffID) => (await store?.isProven(digest, diffID).catch(() => false)) ?? false,
    remember: async (digest, diffID) => await store?.rememberProof(digest, diffID).catch(() => {}),
  };
}

/** A layer that goes as it lies in the source. */
export interface StoredLayer {
  readonly diffID: Digest;
  readonly compression: Compression;
  readonly proofs: DiffIDProofs;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
}

/**
 * Unpacks a layer while it is sent, in bounded memory, and fails in place of its last bytes when it is not the layer that
 * the config names. It is unpacked once, whatever the number of chunks, attempts and destinations, and not at all when it
 * was proven before.
 */
export class CheckedForm implements BlobForm {
  readonly recipe: string | undefined;
  readonly isKept: boolean;
  readonly readTotal: number;
  readonly #form: BlobForm;
  readonly #layer: StoredLayer;
  #check: LayerCheck | undefined;
  #isProven: Promise<boolean> | undefined;

  constructor(form: BlobForm, layer: StoredLayer) {
    this.#form = form;
    this.#layer = layer;
    this.recipe = form.recipe;
    this.isKept = form.isKept;
    this.readTotal = form.readTotal;
  }

  get identity(): BlobIdentity | undefined {
    return this.#form.identity;
  }

  get read(): number {
    return this.#form.read;
  }

  identify(options?: AbortOptions): Promise<BlobIdentity> {
    return this.#form.identify(options);
  }

  recall(options?: AbortOptions): Promise<BlobIdentity | undefined> {
    return this.#form.recall(options);
  }

  available(atLeast: number, options?: AbortOptions): Promise<number | undefined> {
    return this.#form.available(atLeast, options);
  }

  async *open(options: OpenOptions = {}): ByteStream {
    const { diffID, proofs } = this.#layer;
    const { digest, size } = await this.#form.identify(options);
    this.#isProven ??= proofs.isProven(digest, diffID);
    if (await this.#isProven) return yield* this.#form.open(options);
    this.#check ??= new LayerCheck(this.#layer, { digest, size });
    const check = this.#check;
    let offset = options.from ?? 0;
    // Who goes on from where an earlier run stopped does not see what came before: that is read beside it.
    const rereading = offset > check.position ? this.#feedRest(check, options.signal) : undefined;
    rereading?.catch(() => {}); // heard of at the end
    for await (const chunk of this.#form.open(options)) {
      if (rereading === undefined) await check.feed(offset, chunk);
      offset += chunk.byteLength;
      if (offset === size) {
        await rereading;
        await check.end();
        await proofs.remember(digest, diffID);
      }
      yield chunk;
    }
  }

  async #feedRest(check: LayerCheck, signal: AbortSignal | undefined): Promise<void> {
    let offset = check.position;
    for await (const chunk of this.#form.open({ from: offset, signal, reuse: true })) {
      await check.feed(offset, chunk);
      offset += chunk.byteLength;
    }
  }
}

/** Takes compressed bytes in order, from whoever has the next ones, and says in the end whether they were the layer. */
class LayerCheck {
  readonly #layer: StoredLayer;
  readonly #digest: Digest;
  readonly #digester: UnpackDigester;
  #position = 0;
  #verdict: Promise<void> | undefined;

  constructor(layer: StoredLayer, { digest, size }: BlobIdentity) {
    const { compression, diffID, signal } = layer;
    this.#layer = layer;
    this.#digest = digest;
    this.#digester = createUnpackDigester(compression, {
      ...bomb,
      algorithm: algorithmOf(diffID),
      expectedSize: size,
      signal,
    });
  }

  /** Bytes that were fed. */
  get position(): number {
    return this.#position;
  }

  /** Takes what is new of a chunk that begins at `offset`; waits while too much is waiting to be unpacked. */
  async feed(offset: number, chunk: Uint8Array): Promise<void> {
    // A push that is given up lets the chunk on its way end; there is no verdict any more, and so no end of the blob.
    if (this.#layer.signal.aborted) return;
    const known = this.#position - offset;
    if (known < 0 || known >= chunk.byteLength) return;
    const fresh = known === 0 ? chunk : chunk.subarray(known);
    this.#position += fresh.byteLength;
    try {
      await this.#digester.feed(fresh);
    } catch (error) {
      if (!this.#layer.signal.aborted) throw error;
    }
  }

  /** Resolves when all bytes were fed, and were the layer. */
  end(): Promise<void> {
    this.#verdict ??= this.#judge();
    return this.#verdict;
  }

  async #judge(): Promise<void> {
    const { digest } = await this.#digester.end();
    if (digest !== this.#layer.diffID) throw mismatch(this.#digest, this.#layer.diffID, digest);
  }
}

function mismatch(digest: Digest, expected: Digest, actual: Digest): ContentMismatchError {
  const message = `Unpacking layer ${digest}: expected ${expected} as the image's config says, got ${actual}`;
  return new ContentMismatchError('ERR_DIGEST_MISMATCH', message);
}
