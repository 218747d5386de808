import { pipeline } from 'node:stream/promises';
import type { Gunzip, InflateRaw } from 'node:zlib';
import { CompressionError } from '../errors.ts';
import type { ByteStream } from '../streams/content.ts';

/**
 * Reads `source` through a decoder of `node:zlib`, with its back-pressure. Leaving early ends both.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_CORRUPT` when the decoder refuses; errors of the source pass through.
 */
export async function* throughDecoder(
  source: ByteStream,
  decoder: Gunzip | InflateRaw,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  let sourceFailure: { readonly error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* source;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }
  const feeding = pipeline(watched(), decoder);
  feeding.catch(() => {}); // reading from the decoder tells the same
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw new CompressionError('ERR_COMPRESSION_CORRUPT', `Decompressing: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    decoder.destroy();
    await feeding.catch(() => {});
  }
}
