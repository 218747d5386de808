import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { AbortOptions, ByteStream } from '@slipway/digest';

/** Writes a file so that a reader sees the old one, or the whole new one. */
export async function wholeFile(
  path: string,
  content: ByteStream | Iterable<string>,
  { signal }: AbortOptions = {},
): Promise<void> {
  const temporary = join(dirname(path), `.slipway-${randomBytes(6).toString('hex')}`);
  try {
    await pipeline(content, createWriteStream(temporary, { flags: 'wx', flush: true }), { signal });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // best effort: what matters is the reason
    throw cause;
  }
}
