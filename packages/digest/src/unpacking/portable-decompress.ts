import { aStream, assertArgument } from '@slipway/arguments';
import type { ByteStream } from '../streams/content.ts';
import { unzstdPortably } from '../zstd/portable-unzstd.ts';
import { type DecompressOptions, decompressWith, type ReadableCompression } from './decompression.ts';
import { gunzipPortably } from './portable-gunzip.ts';

/**
 * Undoes a compression while the stream is read, with fflate and fzstd: gzip with any number of members, zstd with any
 * number of frames (windows up to 128 MiB; the frames' own checksums are not looked at). What follows the last of them
 * is refused, unless `surplus` says otherwise.
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
  const gunzip = (source: ByteStream): ByteStream => gunzipPortably(source, options.surplus);
  return decompressWith({ gunzip, unzstd: unzstdPortably }, stream, compression, options);
}
