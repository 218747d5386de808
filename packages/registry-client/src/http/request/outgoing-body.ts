import { assertChunk } from '@slipway/arguments';
import type { ByteStream } from '@slipway/digest';
import { inCurrentTrace } from '@slipway/tracing';

/** Writes below this are gathered first: tiny HTTP chunks have cost pushes to Docker Hub (go-containerregistry#920). */
const minPieceSize = 65_536;
/**
 * Larger chunks are cut, so that "no byte moved" stays an honest measure on a slow line: to the first size, and the
 * second as long as the socket takes each piece at once.
 */
const firstPieceSize = 262_144;
const maxPieceSize = 1_048_576;
/** So long a fast line takes at most for a piece: 256 KiB in this time are 5 MiB/s. */
const atOnceMs = 50;
/**
 * A socket that is handed more than its high-water mark (16 KiB in Node 20, 64 KiB since) asks for the next piece only
 * when the kernel has this one. Smaller ones it may still hold by then.
 */
const neverHeldFrom = 131_072;

/** What the sender of a body wants to know. */
export interface OutgoingBodyOptions {
  readonly size: number | undefined;
  /** Told the total whenever the socket has taken another piece. */
  readonly onTaken?: ((sent: number) => void) | undefined;
  /** The socket has taken a piece, or been handed one: the time allowed for its next move starts. */
  readonly onHanded: () => void;
  /** The socket asks for more: from here on the source is what is waited for. */
  readonly onWanted: () => void;
  /** Everything was taken: the time allowed for the answer starts. */
  readonly onEnd: () => void;
}

/**
 * A body on its way into a socket: read only as fast as the socket takes it, in pieces of a good size, and let go at
 * any moment, also while the source keeps it waiting. Chunks of the source are used up before the next one is asked
 * for.
 */
export class OutgoingBody implements AsyncIterable<Uint8Array> {
  /** Bytes the socket has taken. */
  sent = 0;
  /** What the source threw, if it did. */
  sourceError: unknown;
  readonly #source: ByteStream;
  readonly #options: OutgoingBodyOptions;
  /** Bytes the socket was handed. */
  #handed = 0;
  #hasEnded = false;
  #isStopped = false;
  #wake: (() => void) | undefined;
  /** Whoever reads the body for the socket may be at work in another trace. */
  readonly #read = inCurrentTrace((pieces: AsyncGenerator<Uint8Array, void, void>) => pieces.next());

  constructor(source: ByteStream, options: OutgoingBodyOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * Whether the socket was handed everything: an answer that comes sooner is none to all of it. That it has taken
   * everything may be told after the answer, over TLS above all. Where the size is known, the source need not have come
   * to its end: closing a file takes its time.
   */
  get isHandedOver(): boolean {
    const { size } = this.#options;
    return this.#hasEnded || (size !== undefined && this.#handed >= size);
  }

  /**
   * Fails the iteration, so that a half-sent body is never closed as if it were whole. The source is closed in its own
   * time.
   */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    let pieceSize = firstPieceSize;
    const pieces = inPieces(this.#source, () => pieceSize);
    const { size, onTaken, onHanded, onWanted, onEnd } = this.#options;
    try {
      for (;;) {
        onWanted();
        const step = await this.#next(pieces);
        if (step.done === true) break;
        const piece = step.value;
        if (size !== undefined && this.sent + piece.byteLength > size) throw wrongSize(size, 'more');
        this.#handed += piece.byteLength;
        onHanded();
        const handedAtMs = performance.now();
        yield piece;
        const isFast = performance.now() - handedAtMs <= atOnceMs;
        pieceSize = isFast ? maxPieceSize : firstPieceSize;
        this.sent += piece.byteLength;
        onTaken?.(this.sent);
      }
      if (size !== undefined && this.sent < size) throw wrongSize(size, `${this.sent}`);
      this.#hasEnded = true;
      onEnd();
    } catch (error) {
      if (!this.#isStopped) this.sourceError = error;
      throw error;
    } finally {
      pieces.return().catch(() => {}); // not waited for: a source that hangs must not hold up the answer
    }
  }

  /** The next piece; rejects as soon as {@link stop} is called. */
  async #next(pieces: AsyncGenerator<Uint8Array, void, void>): Promise<IteratorResult<Uint8Array, void>> {
    return await new Promise((resolve, reject) => {
      this.#wake = () => reject(new Error('The request ended before its body'));
      if (this.#isStopped) this.#wake();
      else this.#read(pieces).then(resolve, reject);
    });
  }
}

function wrongSize(size: number, received: string): RangeError {
  return new RangeError(`Expected the content to be of ${size} bytes, got ${received}`);
}

async function* inPieces(source: ByteStream, maxSize: () => number): AsyncGenerator<Uint8Array, void, void> {
  let gathered = new Uint8Array(0);
  let length = 0;
  for await (const chunk of source) {
    assertChunk(chunk);
    if (length === 0 && chunk.byteLength >= minPieceSize) {
      yield* cut(chunk, maxSize);
      continue;
    }
    if (chunk.byteLength === 0) continue;
    if (length === 0) gathered = new Uint8Array(minPieceSize);
    const fitting = chunk.subarray(0, minPieceSize - length);
    gathered.set(fitting, length);
    length += fitting.byteLength;
    if (length < minPieceSize) continue;
    yield gathered;
    length = 0;
    const rest = chunk.subarray(fitting.byteLength);
    if (rest.byteLength >= minPieceSize) {
      yield* cut(rest, maxSize);
    } else if (rest.byteLength > 0) {
      gathered = new Uint8Array(minPieceSize);
      gathered.set(rest);
      length = rest.byteLength;
    }
  }
  if (length > 0) yield gathered.subarray(0, length);
}

/** A small rest goes with the piece before it. */
function* cut(chunk: Uint8Array, maxSize: () => number): Generator<Uint8Array, void, void> {
  for (let at = 0; at < chunk.byteLength; ) {
    const end = at + maxSize();
    const piece = chunk.subarray(at, chunk.byteLength - end < minPieceSize ? chunk.byteLength : end);
    at += piece.byteLength;
    yield piece.byteLength < neverHeldFrom ? new Uint8Array(piece) : piece;
  }
}
