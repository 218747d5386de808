import type { AbortOptions, ByteStream, OpenOptions } from '@slipway/digest';
import type { AvailableOptions, BlobIdentity } from './form.ts';
import type { FailureSide, FormFailure } from './form-failure.ts';
import type { Gate } from './gate.ts';
import type { LayerCheck } from './layer-check.ts';
import type { RunningHash } from './running-hash.ts';

/** The bytes of a form where they lie now, unproven. Nobody takes them away before it is disposed. */
export interface FormBytes extends AsyncDisposable {
  /** To whom they belong, and so who is to blame when they are not what {@link identity} says. */
  readonly side: Exclude<FailureSide, 'machine'>;
  /** What they ought to be; undefined while that is not known, or where nobody has said it. */
  readonly identity: BlobIdentity | undefined;
  /** Bytes in all; undefined while that is not known. */
  readonly size: number | undefined;
  /**
   * Waits until `atLeast` bytes can be read, or all; says how many can. Undefined where none can be read again: then a
   * read hands out its last bytes only when `size` is known.
   */
  available(atLeast: number, options: AvailableOptions): Promise<number | undefined>;
  /** @throws {Moved} when the rest lies elsewhere: the reader takes hold of that, and goes on */
  read(options: OpenOptions): ByteStream;
  /**
   * The bytes as they are made, for a reader who has read nothing, or what `read` has seen. Who makes them hashes them:
   * they need no other proof. Undefined where nobody makes them now, what comes next is not to be had, or what was
   * made is not what was read.
   */
  readonly follow?: ((read: RunningHash | undefined) => Following | undefined) | undefined;
}

/** Bytes that come once, in order, to one reader. It may rest between them. */
export interface Following {
  /** Bytes that were taken. */
  readonly position: number;
  /**
   * The bytes that come next, as many as are there; undefined when all are taken: then `identity` says what they are.
   * From here on, the reader has no use for those before.
   *
   * @throws {FellBehind} when they have to be read where all bytes lie
   * @throws {Moved} when they have to be read elsewhere
   */
  next(options: AbortOptions): Promise<Uint8Array | undefined>;
  /** Takes so many of what came next. */
  advance(bytes: number): void;
  /** The reader has no use for what it has taken, and will go on later. */
  pause(): void;
  /** The reader will not go on. */
  leave(): void;
  /** The hash of what was taken, or of less. @default not known: the reader reads it again to hash it */
  readonly hash?: (() => RunningHash) | undefined;
}

/** What comes next was made, and gone by: it can be read where all bytes of the form lie. What was read is right. */
export class FellBehind extends Error {
  override name = 'FellBehind';
}

/** The bytes that are still to come lie elsewhere. What was read is right. */
export class Moved extends Error {
  override name = 'Moved';
}

/** A form as its readers see it. */
export interface ReadableForm {
  /** Compares the layer with its diffID; undefined where there is nothing to compare. */
  readonly check: LayerCheck | undefined;
  /** Passed by readers that read what they do not hand out: one at a time. */
  readonly rereading: Gate;
  /** Takes hold of the bytes. */
  take(options: AbortOptions): Promise<FormBytes>;
  /** Hears what all bytes have proven to be. */
  adopt(identity: BlobIdentity): void;
  /** Hears of a failure to read `bytes`, and says who failed. */
  blame(bytes: FormBytes | undefined, error: unknown): FormFailure;
}
