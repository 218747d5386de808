// Where everything lives. The memory is of one size for good: 2.9 MiB, whatever comes in.

/** Counts of the piece of a block being looked at, 320 words: 288 literal/length symbols, then 32 distance symbols. */
export const CHUNK_COUNTS: usize = 0x4000;
/** The same for the block being gathered. */
export const BLOCK_COUNTS: usize = 0x4500;
/** Code lengths, one byte a symbol, in the same order. */
export const LENGTHS: usize = 0x4a00;
/** Codes of literal/length symbols: the bits, already reversed, above eight bits that say how many. */
export const LITERAL_CODES: usize = 0x4c00;
export const DISTANCE_CODES: usize = 0x5080;
/** Codes of match lengths 3 to 258 with their extra bits, in the same form. */
export const LENGTH_CODES: usize = 0x5100;
/** The code of code lengths: 19 counts, lengths and codes, then the items to be said in it. */
export const META_COUNTS: usize = 0x5500;
export const META_LENGTHS: usize = 0x5580;
export const META_CODES: usize = 0x55a0;
export const META_ITEMS: usize = 0x5600;
/** Room for sorting 288 symbols by their counts. */
export const SORT_A: usize = 0x5a00;
export const SORT_B: usize = 0x5f00;
export const SORT_DIGITS: usize = 0x6400;
/** The fixed codes of RFC 1951, in the forms of the three tables above. */
export const FIXED_LITERAL_CODES: usize = 0x6800;
export const FIXED_DISTANCE_CODES: usize = 0x6c80;
export const FIXED_LENGTH_CODES: usize = 0x6d00;
/** Length symbols less 257 of match lengths 3 to 258, one byte each. */
export const LENGTH_SYMBOLS: usize = 0x7100;
/** Fractional part of the binary logarithm, 256 steps of 1/4096. */
export const LOGARITHMS: usize = 0x7200;
export const NOISE_COUNTS: usize = 0x7600;
/** Where a marked word was last seen, and which one it was. */
export const NOISE_PLACES: usize = 0x8000;
export const NOISE_WORDS: usize = 0xc000;

/** Tables of the match finders. */
export const TABLES: usize = 0x10000;
export const SEQUENCES: usize = 0x60000;
/** A multiple of 64 KiB: the match finders keep the lower half of addresses only, and 0 must mean the first byte. */
export const INPUT: usize = 0xc0000;
export const OUTPUT: usize = 0x1e0000;

/** Deflate looks back so far. */
export const WINDOW: usize = 1 << 15;
/** Plain bytes a call may bring, besides the dictionary. */
export const INPUT_LIMIT: usize = 1 << 20;
/** Plain bytes that are parsed before they are written. */
export const SEGMENT: usize = 1 << 17;
