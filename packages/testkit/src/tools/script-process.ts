import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const loader = fileURLToPath(new URL('../../../../tools/typescript-loader.mjs', import.meta.url));

/**
 * Runs a TypeScript file of a test in a process of its own, on the sources of the packages. Its standard input and
 * output are pipes.
 *
 * @param cache folder for what is translated, which the next process need not translate again
 */
export function startScript(
  script: URL,
  input: readonly (string | number)[],
  { cache }: { readonly cache: string },
): ChildProcess {
  const options = ['--import', loader, '--conditions=@slipway/source', fileURLToPath(script)];
  return spawn(process.execPath, [...options, ...input.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SLIPWAY_TEST_CACHE: cache },
  });
}

/** What a process said, line by line, to its end. */
export async function linesOf(
  child: ChildProcess,
  onLine: (count: number, line: string) => void = () => {},
): Promise<readonly string[]> {
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) onLine(lines.push(line), line);
  await closed;
  return lines;
}
