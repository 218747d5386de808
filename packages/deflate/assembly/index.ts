// Raw deflate of one piece of input, ending on a byte boundary.

import { alignBits, beginBits, bytesEnd, isAligned, putBits } from './bits';
import { putStored, STORED_LIMIT } from './block';
import { clearPairs, learnPairs } from './greedy';
import { INPUT, INPUT_LIMIT, OUTPUT, SEGMENT, WINDOW } from './layout';
import { clearRows, learnRows } from './lazy';
import { beginNoise, isNoise, NOISE_PIECE } from './noise';
import { putSegment } from './segment';
import { parsedEnd } from './sequences';
import { makeTables } from './tables';

makeTables();

export function inputAddress(): usize {
  return INPUT;
}

export function inputLimit(): usize {
  return INPUT_LIMIT;
}

export function outputAddress(): usize {
  return OUTPUT;
}

/**
 * Deflates `size` bytes that lie behind `dictionary` bytes at the input address; returns how many bytes lie at the
 * output address. A final piece ends the stream; any other ends on a byte boundary, as after a sync flush.
 */
export function deflate(dictionary: usize, size: usize, level: u32, final: u32): usize {
  const start = INPUT + dictionary;
  const end = start + size;
  beginBits(OUTPUT);
  putInput(start, end, level, final);
  if (size == 0 && final != 0) putBits(3, 10);
  if (final != 0) alignBits();
  else if (!isAligned()) putStored(end, end, 0);
  const storedSize = size + 5 * ((size + STORED_LIMIT - 1) / STORED_LIMIT);
  if (size > 0 && bytesEnd() - OUTPUT > storedSize) {
    beginBits(OUTPUT);
    putStored(start, end, final);
  }
  return bytesEnd() - OUTPUT;
}

/**
 * Whether all of `size` bytes behind `dictionary` bytes at the input address is noise: `deflate` then makes stored
 * blocks of it, and nothing else.
 */
export function isNoiseOnly(dictionary: usize, size: usize): bool {
  const start = INPUT + dictionary;
  const end = start + size;
  beginNoise();
  for (let from = start; from < end; from += NOISE_PIECE) {
    if (!isNoise(from, min(from + NOISE_PIECE, end))) return false;
  }
  return size > 0;
}

function putInput(start: usize, end: usize, level: u32, final: u32): void {
  let learnt = INPUT;
  clearTables(level);
  beginNoise();
  for (let from = start; from < end; ) {
    let to = from;
    while (to < end && isNoise(to, min(to + NOISE_PIECE, end))) to = min(to + NOISE_PIECE, end);
    if (to > from) {
      putStored(from, to, to == end ? final : 0);
      from = to;
      continue;
    }
    const most = min(from + SEGMENT, end);
    to = min(from + NOISE_PIECE, end);
    while (to < most && !isNoise(to, min(to + NOISE_PIECE, end))) to = min(to + NOISE_PIECE, most);
    // What was stored is learnt as far as it is in reach; most often it never is.
    const reach = from - INPUT > WINDOW ? from - WINDOW : INPUT;
    if (learnt < from) learn(level, max(learnt, reach), from);
    putSegment(level, from, to, end, final);
    from = parsedEnd;
    learnt = parsedEnd;
  }
}

function clearTables(level: u32): void {
  if (level <= 2) clearPairs();
  else clearRows();
}

function learn(level: u32, from: usize, to: usize): void {
  if (level <= 2) learnPairs(from, to);
  else learnRows(from, to);
}
