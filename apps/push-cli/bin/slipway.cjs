#!/usr/bin/env node
'use strict';
// What has to happen before the program is loaded; and the answers that scripts ask for often, without loading it.
const { readFileSync } = require('node:fs');
const { about, print } = require('./about.cjs');
const program = {
  name: 'slipway',
  version: require('../package.json').version,
  bundled: () => require('../dist/bundled.json'),
  notices: () => readFileSync(require.resolve('../dist/THIRD-PARTY-NOTICES.txt'), 'utf8'),
};
const answer = about(process.argv.slice(2), program);
if (answer !== undefined) print(answer, program);
else {
  // Node would open its debugger to every user of this machine.
  process.on('SIGUSR1', () => {});
  // libuv reads the size of its thread pool once, when the pool is first used. Unpacking and file access run there, so
  // the size is set here: one thread a core, four at least.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()));
  // What V8 compiles is kept for the next run. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE are honoured.
  require('./compiled.cjs').load(require.resolve('../dist/cli.cjs'));
}
