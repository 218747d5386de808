import type { Compression, Content } from '@slipway/digest';
import type { FileReader } from '../files/file-reader.ts';
import type { StoredFile } from '../files/source-files.ts';
import { type SpoolOptions, spool } from '../files/spool.ts';
import { magicLength, recogniseCompression } from '../files/stored-content.ts';

/** A layer of an archive in a form that a push can take. */
export interface OpenedLayer {
  readonly content: Content;
  readonly compression: Compression;
  /** Whether the bytes are others than those in the archive. */
  readonly isUnpacked: boolean;
}

/**
 * Layers of docker archives that are compressed with xz or bzip2: registries do not take those, and their plain bytes
 * are wanted from any offset, so each is written to a temporary file once, when the source is opened. Disposed with the
 * source.
 */
export class UnpackedLayers implements AsyncDisposable {
  readonly #options: Omit<SpoolOptions, 'name'>;
  readonly #files = new Map<StoredFile, FileReader>();

  constructor(options: Omit<SpoolOptions, 'name'>) {
    this.#options = options;
  }

  /**
   * `name` is what messages call the layer.
   * @throws {SourceError} `ERR_SOURCE_SPOOL`; `ERR_SOURCE_INVALID` when it cannot be unpacked
   */
  async open(file: StoredFile, name: string): Promise<OpenedLayer> {
    const compression = recogniseCompression(await file.head(magicLength));
    if (compression !== 'xz' && compression !== 'bzip2') {
      return { content: file.content, compression, isUnpacked: false };
    }
    let plain = this.#files.get(file);
    if (plain === undefined) {
      plain = await spool(file.content.open({ signal: this.#options.signal }), { ...this.#options, name });
      this.#files.set(file, plain);
    }
    return { content: plain.slice(0, plain.size, name), compression: 'none', isUnpacked: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) await file[Symbol.asyncDispose]();
  }
}
