import { availableParallelism } from 'node:os';
import { main } from './main.ts';

// Early enough where the loader has not used the thread pool yet (Node 22 and later); see bin/slipwayd.cjs for Node 20.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism()) + 8);

process.exitCode = await main(process.argv.slice(2));
