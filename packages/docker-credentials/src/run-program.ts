import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { type StartedCommand, windowsCommand } from './windows-command.ts';

/** What to run, and its limits. */
export interface RunProgramOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
  readonly timeoutMs: number;
  /** Bytes that standard output and standard error may have together. */
  readonly maxOutput: number;
  /** Ends it, together with its children. */
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended. */
export type ProgramOutcome =
  | { readonly kind: 'exited'; readonly code: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'too-much-output' }
  | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException };

/** How long output may trickle in after the program itself has gone: its children may hold the pipes open for ever. */
const drainMs = 500;

/**
 * Runs a program without a shell, hands it `input` and gathers what it writes. At a limit it is killed together with
 * its children. Where there is a terminal the program may ask on it. Never rejects.
 */
export function runProgram(command: string, options: RunProgramOptions): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    // A session of its own makes its children easy to kill, and takes the terminal away: there it stays in this one.
    const isDetached = process.platform !== 'win32' && !hasTerminal();
    const { file, args, isVerbatim } = commandHere(command, options);
    let child: ChildProcess;
    try {
      child = spawn(file, args, {
        env: options.env,
        stdio: 'pipe',
        detached: isDetached,
        windowsHide: true,
        windowsVerbatimArguments: isVerbatim,
      });
    } catch (error) {
      resolve({ kind: 'not-started', error: error as NodeJS.ErrnoException });
      return;
    }
    // Without a descriptor to spare there are no pipes: the error that follows says so.
    const { stdin, stdout, stderr } = child;
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
    let drain: NodeJS.Timeout | undefined;
    const finish = (outcome: ProgramOutcome): void => {
      clearTimeout(timer);
      clearTimeout(drain);
      options.signal?.removeEventListener('abort', abort);
      for (const pipe of [stdin, stdout, stderr]) pipe?.destroy();
      resolve(outcome);
    };
    const giveUp = (kind: 'timed-out' | 'aborted' | 'too-much-output'): void => {
      killTree(child, isDetached);
      finish({ kind });
    };
    const exited = (code: number | null): void => {
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      finish({ kind: 'exited', code, stdout: text(output.stdout), stderr: text(output.stderr) });
    };
    const abort = (): void => giveUp('aborted');
    options.signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => giveUp('timed-out'), options.timeoutMs);
    for (const [name, pipe] of [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const) {
      pipe?.on('data', (chunk: Buffer) => {
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
    stdin?.on('error', () => {});
    stdin?.end(options.input);
  });
}

function commandHere(command: string, { args, env }: RunProgramOptions): StartedCommand {
  if (process.platform !== 'win32') return { file: command, args, isVerbatim: false };
  return windowsCommand(command, args, env, (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** Whether this process has a terminal that a program may ask on. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function killTree(child: ChildProcess, isDetached: boolean): void {
  if (child.pid === undefined) return;
  for (const pid of isDetached ? [-child.pid] : [...descendantsOf(child.pid), child.pid]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
}

/**
 * The children of a process and theirs, where the system tells (Linux); none elsewhere: they then lose their pipes
 * only.
 */
function descendantsOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [...descendantsOf(child), child]);
  } catch {
    return [];
  }
}
