import { availableParallelism } from 'node:os';

// Early enough where the loader has not used the thread pool yet (Node 22 and later); see bin/slipway.cjs for Node 20.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism()));

await start(process.argv.slice(2));

async function start(args: readonly string[]): Promise<void> {
  // The parser of HTTP answers is one large WebAssembly function: V8 would spend more time on optimising it in the background
  // than a push spends in it, and 35 MB of memory. What really is hot still gets there.
  process.getBuiltinModule('node:v8').setFlagsFromString('--wasm-tiering-budget=18000000');
  const { main } = await import('./main.ts');
  process.exitCode = await main(args);
  // What was written is out by then, or its reader is gone: nothing that a library left open may keep the program.
  setTimeout(() => process.exit(), 2_000).unref();
}
