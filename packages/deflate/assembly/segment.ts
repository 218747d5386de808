// Cuts what was parsed into blocks: neighbours share a block as long as one code serves both better than two.

import { putBlock } from './block';
import { addCounts, COUNTS_SIZE, countLiterals, countSequences, idealCost, idealCostOfSum } from './counts';
import { BLOCK_COUNTS, CHUNK_COUNTS, SEQUENCES } from './layout';
import { parsedEnd, sequencesEnd } from './sequences';

/** Words that are looked at together. */
const CHUNK: usize = 1024 << 2;
/**
 * What a header is taken to cost, in bits / 4096: found by trial, it makes up for real codes not being ideal ones too.
 */
const HEADER_COST: u64 = 1000 << 12;

export function putSegment(from: usize, final: u32): void {
  let blockStart = from;
  let blockFirst = SEQUENCES;
  let blockLast = SEQUENCES;
  let blockEnd = from;
  let blockCost: u64 = 0;
  do {
    const chunkLast = min(blockLast + CHUNK, sequencesEnd);
    memory.fill(CHUNK_COUNTS, 0, COUNTS_SIZE);
    let chunkEnd = countSequences(CHUNK_COUNTS, blockLast, chunkLast, blockEnd);
    if (chunkLast == sequencesEnd) {
      countLiterals(CHUNK_COUNTS, chunkEnd, parsedEnd - chunkEnd);
      chunkEnd = parsedEnd;
    }
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
  } while (blockLast < sequencesEnd || blockEnd < parsedEnd);
  putBlock(BLOCK_COUNTS, blockFirst, blockLast, blockStart, blockEnd, final);
}
