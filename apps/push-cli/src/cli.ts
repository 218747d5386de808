import { main } from './main.ts';

void start(process.argv.slice(2));

async function start(args: readonly string[]): Promise<void> {
  process.exitCode = await main(args);
  // What was written is out by then, or its reader is gone: nothing that a library left open may keep the program.
  setTimeout(() => process.exit(), 2_000).unref();
}
