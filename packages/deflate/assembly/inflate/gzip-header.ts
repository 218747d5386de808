// The header of a gzip member (RFC 1952), of any length and in any pieces.

import { Input } from './input';
import { CORRUPT, DONE, GO_ON, NEEDS_INPUT } from './results';

const FIXED: u32 = 0;
const EXTRA_SIZE: u32 = 1;
const EXTRA: u32 = 2;
const NAME: u32 = 3;
const COMMENT: u32 = 4;
const CHECKSUM: u32 = 5;
const COMPLETE: u32 = 6;

const HAS_CHECKSUM: u32 = 2;
const HAS_EXTRA: u32 = 4;
const HAS_NAME: u32 = 8;
const HAS_COMMENT: u32 = 16;
const RESERVED: u32 = 0xe0;

let part: u32 = FIXED;
let flags: u32 = 0;
let extraLeft: usize = 0;
let checksum: u32 = 0;
let isFirstMember: bool = true;

export function resetHeader(): void {
  part = FIXED;
  isFirstMember = true;
}

/** Reads as much of a header as there is. GO_ON stands for its end. */
export function readHeader(): i32 {
  let result: i32 = GO_ON;
  while (part != COMPLETE && result == GO_ON) result = readPart();
  if (part == COMPLETE) part = FIXED;
  return result;
}

function readPart(): i32 {
  const here = Input.end - Input.at;
  if (part == FIXED) {
    if (here == 0 && Input.isLast && !isFirstMember) return DONE;
    if (here < 10) return NEEDS_INPUT;
    if (load<u16>(Input.at) != 0x8b1f || load<u8>(Input.at, 2) != 8) return CORRUPT;
    flags = load<u8>(Input.at, 3);
    if (flags & RESERVED) return CORRUPT;
    isFirstMember = false;
    checksum = 0xffffffff;
    skip(10);
    part = EXTRA_SIZE;
  } else if (part == EXTRA_SIZE) {
    extraLeft = 0;
    if (flags & HAS_EXTRA) {
      if (here < 2) return NEEDS_INPUT;
      extraLeft = load<u16>(Input.at);
      skip(2);
    }
    part = EXTRA;
  } else if (part == EXTRA) {
    const size = min(here, extraLeft);
    skip(size);
    extraLeft -= size;
    if (extraLeft > 0) return NEEDS_INPUT;
    part = NAME;
  } else if (part == NAME) {
    if (flags & HAS_NAME && !skipText()) return NEEDS_INPUT;
    part = COMMENT;
  } else if (part == COMMENT) {
    if (flags & HAS_COMMENT && !skipText()) return NEEDS_INPUT;
    part = CHECKSUM;
  } else {
    if (flags & HAS_CHECKSUM) {
      if (here < 2) return NEEDS_INPUT;
      if ((load<u16>(Input.at) as u32) != (~checksum & 0xffff)) return CORRUPT;
      Input.at += 2;
    }
    part = COMPLETE;
  }
  return GO_ON;
}

/** Passes bytes by, and counts them in the header's checksum. */
function skip(size: usize): void {
  for (const end = Input.at + size; Input.at < end; Input.at++) {
    checksum ^= load<u8>(Input.at);
    for (let bit = 0; bit < 8; bit++) checksum = (checksum >>> 1) ^ (0xedb88320 & -(checksum & 1));
  }
}

/** Passes a text and the zero that ends it by; false when the zero is still to come. */
function skipText(): bool {
  while (Input.at < Input.end) {
    const isEnd = load<u8>(Input.at) == 0;
    skip(1);
    if (isEnd) return true;
  }
  return false;
}
