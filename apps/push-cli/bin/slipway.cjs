#!/usr/bin/env node
'use strict';
// What has to happen before the program is loaded; and the answer that scripts ask for often, without loading it.
const [first, ...others] = process.argv.slice(2);
if ((first === '--version' || first === '-V') && others.length === 0) {
  process.stdout.write(`${require('../package.json').version}\n`);
} else {
  // libuv reads the size of its thread pool once, when the pool is first used, and Node 20 already uses it to load an ES
  // module. Compression runs there, so the size is set here: one thread a core, four at least.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()));
  // Node 22.8 and later keep what they have compiled for the next run; NODE_COMPILE_CACHE and
  // NODE_DISABLE_COMPILE_CACHE are honoured.
  require('node:module').enableCompileCache?.();
  void import('../dist/cli.mjs');
}
