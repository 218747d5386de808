// Compressed bytes, as they come, and the bits that were read ahead of them.

import { HEADER_LIMIT, INPUT } from './layout';

export class Input {
  /** The next byte; bits that wait in `bits` come before it. */
  static at: usize = INPUT;
  static end: usize = INPUT;
  /** Lowest first. Above `count` of them may stand what comes next anyway. */
  static bits: u64 = 0;
  static count: u32 = 0;
  /** Whether there is no more input than what is here. */
  static isLast: bool = false;
}

/** Begins with new content. */
export function resetInput(): void {
  Input.at = INPUT;
  Input.end = INPUT;
  dropBits();
}

export function dropBits(): void {
  Input.bits = 0;
  Input.count = 0;
}

/** What the last input lacks is read as zeros; that `at` lies beyond the end tells that something was missing. */
export function padInput(): void {
  memory.fill(Input.end, 0, HEADER_LIMIT + 64);
}

/** Makes at least 56 bits ready. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function refill(): void {
  Input.bits |= load<u64>(Input.at) << (Input.count as u64);
  Input.at += ((63 - Input.count) >>> 3) as usize;
  Input.count |= 56;
}

/** Takes up to 31 bits of those that are ready. */
// @ts-expect-error: a decorator of AssemblyScript
@inline
export function takeBits(size: u32): u32 {
  const value = (Input.bits as u32) & ((1 << size) - 1);
  Input.bits >>= size as u64;
  Input.count -= size;
  return value;
}

/** Gives whole bytes that were read ahead back. */
export function giveBackBytes(): void {
  Input.at -= (Input.count >>> 3) as usize;
  Input.count &= 7;
  Input.bits &= (1 << Input.count) - 1;
}

/** Goes to the next byte boundary. */
export function alignInput(): void {
  giveBackBytes();
  dropBits();
}

/** Makes room for the next chunk: what is left of this one goes before it. */
export function keepRest(): void {
  const rest = Input.end - Input.at;
  memory.copy(INPUT - rest, Input.at, rest);
  Input.at = INPUT - rest;
  Input.end = INPUT;
}
