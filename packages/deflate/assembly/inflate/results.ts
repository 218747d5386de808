// What each step of inflating comes to.

/** The step is done: take the next one. */
export const GO_ON: i32 = 4;
/** Feed, then go on. Of the last input: it was cut. */
export const NEEDS_INPUT: i32 = 0;
/** Take the output, then go on. */
export const OUTPUT_FULL: i32 = 1;
/** A member ended: take the output, compare the member's checksum and size, then go on. */
export const MEMBER_END: i32 = 2;
/** The input ended with a member. */
export const DONE: i32 = 3;
/** The input ended within a member. */
export const CUT: i32 = -1;
/** This is no gzip, or was damaged. */
export const CORRUPT: i32 = -2;
