import type { AbortOptions, ByteStream, Digest, FormNotes, OpenOptions } from '@slipway/digest';
import type { FormFailure } from './form-failure.ts';

/** Digest and size of a blob's bytes, known once all of them have been seen. */
export interface BlobIdentity {
  readonly digest: Digest;
  readonly size: number;
}

/** A blob in the form it is sent in, shared by every destination of a push. */
export interface BlobForm {
  /**
   * Given by a descriptor, or computed here. It changes only where a kept copy turns out to be damaged: after a
   * {@link FormFailure} of side 'copy' it is undefined until it is computed again.
   */
  readonly identity: BlobIdentity | undefined;
  /** What is to be said of the bytes beside their identity; known with it. Undefined where there is nothing to say. */
  readonly notes: FormNotes | undefined;
  /** Names what decides the bytes beside the diffID; undefined for bytes that go as they are. */
  readonly recipe: string | undefined;
  /** Bytes of the source read so far. */
  readonly read: number;
  readonly readTotal: number;
  /** Whether a part can be read again at the cost of reading it. Without a cache, a compressed layer is made again. */
  readonly isKept: boolean;
  /**
   * Starts what has to be computed, and resolves with the identity. One computation, however many ask; it ends with the
   * push's signal, while `signal` ends only the wait of its caller. A failure is not kept: the next call begins anew.
   *
   * @throws {FormFailure}
   */
  identify(options?: AbortOptions): Promise<BlobIdentity>;
  /** Hears that it is likely to be computed soon: what that takes can start meanwhile. Nothing is read yet. */
  readonly prepare?: (() => void) | undefined;
  /**
   * Makes it before anybody needs it, where what is made is kept; does nothing elsewhere, and where it is there. Ends
   * with the push's signal.
   *
   * @throws {FormFailure}
   */
  readonly makeAhead?: (() => Promise<void>) | undefined;
  /** The identity, where it is known or kept from an earlier run. Never reads the content. */
  recall(options?: AbortOptions): Promise<BlobIdentity | undefined>;
  /**
   * Waits until `atLeast` bytes can be read, or all of them, and says how many can. Undefined where nothing is kept to
   * read again from.
   *
   * @throws {FormFailure}
   */
  available(atLeast: number, options?: AbortOptions): Promise<number | undefined>;
  /** Begins to read it for one upload: all attempts and all chunks of one blob to one repository. */
  reader(): FormReader;
  /** Resolves when nothing that it has begun runs any more: soon after the push's signal has aborted. Never rejects. */
  settled(): Promise<void>;
}

export interface AvailableOptions extends AbortOptions {
  /**
   * For who makes do with fewer: also resolves with more than `beyond` bytes, as many as are sure to come to a reader
   * that waits for them. @default all of `atLeast` are waited for
   */
  readonly beyond?: number | undefined;
}

export interface ReadPartOptions extends OpenOptions {
  /** Bytes wanted. @default all to the end */
  readonly length?: number | undefined;
}

/**
 * Reads a form for one upload: in order, in parts, and again after a failure. It hashes on while it reads, so that a
 * blob in parts is read once, and proven as a whole. One opening at a time: a new one ends the one before.
 */
export interface FormReader extends AsyncDisposable {
  /**
   * As {@link BlobForm.available}, or what is sure to come. From here on, nobody takes the bytes away from this reader:
   * a copy that is removed from the cache stays readable until the reader is disposed.
   *
   * @throws {FormFailure}
   */
  available(atLeast: number, options?: AvailableOptions): Promise<number | undefined>;
  /**
   * Reads and hashes what lies before `position`, if no opening has read it: what an upload that another process began
   * has sent already. {@link open} does it too, but then a request waits for it.
   *
   * @throws {FormFailure}
   */
  reach(position: number, options?: AbortOptions): Promise<void>;
  /**
   * The bytes from `from` on. The last byte of the blob is handed out only when all of them are proven.
   *
   * @throws {FormFailure} while it is read
   */
  open(options?: ReadPartOptions): ByteStream;
  /**
   * Resolves when all bytes were read and proven, with what they are; reads what no opening has read. To be asked
   * before every commit: an empty blob has no byte to hold back.
   *
   * @throws {FormFailure}
   */
  prove(options?: AbortOptions): Promise<BlobIdentity>;
  /**
   * Why reading failed last; undefined again with the next opening. It tells a failure to read from a failure to send.
   */
  readonly failure: FormFailure | undefined;
}
