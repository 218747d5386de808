// Inflates gzip members, chunk by chunk: input comes as it comes, output is taken when there is enough of it.

import { readCodes, useFixedCodes } from './codes';
import { readHeader, resetHeader } from './gzip-header';
import { alignInput, dropBits, giveBackBytes, Input, keepRest, padInput, refill, resetInput, takeBits } from './input';
import { HEADER_LIMIT, INPUT, INPUT_LIMIT, OUTPUT_END } from './layout';
import { makeRoom, Output, resetOutput } from './output';
import { CORRUPT, CUT, GO_ON, MEMBER_END, NEEDS_INPUT, OUTPUT_FULL } from './results';
import { decodeSymbols } from './symbols';

const AT_MEMBER: u32 = 0;
const AT_BLOCK: u32 = 1;
const IN_STORED: u32 = 2;
const IN_SYMBOLS: u32 = 3;
const AT_TRAILER: u32 = 4;

let state: u32 = AT_MEMBER;
let isFinalBlock: bool = false;
/** Bytes left of a stored block. */
let storedLeft: usize = 0;
let checksum: u32 = 0;
let plainSize: u32 = 0;

export function inputAddress(): usize {
  return INPUT;
}

export function inputLimit(): usize {
  return INPUT_LIMIT;
}

/** Begins with new content. */
export function reset(): void {
  state = AT_MEMBER;
  resetHeader();
  resetInput();
  resetOutput();
}

/** Says that `size` bytes lie at the input address: for who was told that input is needed, or begins. */
export function feed(size: usize): void {
  Input.end = INPUT + size;
}

export function outputAddress(): usize {
  return Output.taken;
}

/** Output that was not taken yet. */
export function outputSize(): usize {
  return Output.at - Output.taken;
}

export function take(): void {
  Output.taken = Output.at;
}

/** CRC-32 of the member that ended, as it says itself. */
export function memberChecksum(): u32 {
  return checksum;
}

/** Plain bytes of the member that ended, modulo 2³², as it says itself. */
export function memberSize(): u32 {
  return plainSize;
}

/**
 * Goes on until something is to be done about it: a value of results.ts. `isLast`: there is no more input than was fed.
 */
export function inflate(isLast: bool): i32 {
  Input.isLast = isLast;
  if (isLast) padInput();
  let result: i32;
  do result = step();
  while (result == GO_ON);
  giveBackBytes();
  if (isLast && (Input.at > Input.end || result == NEEDS_INPUT)) return CUT;
  if (result == NEEDS_INPUT) keepRest();
  return result;
}

function step(): i32 {
  if (state == IN_SYMBOLS) return inSymbols();
  if (state == AT_BLOCK) return atBlock();
  if (state == IN_STORED) return inStored();
  if (state == AT_TRAILER) return atTrailer();
  const result = readHeader();
  if (result == GO_ON) {
    state = AT_BLOCK;
    dropBits();
    Output.windowStart = Output.at;
  }
  return result;
}

function atBlock(): i32 {
  if (!Input.isLast && Input.end - Input.at < HEADER_LIMIT) return NEEDS_INPUT;
  refill();
  isFinalBlock = takeBits(1) != 0;
  const type = takeBits(2);
  if (type == 3) return CORRUPT;
  if (type == 0) return atStored();
  if (type == 1) useFixedCodes();
  else if (!readCodes()) return CORRUPT;
  state = IN_SYMBOLS;
  return GO_ON;
}

function atStored(): i32 {
  alignInput();
  if (Input.at + 4 > Input.end) return NEEDS_INPUT;
  const size = load<u16>(Input.at) as u32;
  if ((size ^ load<u16>(Input.at, 2)) != 0xffff) return CORRUPT;
  Input.at += 4;
  storedLeft = size;
  state = IN_STORED;
  return GO_ON;
}

function inStored(): i32 {
  if (!makeRoom()) return OUTPUT_FULL;
  const size = min(min(storedLeft, Input.end - Input.at), OUTPUT_END - Output.at);
  memory.copy(Output.at, Input.at, size);
  Output.at += size;
  Input.at += size;
  storedLeft -= size;
  if (storedLeft == 0) endBlock();
  else if (Input.at == Input.end) return NEEDS_INPUT;
  return GO_ON;
}

function inSymbols(): i32 {
  if (!makeRoom()) return OUTPUT_FULL;
  const result = decodeSymbols();
  if (result == GO_ON) endBlock();
  return result;
}

function endBlock(): void {
  state = isFinalBlock ? AT_TRAILER : AT_BLOCK;
}

function atTrailer(): i32 {
  alignInput();
  if (Input.at + 8 > Input.end) return NEEDS_INPUT;
  checksum = load<u32>(Input.at);
  plainSize = load<u32>(Input.at, 4);
  Input.at += 8;
  state = AT_MEMBER;
  return MEMBER_END;
}
