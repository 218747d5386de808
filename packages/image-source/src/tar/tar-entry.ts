/** What one name in an archive stands for. */
export type TarEntry =
  | TarFile
  /** `target` as written: relative to the link's folder when symbolic, to the archive's root when hard. */
  | { readonly type: 'symlink' | 'hardlink'; readonly target: string }
  | { readonly type: 'folder' | 'other' }
  /** A member that cannot be read, and says so to whoever wants it: `reason` completes "member … ". */
  | { readonly type: 'unreadable'; readonly reason: string };

/** A regular file of an archive. */
export interface TarFile {
  readonly type: 'file';
  /** Where its data begins, in bytes from the start of the archive. */
  readonly offset: number;
  /** Bytes of its content, holes included. */
  readonly size: number;
  /** Its data, piece by piece, where it is stored as a sparse file: what lies between is zeros. */
  readonly pieces?: readonly SparsePiece[] | undefined;
  /** Its first bytes, where they were read with the header: enough to see how it is compressed. */
  readonly head?: Uint8Array | undefined;
}

/** A stretch of data within a sparse file, in bytes. */
export interface SparsePiece {
  readonly offset: number;
  readonly size: number;
}

/**
 * Names without leading `/` and `./` and trailing `/`, in the order of their first appearance; of a repeated name the
 * last entry counts.
 */
export type TarIndex = ReadonlyMap<string, TarEntry>;
