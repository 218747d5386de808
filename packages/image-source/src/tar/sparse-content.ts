import type { ByteStream, Content, OpenOptions } from '@slipway/digest';
import { assertOffset, type FileReader } from '../files/file-reader.ts';
import type { SparsePiece } from './tar-entry.ts';

/** Where the data of a sparse file lies in an archive, and what it makes up. */
export interface SparseExtent {
  readonly offset: number;
  readonly size: number;
  readonly pieces: readonly SparsePiece[];
}

const zeros = new Uint8Array(128 * 1024);

/** Content that was stored without its zeros. */
export function sparseContent(reader: FileReader, extent: SparseExtent, label: string): Content {
  return { size: extent.size, open: (options) => read(reader, extent, label, options) };
}

async function* read(
  reader: FileReader,
  { offset, size, pieces }: SparseExtent,
  label: string,
  options: OpenOptions = {},
): ByteStream {
  const { from = 0, signal, reuse } = options;
  assertOffset(from, size);
  signal?.throwIfAborted();
  let position = from;
  let stored = offset;
  for (const piece of pieces) {
    const end = piece.offset + piece.size;
    if (end > position) {
      yield* hole(piece.offset - position, signal);
      position = Math.max(position, piece.offset);
      yield* reader.slice(stored, piece.size, label).open({ from: position - piece.offset, signal, reuse });
      position = end;
    }
    stored += piece.size;
  }
  yield* hole(size - position, signal);
}

async function* hole(size: number, signal: AbortSignal | undefined): ByteStream {
  for (let left = size; left > 0; left -= zeros.byteLength) {
    signal?.throwIfAborted();
    yield zeros.subarray(0, Math.min(left, zeros.byteLength));
  }
}
