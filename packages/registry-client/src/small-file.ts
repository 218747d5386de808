import { open } from 'node:fs/promises';

/** A file that is expected to be small has more bytes than are read of such a file. */
export class TooLargeError extends Error {
  override name = 'TooLargeError';
}

/**
 * Reads a whole file, or all that a pipe has (`--authfile <(…)`), up to a limit.
 *
 * @throws {TooLargeError} when there is more than `limit` bytes; the system's own error when it cannot be read
 */
export async function readSmallFile(path: string, limit: number): Promise<Buffer> {
  await using file = await open(path, 'r');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > limit) throw new TooLargeError(`it has more than the ${limit} bytes allowed`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The system's code of a failure, such as `EACCES`; `unknown` where it has none. */
export function systemCodeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}
