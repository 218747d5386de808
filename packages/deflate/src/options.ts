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

/** Refuses an option that is none: it would be waited for in vain. What is undefined counts as left out. */
export function assertNames(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    throw new TypeError(`Expected the options ${known.map((one) => `\`${one}\``).join(', ')}, got \`${name}\``);
  }
}

/** The only place defaults are applied. Explicit `undefined` means "default". */
export function resolveDeflateOptions(options: DeflateOptions): ResolvedDeflateOptions {
  const { level = deflateDefaults.level, dictionary = nothing, final = deflateDefaults.final } = options;
  if (!(Number.isInteger(level) && level >= 1 && level <= 6)) {
    throw new RangeError(`Expected \`level\` to be an integer from 1 to 6, got ${level}`);
  }
  return { level, dictionary: dictionary.subarray(-windowSize), final };
}
