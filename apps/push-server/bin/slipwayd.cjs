#!/usr/bin/env node
'use strict';
// libuv reads the size of its thread pool once, when the pool is first used, and Node 20 already uses it to load an ES
// module. Compression runs there, so the size is set here, before any module is loaded: one thread a core, four at
// least.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()));
void import('../dist/cli.mjs');
