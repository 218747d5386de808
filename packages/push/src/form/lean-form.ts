import { type OpenOptions, readStoredBlocks, type StoredRange, storedSize } from '@slipway/digest';
import { Moved } from './form-bytes.ts';
import type { PlainReader } from './plain-reader.ts';

/** More of the layer can be compressed than a look at it said: it is better kept on disk. */
export class NotLean extends Moved {
  override name = 'NotLean';
}

/** A stretch of the compressed form: bytes that are held, or the range of the plain ones that they are made of. */
type Part = { readonly offset: number } & (
  | { readonly held: Uint8Array; readonly range?: undefined }
  | { readonly held?: undefined; readonly range: StoredRange }
);

/** Bytes that are held at most. */
const mostHeldBytes = 16 * 1024 * 1024;

/**
 * The compressed form of a layer that consists of stored blocks nearly everywhere: its plain bytes with short headers
 * between them. Only what is not stored is held; the rest is made of the source again, from wherever a reader begins.
 * Nothing is written to disk.
 */
export class LeanForm {
  readonly #mostHeld: number;
  /** In order, without gaps up to {@link size}. */
  readonly #parts: Part[] = [];
  /** What is stored of the chunks that come next. */
  readonly #told: StoredRange[] = [];
  #size = 0;
  #held = 0;

  constructor(mostHeld: number = mostHeldBytes) {
    this.#mostHeld = mostHeld;
  }

  /** Compressed bytes that can be read. */
  get size(): number {
    return this.#size;
  }

  /** Takes the news of what is stored in the chunks that come next. */
  tell(range: StoredRange): void {
    this.#told.push(range);
  }

  /** Takes the next chunk. @throws {NotLean} when too much of the form has to be held */
  append(chunk: Uint8Array): void {
    const start = this.#size;
    const end = start + chunk.byteLength;
    let at = start;
    for (let range = this.#told[0]; range !== undefined && range.offset < end; range = this.#told[0]) {
      this.#hold(chunk.subarray(at - start, range.offset - start), at);
      this.#parts.push({ offset: range.offset, range });
      at = range.offset + storedSize(range.plainSize);
      this.#told.shift();
    }
    this.#hold(chunk.subarray(at - start), at);
    this.#size = end;
  }

  /** Makes the form of the plain bytes, from byte `from` to where it ends now, or, once all is there, to its end. */
  async *read(
    plain: PlainReader,
    { from = 0, signal, reuse = false }: OpenOptions = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    let room = new Uint8Array(0);
    for (let i = this.#partAt(from); i < this.#parts.length; i += 1) {
      signal?.throwIfAborted();
      const { offset, held, range } = this.#parts[i] as Part;
      const skipped = Math.max(0, from - offset);
      if (held !== undefined) {
        if (skipped < held.byteLength) yield held.subarray(skipped);
        continue;
      }
      const size = storedSize(range.plainSize);
      if (skipped >= size) continue;
      if (!reuse || room.byteLength < size) room = new Uint8Array(size);
      let position = range.plainOffset;
      await readStoredBlocks(room, range.plainSize, async (target) => {
        await plain.fill(target, position);
        position += target.byteLength;
      });
      yield room.subarray(skipped, size);
    }
  }

  #hold(bytes: Uint8Array, offset: number): void {
    if (bytes.byteLength === 0) return;
    this.#held += bytes.byteLength;
    if (this.#held > this.#mostHeld) throw new NotLean(`more than ${this.#mostHeld} bytes are not stored as they are`);
    this.#parts.push({ offset, held: new Uint8Array(bytes) });
  }

  /** The last part that begins at or before an offset. */
  #partAt(offset: number): number {
    let low = 0;
    let high = this.#parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#parts[middle] as Part).offset <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}
