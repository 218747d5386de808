/**
 * What a worker thread runs. It is a text, so that no file has to be found at run time: a program bundled into one file has
 * workers too. `workerData` is the compiled module, shared with the thread that made it.
 */
export const workerSource = `'use strict';
const { parentPort, workerData } = require('node:worker_threads');
// Not named \`exports\`: in JavaScriptCore and under Deno, a worker's own text has that variable already.
const { exports: encoder } = new WebAssembly.Instance(workerData, {});
const memory = new Uint8Array(encoder.memory.buffer);
const inputAddress = encoder.inputAddress();
const outputAddress = encoder.outputAddress();
parentPort.on('message', ({ id, bytes, level, dictionary, final, output }) => {
  memory.set(dictionary, inputAddress);
  memory.set(bytes, inputAddress + dictionary.byteLength);
  const size = encoder.deflate(dictionary.byteLength, bytes.byteLength, level, final ? 1 : 0);
  if (output !== undefined && size <= output.byteLength) {
    output.set(memory.subarray(outputAddress, outputAddress + size));
    parentPort.postMessage({ id, result: size });
    return;
  }
  const result = memory.slice(outputAddress, outputAddress + size);
  parentPort.postMessage({ id, result }, [result.buffer]);
});
`;

/** What is sent to a worker, with an id: one piece. */
export interface WorkerRequest {
  readonly bytes: Uint8Array;
  readonly level: number;
  readonly dictionary: Uint8Array;
  readonly final: boolean;
  /** Where the result goes, if it fits. */
  readonly output: Uint8Array | undefined;
}

/** What comes back. */
export interface WorkerAnswer {
  readonly id: number;
  /** The bytes, or how many of them there are in the request's `output`. */
  readonly result: Uint8Array | number;
}
