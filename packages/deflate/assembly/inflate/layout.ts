// Where everything lives while bytes are inflated. The memory is of one size for good: 320 KiB, whatever comes in.

/** Bits of a code that are looked up at once; longer ones take a second look. */
export const LITERAL_BITS: u32 = 11;
export const DISTANCE_BITS: u32 = 8;
/** The code of code lengths has 7 bits at most. */
export const META_BITS: u32 = 7;

/** Code lengths, one byte a symbol: literals and lengths, then distances. */
export const LENGTHS: usize = 0x800;
/** Symbols in the order of their codes, two bytes each. */
export const SORTED: usize = 0xa00;
/** Tables of four bytes a code: 2,048 codes and those of second looks. */
export const LITERALS: usize = 0x1000;
/** 256 codes and those of second looks. */
export const DISTANCES: usize = 0x4000;
export const META: usize = 0x4c00;

/** What is left of the input before, and then the input. */
export const INPUT: usize = 0x6000;
export const INPUT_LIMIT: usize = 0x10000;

/** The window, then what is new. */
export const OUTPUT: usize = 0x20000;
export const OUTPUT_END: usize = 0x4fe00;
/** Room for three literals and the longest match, copied in steps of 16. */
export const OUTPUT_MARGIN: usize = 320;

/** Deflate looks back so far. */
export const WINDOW: usize = 32768;
/** A block's header is no longer: 17 bits, 19 lengths of 3 bits, 316 lengths of 14. */
export const HEADER_LIMIT: usize = 640;
