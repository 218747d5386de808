import { aBoolean, aNumber, type Kind, outOfRange, someBytes } from './call-checks.ts';

/** A point on the curve between fast and small: 1 is about as small as zlib's 3, 3 as zlib's 6. */
export type DeflateLevel = 1 | 2 | 3 | 4 | 5 | 6;

/** How one block is deflated. */
export interface DeflateOptions {
  /** Higher is smaller and slower. @default 2 */
  readonly level?: DeflateLevel | undefined;
  /** The plain bytes before this block, to which its matches may refer; the last 32 KiB count. @default none */
  readonly dictionary?: Uint8Array | undefined;
  /**
   * Ends the stream with this block. Otherwise the block ends on a byte boundary and another may follow.
   * @default true
   */
  readonly final?: boolean | undefined;
}

/** {@link DeflateOptions} with nothing left open, and a dictionary no longer than the window. */
export interface ResolvedDeflateOptions {
  readonly level: DeflateLevel;
  readonly dictionary: Uint8Array;
  readonly final: boolean;
}

/** What {@link DeflateOptions} leaves out. */
export const deflateDefaults: Readonly<Pick<ResolvedDeflateOptions, 'level' | 'final'>> = Object.freeze({
  level: 2,
  final: true,
});

/** Bytes that deflate can look back. */
export const windowSize: number = 32 * 1024;

const nothing = new Uint8Array(0);

/** What {@link DeflateOptions} may be; the level is looked at when it is read. */
export const deflateKinds: Readonly<Record<keyof DeflateOptions, Kind>> = {
  level: aNumber,
  dictionary: someBytes,
  final: aBoolean,
};

/** The only place defaults are applied. Explicit `undefined` means "default". */
export function resolveDeflateOptions(options: DeflateOptions): ResolvedDeflateOptions {
  const { level = deflateDefaults.level, dictionary = nothing, final = deflateDefaults.final } = options;
  if (!(Number.isInteger(level) && level >= 1 && level <= 6)) {
    throw outOfRange('level', 'an integer from 1 to 6', level);
  }
  return { level, dictionary: dictionary.subarray(-windowSize), final };
}
