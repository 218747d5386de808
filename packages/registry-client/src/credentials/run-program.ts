import { type ChildProcess, spawn } from 'node:child_process';

/** What to run, and its limits. */
export interface RunProgramOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
  readonly timeoutMs: number;
  /** Bytes that standard output and standard error may have together. */
  readonly maxOutput: number;
}

/** How a program ended. */
export type ProgramOutcome =
  | { readonly kind: 'exited'; readonly code: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'too-much-output' }
  | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException };

/** How long output may trickle in after the program itself has gone: its children may hold the pipes open for ever. */
const drainMs = 500;

/**
 * Runs a program without a shell, hands it `input` and gathers what it writes. At a limit it is killed together with its
 * children. Never rejects.
 */
export function runProgram(command: string, options: RunProgramOptions): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    // A process group of its own, so that its children can be killed with it.
    const child = spawn(command, options.args, {
      env: options.env,
      stdio: 'pipe',
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
    let drain: NodeJS.Timeout | undefined;
    const finish = (outcome: ProgramOutcome): void => {
      clearTimeout(timer);
      clearTimeout(drain);
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
      resolve(outcome);
    };
    const giveUp = (kind: 'timed-out' | 'too-much-output'): void => {
      killTree(child);
      finish({ kind });
    };
    const exited = (code: number | null): void => {
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      finish({ kind: 'exited', code, stdout: text(output.stdout), stderr: text(output.stderr) });
    };
    const timer = setTimeout(() => giveUp('timed-out'), options.timeoutMs);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        output.size += chunk.byteLength;
        if (output.size > options.maxOutput) giveUp('too-much-output');
        else output[name].push(chunk);
      });
    }
    child.on('error', (error) => finish({ kind: 'not-started', error }));
    child.on('close', exited);
    child.on('exit', (code) => {
      drain = setTimeout(() => exited(code), drainMs);
    });
    // A program that does not read its input is free to.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

function killTree(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It is gone already.
  }
}
