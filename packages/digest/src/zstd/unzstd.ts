import * as zlib from 'node:zlib';
import type { ByteStream } from '../streams/content.ts';
import { throughDecoder } from '../unpacking/decoder-stream.ts';
import { unzstdPortably } from './portable-unzstd.ts';
import { zstdPieces } from './zstd-frames.ts';

/** Decodes with `node:zlib` where it knows zstd (Node 22.15), else with fzstd. */
export function unzstd(source: ByteStream, signal: AbortSignal | undefined, chunkSize: number): ByteStream {
  // Types of Node 22, run on Node 20 too.
  const create = zlib.createZstdDecompress as typeof zlib.createZstdDecompress | undefined;
  if (create === undefined) return unzstdPortably(source);
  return throughDecoder(bytesOf(source), create({ chunkSize }), signal);
}

async function* bytesOf(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  for await (const { bytes } of zstdPieces(source)) yield bytes;
}
