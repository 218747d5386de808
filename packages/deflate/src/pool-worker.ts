import { copyBytesSource } from './copy-bytes.ts';
import { windowSize } from './options.ts';

/** Bytes that a stored block can carry, and those before them that say how many. */
const storedLimit = 65_535;
const storedHeaderSize = 5;

/**
 * What a worker thread runs. It is a text, so that no file has to be found at run time: a program bundled into one file
 * has workers too. `workerData` is the compiled module, shared with the thread that made it.
 */
export const workerSource: string = `'use strict';
const { createHash } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
const { crc32 } = require('node:zlib');
const { exports: encoder } = new WebAssembly.Instance(workerData, {});
const memory = new Uint8Array(encoder.memory.buffer);
const inputAddress = encoder.inputAddress();
const outputAddress = encoder.outputAddress();
/** What this thread has hashed of files, by run. */
const files = new Map();

/** The block in memory: whose it is, and where it ends in the file and in memory. */
let last = { run: 0, end: 0, address: 0 };

/** Returns why bytes could not be read; a file that ends before them has no code. */
function read(fd, position, address, size) {
  try {
    const { readSync } = require('node:fs'); // not before: where no thread starts, the first file brings it along
    for (let done = 0; done < size; ) {
      const count = readSync(fd, memory, address + done, size - done, position + done);
      if (count === 0) return { message: 'unexpected end' };
      done += count;
    }
  } catch ({ code, message }) {
    return { code, message };
  }
}

${copyBytesSource}

function hash(run, algorithm, seal, bytes) {
  if (!files.has(run)) files.set(run, { hash: createHash(algorithm), checksum: 0, made: beginSeal(seal) });
  const file = files.get(run);
  file.hash.update(bytes);
  file.checksum = crc32(bytes, file.checksum);
}

function beginSeal(seal) {
  return seal && createHash(seal.algorithm).update(seal.before);
}

function sum(id, run) {
  const file = files.get(run);
  if (file?.made === undefined) files.delete(run);
  parentPort.postMessage({ id, result: file && { hash: file.hash.digest('hex'), checksum: file.checksum } });
}

function end(id, { run, after }) {
  const made = files.get(run)?.made;
  files.delete(run);
  const result = made && after && { hash: made.update(after).digest('hex') };
  parentPort.postMessage({ id, result });
}

function deflate(id, dictionarySize, size, { level, final, output }) {
  const made = encoder.deflate(dictionarySize, size, level, final ? 1 : 0);
  if (output !== undefined && made <= output.byteLength) {
    copyBytes(output, 0, memory.subarray(outputAddress, outputAddress + made));
    parentPort.postMessage({ id, result: made });
    return;
  }
  const result = memory.slice(outputAddress, outputAddress + made);
  parentPort.postMessage({ id, result }, [result.buffer]);
}

/** Brings a block into memory, with what lies before it as its dictionary. Returns its address, or why it failed. */
function load(run, fd, position, size, dictionarySize) {
  const address = inputAddress + dictionarySize;
  const goesOn = run === last.run && position === last.end && dictionarySize > 0;
  if (goesOn) memory.copyWithin(inputAddress, last.address - dictionarySize, last.address);
  const before = goesOn ? 0 : dictionarySize;
  const failure = read(fd, position - before, address - before, before + size);
  last = { run: failure === undefined ? run : 0, end: position + size, address: address + size };
  return { address, failure };
}

/** Between two blocks others get their turn, where this is not a thread of its own. */
function* takeBlocks(id, { fd, start, offset, size, blockSize, run, algorithm, seal, deflates }) {
  const results = new Results(deflates?.output);
  for (let at = offset; at < offset + size; at += blockSize) {
    if (at > offset) yield;
    const length = Math.min(blockSize, offset + size - at);
    const dictionarySize = deflates === undefined ? 0 : Math.min(${windowSize}, at);
    const { address, failure } = load(run, fd, start + at, length, dictionarySize);
    if (failure !== undefined) return parentPort.postMessage({ id, failure });
    if (algorithm !== undefined) hash(run, algorithm, seal, memory.subarray(address, address + length));
    if (deflates === undefined) continue;
    // Where most blocks are stored, they are not copied to where the encoder would store them.
    const isStored = seal !== undefined && encoder.isNoiseOnly(dictionarySize, length) !== 0;
    if (isStored) results.store(address, length);
    else results.add(encoder.deflate(dictionarySize, length, deflates.level, 0));
  }
  const { sizes, output, total } = results;
  const made = output === undefined ? results.joined() : output.subarray(0, total);
  if (seal !== undefined) files.get(run).made.update(made);
  if (output !== undefined) parentPort.postMessage({ id, result: total, sizes });
  else parentPort.postMessage({ id, result: made, sizes }, [made.buffer]);
}

/** What blocks have become, one after the other: in the memory that was given for it, as long as all of it fits. */
class Results {
  constructor(output) {
    this.output = output;
    this.sizes = [];
    this.total = 0;
    this.parts = [];
  }

  add(size) {
    copyBytes(this.room(size), 0, memory.subarray(outputAddress, outputAddress + size));
  }

  /** What the encoder makes of noise: stored blocks, each with its header. */
  store(address, size) {
    const room = this.room(size + ${storedHeaderSize} * Math.ceil(size / ${storedLimit}));
    let at = 0;
    for (let done = 0; done < size; done += ${storedLimit}) {
      const part = Math.min(${storedLimit}, size - done);
      room.set([0, part & 255, part >> 8, ~part & 255, (~part >> 8) & 255], at);
      copyBytes(room, at + ${storedHeaderSize}, memory.subarray(address + done, address + done + part));
      at += ${storedHeaderSize} + part;
    }
  }

  room(size) {
    if (this.output !== undefined && this.total + size > this.output.byteLength) {
      this.parts.push(this.output.slice(0, this.total));
      this.output = undefined;
    }
    const start = this.total;
    this.sizes.push(size);
    this.total += size;
    if (this.output !== undefined) return this.output.subarray(start, this.total);
    this.parts.push(new Uint8Array(size));
    return this.parts.at(-1);
  }

  joined() {
    if (this.parts.length === 1) return this.parts[0];
    const all = new Uint8Array(this.total);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.byteLength;
    }
    return all;
  }
}

function* answer({ id, piece, blocks, sums, ends }) {
  if (sums !== undefined) return sum(id, sums);
  if (ends !== undefined) return end(id, ends);
  if (blocks !== undefined) return yield* takeBlocks(id, blocks);
  const { bytes, dictionary } = piece;
  last.run = 0;
  copyBytes(memory, inputAddress, dictionary);
  copyBytes(memory, inputAddress + dictionary.byteLength, bytes);
  deflate(id, dictionary.byteLength, bytes.byteLength, piece);
}

const takeTurns = parentPort.takeTurns ?? ((turns) => { while (!turns.next().done); });
parentPort.on('message', (request) => takeTurns(answer(request)));
`;

