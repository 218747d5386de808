import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TestkitError } from '../errors.ts';
import { toolPath } from './find-tool.ts';

export interface ToolResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code. */
  readonly code: number;
}

export interface RunToolOptions {
  /** Kills the program after so many milliseconds. @default 60_000 */
  readonly timeoutMs?: number | undefined;
  /** Environment, beside that of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Folder to run in. @default this process's */
  readonly folder?: string | undefined;
}

/**
 * Runs a program to its end. A code other than 0 is a result, not an error.
 * @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING, or ERR_TESTKIT_TOOL_FAILED when it was killed.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  options: RunToolOptions = {},
): Promise<ToolResult> {
  const { timeoutMs = 60_000, env = {}, folder } = options;
  const child = spawn(toolPath(name), args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [code, signal] = await closed;
  if (code === null) {
    throw new TestkitError('ERR_TESTKIT_TOOL_FAILED', `${name} was ended by ${signal}: ${stderr.slice(-2000)}`);
  }
  return { stdout, stderr, code };
}

/** Runs skopeo with any policy accepted: `skopeo(['inspect', '--raw', 'docker://127.0.0.1:5000/app'])`. */
export async function skopeo(args: readonly string[], options?: RunToolOptions): Promise<ToolResult> {
  return await runTool('skopeo', ['--insecure-policy', ...args], options);
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
