import { copyBytesSource } from './copy-bytes.ts';

/**
 * What a worker thread runs that unpacks gzip. `workerData` is the compiled decoder, shared with the thread that made
 * it; assembly/inflate has the words. A decoder has 320 KiB: those whose content has ended are used again.
 */
export const gunzipWorkerSource: string = `'use strict';
const { createHash } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
const { crc32 } = require('node:zlib');
const runs = new Map();
const spare = [];

${copyBytesSource}

function createDecoder() {
  const { exports } = new WebAssembly.Instance(workerData, {});
  return { exports, memory: new Uint8Array(exports.memory.buffer), limit: exports.inputLimit() };
}

class Run {
  constructor({ algorithm, maxSize, maxRatio, ratioFromSize, surplus }) {
    this.decoder = spare.pop() ?? createDecoder();
    this.decoder.exports.reset();
    this.hash = createHash(algorithm);
    this.limits = { maxSize, maxRatio, ratioFromSize };
    this.read = 0;
    this.size = 0;
    this.memberStart = 0;
    this.checksum = 0;
    this.members = 0;
    this.ignoresSurplus = surplus === 'ignore';
    this.isOver = false;
  }

  feed(bytes, isLast) {
    const { exports, memory, limit } = this.decoder;
    for (let from = 0; !this.isOver && (from < bytes.byteLength || (isLast && from === 0)); from += limit) {
      const part = bytes.subarray(from, from + limit);
      copyBytes(memory, exports.inputAddress(), part);
      exports.feed(part.byteLength);
      this.read += part.byteLength;
      const failure = this.inflate(isLast && from + limit >= bytes.byteLength);
      if (failure !== undefined) return failure;
    }
  }

  inflate(isLast) {
    const { exports } = this.decoder;
    for (;;) {
      const result = exports.inflate(isLast);
      if (result < 0 && this.ignoresSurplus && this.members > 0 && this.size === this.memberStart) {
        // What begins no member is none of the stream's; whoever compares the hash sees when it was.
        this.isOver = true;
        return;
      }
      if (result < 0) return { reason: this.reasonOf(result) };
      if (result === 0 || result === 3) return;
      if (this.take()) return { isTooLarge: true, read: this.read, size: this.size };
      if (result === 2 && !this.endMember()) return { reason: 'wrong checksum' };
    }
  }

  reasonOf(result) {
    if (result === -1) return 'unexpected end';
    return this.size > 0 && this.size === this.memberStart ? 'invalid data after a member' : 'invalid data';
  }

  take() {
    const { exports, memory } = this.decoder;
    const start = exports.outputAddress();
    const plain = memory.subarray(start, start + exports.outputSize());
    exports.take();
    this.hash.update(plain);
    this.checksum = crc32(plain, this.checksum);
    this.size += plain.byteLength;
    const { maxSize, maxRatio, ratioFromSize } = this.limits;
    return this.size > maxSize || (this.size > ratioFromSize && this.size > maxRatio * this.read);
  }

  endMember() {
    const { exports } = this.decoder;
    const size = (this.size - this.memberStart) % 2 ** 32;
    const isRight = exports.memberChecksum() >>> 0 === this.checksum && exports.memberSize() >>> 0 === size;
    this.memberStart = this.size;
    this.checksum = 0;
    this.members += 1;
    return isRight;
  }
}

function end(id) {
  const run = runs.get(id);
  runs.delete(id);
  if (run !== undefined && spare.length < 8) spare.push(run.decoder);
}

parentPort.on('message', ({ id, run: runId, begin, bytes, isLast }) => {
  if (begin !== undefined) runs.set(runId, new Run(begin));
  const run = runs.get(runId);
  if (bytes === undefined || run === undefined) {
    end(runId);
    return parentPort.postMessage({ id });
  }
  const failure = run.feed(bytes, isLast);
  const result = isLast && failure === undefined ? { hash: run.hash.digest('hex'), size: run.size } : undefined;
  if (isLast || failure !== undefined) end(runId);
  parentPort.postMessage({ id, failure, result });
});
`;

/** How one run begins. */
export interface GunzipBegin {
  readonly algorithm: string;
  readonly maxSize: number;
  readonly maxRatio: number;
  readonly ratioFromSize: number;
  readonly surplus: 'refuse' | 'ignore';
}

/** What is sent to a worker, with an id. */
export interface GunzipRequest {
  /** The run it is about. */
  readonly run: number;
  /** With the first request of a run. */
  readonly begin: GunzipBegin | undefined;
  /** The next bytes; undefined gives the run up. */
  readonly bytes: Uint8Array | undefined;
  readonly isLast: boolean;
}

/** What comes back, once the bytes were read. */
export interface GunzipAnswer {
  readonly id: number;
  readonly failure?:
    | { readonly reason: string }
    | { readonly isTooLarge: true; readonly read: number; readonly size: number };
  readonly result?: { readonly hash: string; readonly size: number };
}