/** How something is deflated, and where the result goes, if it fits. */
interface Deflating {
  readonly level: number;
  readonly final: boolean;
  readonly output: Uint8Array | undefined;
}

/** Blocks of a file that lie one after the other, which the thread reads by itself. */
export interface BlocksRequest {
  readonly fd: number;
  /** Where the content begins in the file. */
  readonly start: number;
  /** Where the first block begins in the content. What lies before a block may be referred to. */
  readonly offset: number;
  /** Bytes of all blocks. */
  readonly size: number;
  readonly blockSize: number;
  readonly run: number;
  /** Given to the one thread that hashes the file: all its blocks, in their order. */
  readonly algorithm: string | undefined;
  /** Given where what is made of the blocks is hashed, too. */
  readonly seal?: ResultHash | undefined;
  /** Not given where another thread deflates the blocks. */
  readonly deflates: Omit<Deflating, 'final'> | undefined;
}

/** How what is made of a file is hashed. */
export interface ResultHash {
  /** A hash of `node:crypto`. */
  readonly algorithm: string;
  /** What stands before the first block. */
  readonly before: Uint8Array;
}

/**
 * What is sent to a worker, with an id: a piece, blocks, the question what the blocks of a run are, which ends it
 * unless what is made is hashed; and the end of that, with what stands behind the last block. Without it, the run is
 * forgotten.
 */
export type WorkerRequest =
  | { readonly piece: Deflating & { readonly bytes: Uint8Array; readonly dictionary: Uint8Array } }
  | { readonly blocks: BlocksRequest }
  | { readonly sums: number }
  | { readonly ends: { readonly run: number; readonly after: Uint8Array | undefined } };

/** What comes back. */
export interface WorkerAnswer {
  readonly id: number;
  /** The bytes, or how many of them there are in the request's `output`; of a run, what it has come to. */
  readonly result?: Uint8Array | number | FileSums | Pick<FileSums, 'hash'> | undefined;
  /** Of blocks: how many of the bytes are each one's. */
  readonly sizes?: readonly number[] | undefined;
  /** Why blocks could not be read; without a code, the file ended early. */
  readonly failure?: { readonly code?: string | undefined; readonly message: string } | undefined;
}

/** What the plain bytes of a file are. */
export interface FileSums {
  /** In hexadecimal letters. */
  readonly hash: string;
  /** CRC-32, as gzip has it. */
  readonly checksum: number;
}
