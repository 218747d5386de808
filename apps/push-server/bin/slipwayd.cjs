#!/usr/bin/env node
'use strict';
// libuv reads the size of its thread pool once, when the pool is first used, and Node 20 already uses it to load an ES
// module. So the size is set here, before any module is loaded: one thread a core, four at least, for compression and
// files; and eight that a data folder may keep when it hangs. What is written of two books then keeps a thread each, and
// so does the renewal of their locks, and the touch that finds out.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()) + 8);
void import('../dist/cli.mjs');
