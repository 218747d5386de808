import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { CommandContext } from '../command-context.ts';
import { CliError, usageError } from '../errors.ts';

const passwordLimit = 64 * 1024;

export interface AskOptions {
  /** Not echoed. @default false */
  readonly secret?: boolean | undefined;
}

/** Asks on the terminal and reads one line. A secret is not echoed. */
export async function ask(
  question: string,
  context: CommandContext,
  { secret = false }: AskOptions = {},
): Promise<string> {
  const { stdin, stderr, signal } = context;
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (secret) stderr.write(question); // readline would swallow it with the echo
  const lines = createInterface({ input: stdin, output: secret ? silence : stderr, terminal: true });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT')); // the terminal is in raw mode: readline gets the key
  try {
    return await lines.question(secret ? '' : question, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
    if (secret) stderr.write('\n');
  }
}

const pipeItIn = 'pipe it in: … | slipway … --password-stdin';

/**
 * Reads a password from standard input, whole, without its last line end.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when there is none, or it is longer than 64 KiB
 */
export async function readPassword({ stdin }: Pick<CommandContext, 'stdin'>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin) {
      const bytes: Uint8Array = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      size += bytes.byteLength;
      if (size > passwordLimit) throw usageError('standard input is too long for a password');
      chunks.push(bytes);
    }
  } catch (error) {
    if (!(error instanceof CliError && error.code === 'ERR_CLI_NO_ITEM')) throw error;
    throw usageError(`${error.message}, and holds no password`, pipeItIn);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw usageError('standard input holds no password', pipeItIn);
  return password;
}

/** The password for a user: from standard input if that was asked for, else from the terminal. */
export async function passwordFor(username: string, fromStdin: boolean, context: CommandContext): Promise<string> {
  if (fromStdin) return await readPassword(context);
  if (context.stdin.isTTY !== true) {
    throw usageError('a password is needed, and there is no terminal to ask on', 'pass it with --password-stdin');
  }
  return await ask(`Password for ${username}: `, context, { secret: true });
}
