/**
 * What a worker thread runs. It is a text, so that no file has to be found at run time: a program bundled into one file
 * has workers too. `workerData` is the compiled module, shared with the thread that made it.
 */
export const workerSource = `'use strict';
const { createHash } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
const { crc32 } = require('node:zlib');
// Not named \`exports\`: in JavaScriptCore and under Deno, a worker's own text has that variable already.
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

function hash(run, algorithm, bytes) {
  if (!files.has(run)) files.set(run, { hash: createHash(algorithm), checksum: 0 });
  const file = files.get(run);
  file.hash.update(bytes);
  file.checksum = crc32(bytes, file.checksum);
}

function sum(id, run) {
  const file = files.get(run);
  files.delete(run);
  parentPort.postMessage({ id, result: file && { hash: file.hash.digest('hex'), checksum: file.checksum } });
}

function deflate(id, dictionarySize, size, { level, final, output }) {
  const made = encoder.deflate(dictionarySize, size, level, final ? 1 : 0);
  if (output !== undefined && made <= output.byteLength) {
    output.set(memory.subarray(outputAddress, outputAddress + made));
    parentPort.postMessage({ id, result: made });
    return;
  }
  const result = memory.slice(outputAddress, outputAddress + made);
  parentPort.postMessage({ id, result }, [result.buffer]);
}

function takeBlock(id, { fd, position, size, dictionarySize, run, algorithm, deflates }) {
  const start = inputAddress + dictionarySize;
  const goesOn = run === last.run && position === last.end && dictionarySize > 0;
  if (goesOn) memory.copyWithin(inputAddress, last.address - dictionarySize, last.address);
  const before = goesOn ? 0 : dictionarySize;
  const failure = read(fd, position - before, start - before, before + size);
  last = { run: failure === undefined ? run : 0, end: position + size, address: start + size };
  if (failure !== undefined) return parentPort.postMessage({ id, failure });
  if (algorithm !== undefined) hash(run, algorithm, memory.subarray(start, start + size));
  if (deflates === undefined) parentPort.postMessage({ id, result: 0 });
  else deflate(id, dictionarySize, size, deflates);
}

parentPort.on('message', ({ id, piece, block, sums }) => {
  if (sums !== undefined) return sum(id, sums);
  if (block !== undefined) return takeBlock(id, block);
  const { bytes, dictionary } = piece;
  last.run = 0;
  memory.set(dictionary, inputAddress);
  memory.set(bytes, inputAddress + dictionary.byteLength);
  deflate(id, dictionary.byteLength, bytes.byteLength, piece);
});
`;

/** How something is deflated, and where the result goes, if it fits. */
interface Deflating {
  readonly level: number;
  readonly final: boolean;
  readonly output: Uint8Array | undefined;
}

/** A block of a file, which the thread reads by itself. */
export interface BlockRequest {
  readonly fd: number;
  readonly position: number;
  readonly size: number;
  /** Bytes that lie before it, and may be referred to. */
  readonly dictionarySize: number;
  readonly run: number;
  /** Given to the one thread that hashes the file: all its blocks, in their order. */
  readonly algorithm: string | undefined;
  /** Not given where another thread deflates the block. */
  readonly deflates: Deflating | undefined;
}

/**
 * What is sent to a worker, with an id: a piece, a block, or the question what the blocks of a run have come to, which
 * ends it.
 */
export type WorkerRequest =
  | { readonly piece: Deflating & { readonly bytes: Uint8Array; readonly dictionary: Uint8Array } }
  | { readonly block: BlockRequest }
  | { readonly sums: number };

/** What comes back. */
export interface WorkerAnswer {
  readonly id: number;
  /** The bytes, or how many of them there are in the request's `output`; of a run, what it has come to. */
  readonly result?: Uint8Array | number | FileSums | undefined;
  /** Why a block could not be read; without a code, the file ended early. */
  readonly failure?: { readonly code?: string | undefined; readonly message: string } | undefined;
}

/** What the plain bytes of a file are. */
export interface FileSums {
  /** In hexadecimal letters. */
  readonly hash: string;
  /** CRC-32, as gzip has it. */
  readonly checksum: number;
}
