// The parser of HTTP answers is one large WebAssembly function. V8 11, Node 20's, would spend more time on optimising
// it in the background than a push spends in it, and 35 MB of memory; later ones wait as long by themselves. What
// really is hot still gets there.
'use strict';
const { setFlagsFromString } = require('node:v8');

if (process.versions.v8.startsWith('11.')) {
  setFlagsFromString('--wasm-tiering-budget=18000000');
  // It is compiled right after this module is loaded. With a flag that is not V8's own, Node would compile each of its
  // modules anew instead of taking what it was built with: 15 ms for this thread, and as much for every worker.
  queueMicrotask(() => setFlagsFromString('--wasm-tiering-budget=1800000'));
}

module.exports = require('undici/lib/llhttp/llhttp_simd-wasm.js');
