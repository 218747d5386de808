import {
  type AbortOptions,
  type ByteStream,
  type Content,
  type Digest,
  digestStream,
  type OpenOptions,
  verified,
} from '@slipway/digest';

/** Digest and size of a blob's bytes, known once all of them have been seen. */
export interface BlobIdentity {
  readonly digest: Digest;
  readonly size: number;
}

/** A blob in the form it is sent in, shared by every destination of a push. */
export interface BlobForm {
  /** Known before sending, or as soon as compression has ended. */
  readonly identity: BlobIdentity | undefined;
  /** Bytes of the source read so far. */
  readonly read: number;
  readonly readTotal: number;
  /** Names what decides the bytes beside the diffID; undefined for bytes that go as they are. */
  readonly recipe: string | undefined;
  /** Whether opening again costs a reading only. Without a cache, each opening of a compressed layer compresses it again. */
  readonly isKept: boolean;
  /** Starts what has to be computed, and resolves with the identity. Shared: one computation however many ask. */
  identify(options?: AbortOptions): Promise<BlobIdentity>;
  /** The identity if it is cheap to have now: known, or kept from an earlier run. */
  recall(options?: AbortOptions): Promise<BlobIdentity | undefined>;
  /**
   * Waits until `atLeast` bytes of it can be read again cheaply, or all of them, and says how many can.
   * Undefined when nothing is kept to read again from.
   */
  available(atLeast: number, options?: AbortOptions): Promise<number | undefined>;
  /** The bytes from `from`; while compression runs, its output as it comes. Fails rather than end if the source is not what it claims. */
  open(options?: OpenOptions): ByteStream;
}

/** Bytes that go as they lie in the source, with a digest that is known. */
export function storedForm(content: Content, identity: BlobIdentity): BlobForm {
  return {
    identity,
    read: content.size,
    readTotal: content.size,
    recipe: undefined,
    isKept: true,
    identify: async () => identity,
    recall: async () => identity,
    available: async () => identity.size,
    open: (options = {}) =>
      content.proves === identity.digest || (options.from ?? 0) > 0
        ? content.open(options)
        : verified(content.open(options), identity),
  };
}

/** Bytes that go as they lie in the source, whose digest must first be computed (compressed layers of a docker archive). */
export class UnnamedForm implements BlobForm {
  readonly recipe: undefined;
  readonly isKept: boolean = true;
  readonly readTotal: number;
  readonly #content: Content;
  #identity: Promise<BlobIdentity> | undefined;
  #known: BlobIdentity | undefined;

  constructor(content: Content) {
    this.#content = content;
    this.readTotal = content.size;
  }

  get identity(): BlobIdentity | undefined {
    return this.#known;
  }

  get read(): number {
    return this.#known === undefined ? 0 : this.readTotal;
  }

  identify(): Promise<BlobIdentity> {
    // Not bound to one caller's signal: several destinations wait for the same digest.
    this.#identity ??= digestStream(this.#content.open({ reuse: true })).then((identity) => {
      this.#known = identity;
      return identity;
    });
    return this.#identity;
  }

  recall(): Promise<BlobIdentity> {
    return this.identify();
  }

  async available(): Promise<number> {
    return (await this.identify()).size;
  }

  async *open(options?: OpenOptions): ByteStream {
    const identity = await this.identify();
    yield* storedForm(this.#content, identity).open(options);
  }
}
