import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that runs `holder.ts`. */
export interface Child {
  readonly process: ChildProcess;
  /** Everything it has said so far. */
  readonly lines: readonly string[];
  /** Resolves once it has said something, with what it said first. */
  said(): Promise<string>;
  /** Ends its standard input and waits for its end. */
  finish(): Promise<readonly string[]>;
  /** Kills it and waits for its end. */
  kill(): Promise<void>;
}

/** @param prefix a program that runs it, with arguments: `['unshare', '--pid', …]` */
export function startChild(cache: string, input: readonly string[], prefix: readonly string[] = []): Child {
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const loader = ['--import', here('../../../tools/typescript-loader.mjs'), '--conditions=@slipway/source'];
  const [program = '', ...args] = [...prefix, process.execPath, ...loader, here('holder.ts'), ...input];
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SLIPWAY_TEST_CACHE: cache },
  });
  const closed = once(child, 'close');
  const lines: string[] = [];
  const reader: Interface = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    process: child,
    lines,
    async said() {
      if (lines[0] === undefined) await Promise.race([once(reader, 'line'), closed]);
      return lines[0] ?? 'ended without a word';
    },
    async finish() {
      child.stdin.end();
      await closed;
      return lines;
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
