import { copyBytesSource } from '@slipway/deflate/pool';

/**
 * What a worker thread runs that makes zstd frames. It is a text, so that no file has to be found at run time;
 * `workerData` is the compiled module. The letters are the exports of `@bokuweb/zstd-wasm`, whose version is pinned,
 * and compared in the build.
 *
 * Each frame is made by a context of its own: what a context has seen before must not decide what it makes.
 */
export const zstdWorkerSource: string = `'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { exports } = new WebAssembly.Instance(workerData, {
  a: {
    a: (code) => { throw new Error('zstd ended with exit code ' + code); },
    b: () => {},
    c: () => { throw new Error('zstd gave up'); },
    d: () => 0,
    e: (size) => {
      try {
        exports.f.grow(Math.ceil(((size >>> 0) - exports.f.buffer.byteLength) / 65536));
        return 1;
      } catch {
        return 0;
      }
    },
  },
});
const { f: memory, g: start, h: isError, i: boundOf, m: compress, s: malloc, t: free } = exports;
start();

${copyBytesSource}

function reserve(size) {
  const address = malloc(size) >>> 0;
  if (address === 0) throw new Error('zstd has no memory left');
  return address;
}

function frames(bytes, sizes, level) {
  let most = 0;
  let room = 0;
  for (const size of sizes) {
    most = Math.max(most, size);
    room += boundOf(size);
  }
  const source = reserve(most || 1);
  const target = reserve(boundOf(most));
  const made = new Uint8Array(room);
  const madeSizes = [];
  let from = 0;
  let at = 0;
  for (const size of sizes) {
    copyBytes(new Uint8Array(memory.buffer), source, bytes.subarray(from, from + size));
    const made1 = compress(target, boundOf(most), source, size, level);
    if (isError(made1)) throw new Error('zstd failed with code ' + made1);
    made.set(new Uint8Array(memory.buffer, target, made1), at);
    madeSizes.push(made1);
    from += size;
    at += made1;
  }
  free(source);
  free(target);
  return { made: made.slice(0, at), sizes: madeSizes };
}

parentPort.on('message', ({ id, bytes, sizes, level }) => {
  const { made, sizes: madeSizes } = frames(bytes, sizes, level);
  parentPort.postMessage({ id, made, sizes: madeSizes }, [made.buffer]);
});
`;
