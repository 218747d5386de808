import { open } from 'node:fs/promises';
import type { SpoolStorage } from './spool.ts';

/** What the cache needs of the outside world. Tests put a full disk and a clock of their own in its place. */
export interface LayerCachePorts {
  /** Makes a file that can be written and read; fails where there is one. */
  readonly createFile: (path: string) => Promise<SpoolFile>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The part of a `FileHandle` that a spool needs. */
export interface SpoolFile {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export const defaultPorts: LayerCachePorts = Object.freeze({
  createFile: (path: string) => open(path, 'wx+', 0o600),
  now: () => Date.now(),
});

/**
 * A file as the place where a layer gathers. Writer and readers share its one handle, so renaming it disturbs nobody.
 */
export class FileStorage implements SpoolStorage {
  readonly #file: SpoolFile;

  constructor(file: SpoolFile) {
    this.#file = file;
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < chunk.byteLength; ) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.byteLength - done, position + done);
      done += bytesWritten;
    }
  }

  async read(position: number, maxLength: number, into?: Uint8Array): Promise<Uint8Array> {
    const buffer = into ?? new Uint8Array(maxLength);
    const { bytesRead } = await this.#file.read(buffer, 0, maxLength, position);
    // somebody truncated it
    if (bytesRead === 0) throw new Error(`unexpected end of the partial layer at byte ${position}`);
    return buffer.subarray(0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
