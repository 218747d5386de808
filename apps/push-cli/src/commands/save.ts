import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ByteStream } from '@slipway/digest';
import type { CommandContext } from './command-context.ts';
import { CliError, usageError } from './errors.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';

export interface RawSaveOptions extends LocalStoreOptions {
  readonly output?: string | undefined;
}

/** Writes images as one archive. A file appears whole or not at all. */
export async function runSave(
  images: readonly string[],
  { output, ...options }: RawSaveOptions,
  context: CommandContext,
): Promise<void> {
  const { signal, stdout } = context;
  if (output === undefined && stdout.isTTY === true) {
    throw usageError('an archive is nothing for a terminal', 'name a file with --output, or redirect standard output');
  }
  await using store = await openLocalStore(options, context);
  const archive = await store.save(images, { signal });
  if (output === undefined) await pipeline(archive, stdout, { signal, end: false });
  else await writeWhole(output, archive, signal);
}

async function writeWhole(path: string, archive: ByteStream, signal: AbortSignal): Promise<void> {
  const temporary = join(dirname(path), `.slipway-${randomBytes(6).toString('hex')}`);
  try {
    await pipeline(archive, createWriteStream(temporary, { flags: 'wx', flush: true }), { signal });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // what matters is the reason
    const { syscall, message } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw new CliError('ERR_CLI_OUTPUT', `--output cannot be written: ${message}`, { cause });
  }
}
