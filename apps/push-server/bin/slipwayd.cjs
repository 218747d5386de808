#!/usr/bin/env node
'use strict';
// libuv reads the size of its thread pool once, when the pool is first used, and Node 20 already uses it to load an ES
// module. So the size is set here, before any module is loaded: one thread a core, four at least, for compression and
// files; and eight that a data folder may keep when it hangs. The writes of two books then keep a thread each, the
// renewals of their locks do, and so does the touch that finds out.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()) + 8);
// Node would open its debugger to every user of this machine; the daemon says what it does (main.ts).
process.on('SIGUSR1', () => {});
void import('../dist/cli.mjs');
