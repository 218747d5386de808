import { availableParallelism } from 'node:os';
import { version } from './version.ts';

// Early enough where the loader has not used the thread pool yet (Node 22 and later); see bin/slipway.cjs for Node 20.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism()));

await start(process.argv.slice(2));

/** Answers `--version` alone, which scripts ask often, without loading the rest. */
async function start(args: readonly string[]): Promise<void> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    process.stdout.write(`${version}\n`);
    return;
  }
  const { main } = await import('./main.ts');
  process.exitCode = await main(args);
  // What was written is out by then, or its reader is gone: nothing that a library left open may keep the program.
  setTimeout(() => process.exit(), 2_000).unref();
}
