import { createGunzip } from 'node:zlib';
import { aStream, assertArgument } from '@slipway/arguments';
import { CompressionError } from '../errors.ts';
import type { ByteStream } from '../streams/content.ts';
import { unzstd } from '../zstd/unzstd.ts';
import { throughDecoder } from './decoder-stream.ts';
import { type DecompressOptions, decompressWith, type ReadableCompression } from './decompression.ts';
import { gunzipMembers } from './gunzip-members.ts';

const chunkSize = 128 * 1024;

/**
 * Undoes a compression while the stream is read, in constant memory: gzip with any number of members, zstd with any
 * number of frames (windows up to 128 MiB), xz (dictionaries up to 64 MiB) and bzip2 with any number of streams. What
 * follows the last of them is refused, as Go does, unless `surplus` says otherwise. Errors of `stream` pass through.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_CORRUPT` for damaged or cut input, `ERR_COMPRESSION_TOO_LARGE` beyond a
 * limit, before the first byte too many is handed out.
 * @throws {RangeError} at once, when a limit is not a number from 0.
 */
export function decompress(
  stream: ByteStream,
  compression: ReadableCompression,
  options: DecompressOptions = {},
): ByteStream {
  assertArgument('stream', stream, aStream);
  const { signal, surplus } = options;
  return decompressWith(
    {
      gunzip: (source) =>
        surplus === 'ignore' ? gunzipMembers(source, { signal, chunkSize }) : gunzip(source, signal),
      unzstd: (source) => unzstd(source, signal, chunkSize),
      unxz,
      bunzip2,
    },
    stream,
    compression,
    options,
  );
}

/** Loaded when it is first needed: few archives are in xz. */
async function* unxz(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  yield* (await import('./unxz.ts')).unxz(source);
}

async function* bunzip2(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  yield* (await import('./bunzip2.ts')).bunzip2(source);
}

async function* gunzip(source: ByteStream, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of source) {
      read += chunk.byteLength;
      yield chunk;
    }
  }
  const decoder = createGunzip({ chunkSize });
  yield* throughDecoder(counted(), decoder, signal);
  // zlib takes zeros after a member for padding and stops reading there: what follows them would go unseen.
  if (decoder.bytesWritten === read) return;
  const surplus = read - decoder.bytesWritten;
  throw new CompressionError('ERR_COMPRESSION_CORRUPT', `Decompressing gzip: ${surplus} bytes after the last member`);
}
