// Parses piece by piece and cuts what was found into blocks: neighbours share a block as long as one code serves both
// better than two.

import { putBlock } from './block';
import { addCounts, COUNTS_SIZE, idealCost, idealCostOfSum } from './counts';
import { parseGreedy } from './greedy';
import { BLOCK_COUNTS, CHUNK_COUNTS, SEQUENCES } from './layout';
import { parseLazy } from './lazy';
import { parsedEnd, sequencesEnd } from './sequences';

/** Words that are looked at together. */
const CHUNK: usize = 512 << 2;
/**
 * What a header is taken to cost, in bits / 4096: found by trial, it makes up for real codes not being ideal ones too.
 */
const HEADER_COST: u64 = 1000 << 12;

/** Writes the bytes from `from` to `to` or a little further, as `parsedEnd` tells. */
export function putSegment(level: u32, from: usize, to: usize, end: usize, final: u32): void {
  let blockStart = from;
  let blockFirst = SEQUENCES;
  let blockLast = SEQUENCES;
  let blockEnd = from;
  let blockCost: u64 = 0;
  do {
    memory.fill(CHUNK_COUNTS, 0, COUNTS_SIZE);
    parse(level, blockLast, blockEnd, to, end);
    const chunkLast = sequencesEnd;
    const chunkEnd = parsedEnd;
    if (blockEnd > blockStart) {
      const chunkCost = idealCost(CHUNK_COUNTS);
      const sumCost = idealCostOfSum(BLOCK_COUNTS, CHUNK_COUNTS);
      if (sumCost < blockCost + chunkCost + HEADER_COST) {
        addCounts(BLOCK_COUNTS, CHUNK_COUNTS);
        blockCost = sumCost;
      } else {
        putBlock(BLOCK_COUNTS, blockFirst, blockLast, blockStart, blockEnd, 0);
        memory.copy(BLOCK_COUNTS, CHUNK_COUNTS, COUNTS_SIZE);
        blockStart = blockEnd;
        blockFirst = blockLast;
        blockCost = chunkCost;
      }
    } else {
      memory.copy(BLOCK_COUNTS, CHUNK_COUNTS, COUNTS_SIZE);
      blockCost = idealCost(CHUNK_COUNTS);
    }
    blockLast = chunkLast;
    blockEnd = chunkEnd;
  } while (blockEnd < to);
  putBlock(BLOCK_COUNTS, blockFirst, blockLast, blockStart, blockEnd, blockEnd == end ? final : 0);
}

/** The curve: higher levels are smaller and slower. */
function parse(level: u32, next: usize, from: usize, to: usize, end: usize): void {
  const full = next + CHUNK;
  if (level == 1) parseGreedy(next, full, from, to, end, 6, 4);
  else if (level == 2) parseGreedy(next, full, from, to, end, 16, 8);
  else if (level == 3) parseLazy(next, full, from, to, end, 24, 6, 4);
  else if (level == 4) parseLazy(next, full, from, to, end, 32, 10, 6);
  else if (level == 5) parseLazy(next, full, from, to, end, 64, 24, 10);
  else parseLazy(next, full, from, to, end, 258, 258, 16);
}
