import { open } from 'node:fs/promises';
import {
  type ByteStream,
  type Content,
  ContentMismatchError,
  type Digest,
  type OpenOptions,
  type ReuseOptions,
  verified,
} from '@slipway/digest';
import { LayerCacheError } from './errors.ts';

const readSize = 256 * 1024;

export interface ProvenContentOptions {
  readonly digest: Digest;
  readonly size: number;
  /** Reads from the first byte. */
  readonly read: (options: ReuseOptions) => ByteStream;
  /** Removes what turned out to be damaged. */
  readonly onCorrupt: () => Promise<void>;
}

/**
 * Content that proves itself: the last chunk is handed out when the digest of the whole is right, so nobody can take
 * damaged bytes for complete ones. A read from further on reads, and checks, the beginning too.
 */
export function provenContent({ digest, size, read, onCorrupt }: ProvenContentOptions): Content {
  return {
    size,
    proves: digest,
    async *open({ from = 0, signal, reuse }: OpenOptions = {}) {
      signal?.throwIfAborted();
      let position = 0;
      try {
        for await (const chunk of verified(read({ signal, reuse }), { digest, size })) {
          const skipped = Math.max(0, from - position);
          position += chunk.byteLength;
          if (skipped < chunk.byteLength) yield chunk.subarray(skipped);
        }
      } catch (cause) {
        signal?.throwIfAborted();
        if (isBusy(cause)) throw unreadable(digest, cause);
        await onCorrupt();
        if (!(cause instanceof ContentMismatchError)) throw unreadable(digest, cause);
        throw new LayerCacheError('ERR_CACHE_CORRUPT', `The cached layer ${digest} is damaged, and was removed`, {
          cause,
        });
      }
    },
  };
}

function unreadable(digest: Digest, cause: unknown): LayerCacheError {
  return new LayerCacheError('ERR_CACHE_CORRUPT', `Cannot read the cached layer ${digest}`, { cause });
}

/** Reads a file from its first byte. It is opened when the first chunk is asked for. */
export async function* readFileChunks(
  path: string,
  { signal, reuse }: ReuseOptions = {},
): ByteStream & AsyncGenerator<Uint8Array, void, void> {
  await using file = await open(path);
  const reused = reuse ? new Uint8Array(readSize) : undefined;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead, buffer } = await file.read(reused ?? new Uint8Array(readSize));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Too many open files: that says nothing about this one. */
function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'EMFILE' || cause.code === 'ENFILE');
}
