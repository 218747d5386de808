import type { ByteStream, ReuseOptions } from '@slipway/digest';
import { openRegularFile } from '@slipway/read-file';

const readSize = 256 * 1024;

/** Reads a file from its first byte. It is opened when the first chunk is asked for. */
export async function* readFileChunks(
  path: string,
  { signal, reuse }: ReuseOptions = {},
): ByteStream & AsyncGenerator<Uint8Array, void, void> {
  await using file = await openRegularFile(path);
  const reused = reuse ? new Uint8Array(readSize) : undefined;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead, buffer } = await file.read(reused ?? new Uint8Array(readSize));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
