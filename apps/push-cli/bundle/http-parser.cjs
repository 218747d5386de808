// The parser of HTTP answers is one large WebAssembly function. V8 would spend more time on optimising it in the
// background, and 35 MB of memory, than a push of hundreds of blobs spends in it. So it has to be a hundred times as
// hot as other functions before that happens.
'use strict';

if (process.versions.bun === undefined) {
  const { setFlagsFromString } = require('node:v8');
  // V8's own: that of Node 20, and that of the later ones.
  const usualBudget = process.versions.v8.startsWith('11.') ? 1_800_000 : 13_000_000;
  setFlagsFromString('--wasm-tiering-budget=1800000000');
  // It is compiled right after this module is loaded. With a flag that is not V8's own, Node would compile each of its
  // modules anew instead of taking what it was built with: 15 ms for this thread, and as much for every worker.
  queueMicrotask(() => setFlagsFromString(`--wasm-tiering-budget=${usualBudget}`));
}

module.exports = require('undici/lib/llhttp/llhttp_simd-wasm.js');
