import { open } from 'node:fs/promises';
import type { HeldBytes } from './held-memory.ts';
import type { SpoolStorage } from './spool.ts';

/** What the cache needs of the outside world. Tests put a full disk and a clock of their own in its place. */
export interface LayerCachePorts {
  /** Makes a file that can be written and read; fails where there is one. */
  readonly createFile: (path: string) => Promise<SpoolFile>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Memory for layers that are being made: in all, and for one. */
  readonly memory: { readonly bytes: number; readonly mostOfOne: number };
}

/** The part of a `FileHandle` that a spool needs. */
export interface SpoolFile {
  /** Writes some bytes of the pieces, the first ones. */
  writev(pieces: Uint8Array[], position: number): Promise<{ readonly bytesWritten: number }>;
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export const defaultPorts: LayerCachePorts = Object.freeze({
  createFile: (path: string) => open(path, 'wx+', 0o600),
  now: () => Date.now(),
  memory: Object.freeze({ bytes: 8 * 1024 * 1024, mostOfOne: 4 * 1024 * 1024 }),
});

/**
 * A file as the place where a layer gathers. Writer and readers share its one handle, so renaming it disturbs nobody.
 * A layer that stays small is held in memory, where its readers find it, and written when it is complete.
 */
export class FileStorage implements SpoolStorage {
  readonly #file: SpoolFile;
  readonly #held: HeldBytes;
  /** Bytes in the file. While there are none, all are held; what was held stays until readers are done with it. */
  #written = 0;

  constructor(file: SpoolFile, held: HeldBytes) {
    this.#file = file;
    this.#held = held;
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    if (this.#written === 0 && this.#held.append(chunk)) return;
    if (this.#written === 0) await this.flush();
    await this.#writeOut([chunk], position);
  }

  async read(position: number, maxLength: number, room?: () => Uint8Array): Promise<Uint8Array> {
    if (position < this.#held.size) return this.#held.view(position);
    const buffer = room?.() ?? new Uint8Array(maxLength);
    const { bytesRead } = await this.#file.read(buffer, 0, maxLength, position);
    // somebody truncated it
    if (bytesRead === 0) throw new Error(`unexpected end of the partial layer at byte ${position}`);
    return buffer.subarray(0, bytesRead);
  }

  async flush(): Promise<void> {
    if (this.#written === 0) await this.#writeOut([...this.#held.views()], 0);
  }

  async close(): Promise<void> {
    this.#held.release();
    await this.#file.close();
  }

  async #writeOut(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let end = position;
    for (let left = [...pieces]; left.length > 0; ) {
      const { bytesWritten } = await this.#file.writev(left, end);
      end += bytesWritten;
      left = without(left, bytesWritten);
    }
    this.#written = end;
  }
}

/** What is left of pieces when so many bytes of them are written. */
function without(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  let skipped = written;
  return pieces.flatMap((piece) => {
    const left = piece.subarray(Math.min(skipped, piece.byteLength));
    skipped -= piece.byteLength - left.byteLength;
    return left.byteLength > 0 ? [left] : [];
  });
}
