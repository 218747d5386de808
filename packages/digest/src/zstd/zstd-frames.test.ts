import { describe, expect, test } from 'vitest';
import { chunked, collect, noise, watched } from '../../test/support.ts';
import { createZstdCompressor } from './zstd.ts';
import { type ZstdPiece, zstdPieces } from './zstd-frames.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');

async function pieces(stream: AsyncIterable<Uint8Array>): Promise<ZstdPiece[]> {
  const all: ZstdPiece[] = [];
  for await (const piece of zstdPieces(stream)) all.push(piece);
  return all;
}

describe('zstdPieces', () => {
  // magic, descriptor, then what the descriptor says; blocks are last + kind * 2 + size * 8.
  test.each([
    ['one segment, raw block', '28b52ffd 20 05 290000 68656c6c6f', 1],
    ['a window, no content size', '28b52ffd 00 58 290000 68656c6c6f', 1],
    [
      'content sizes of 2, 4 and 8 bytes',
      '28b52ffd 60 0000 010000 28b52ffd a0 00000000 010000 28b52ffd e0 0000000000000000 010000',
      3,
    ],
    ['a checksum', '28b52ffd 24 05 290000 68656c6c6f 00000000', 1],
    ['a repeated byte', '28b52ffd 00 58 eb0100 78', 1],
    ['several blocks', '28b52ffd 00 58 280000 68656c6c6f 010000', 1],
    ['a dictionary that has number 0 is none', '28b52ffd 21 00 05 290000 68656c6c6f', 1],
    ['a skippable frame is left out', '502a4d18 03000000 ffffff 28b52ffd 20 05 290000 68656c6c6f', 1],
  ])('%s', async (_, hex, frames) => {
    for (const size of [1, 2, 5, 1000]) {
      const found = await pieces(chunked(bytes(hex), size));
      expect(found.filter((piece) => piece.endsFrame)).toHaveLength(frames);
      const withoutSkippable = hex.replace('502a4d18 03000000 ffffff ', '');
      expect(Buffer.concat(found.map((piece) => piece.bytes))).toEqual(bytes(withoutSkippable));
    }
  });

  test.each([
    ['not zstd', '1f8b0800', 'ERR_COMPRESSION_CORRUPT'],
    ['nothing', '', 'ERR_COMPRESSION_CORRUPT'],
    ['a reserved bit', '28b52ffd 28 05 290000 68656c6c6f', 'ERR_COMPRESSION_CORRUPT'],
    ['a reserved kind of block', '28b52ffd 20 05 2f0000 68656c6c6f', 'ERR_COMPRESSION_CORRUPT'],
    ['a block above 128 KiB', '28b52ffd 00 58 0b0010 78', 'ERR_COMPRESSION_CORRUPT'],
    ['a dictionary', '28b52ffd 21 07 05 290000 68656c6c6f', 'ERR_COMPRESSION_UNSUPPORTED'],
    ['a window above 128 MiB', '28b52ffd 00 89 010000', 'ERR_COMPRESSION_TOO_LARGE'],
    ['a segment above 128 MiB', '28b52ffd a0 01000008 010000', 'ERR_COMPRESSION_TOO_LARGE'],
    ['a segment of any size', '28b52ffd e0 ffffffffffffffff 010000', 'ERR_COMPRESSION_TOO_LARGE'],
    ['a skippable frame that is cut', '502a4d18 04000000 ffffff', 'ERR_COMPRESSION_CORRUPT'],
    ['another thing after a frame', '28b52ffd 20 00 010000 00', 'ERR_COMPRESSION_CORRUPT'],
  ])('%s is refused', async (_, hex, code) => {
    await expect(pieces(chunked(bytes(hex), 3))).rejects.toMatchObject({ name: 'CompressionError', code });
  });

  test('a window of 128 MiB is allowed', async () => {
    expect(await pieces(chunked(bytes('28b52ffd 00 88 010000')))).toHaveLength(2);
  });

  test('no piece reaches beyond a block', async () => {
    const compressed = await collect(createZstdCompressor().compress(chunked(noise(700_000))));
    const found = await pieces(chunked(compressed));
    expect(Math.max(...found.map((piece) => piece.bytes.byteLength))).toBeLessThanOrEqual(128 * 1024 + 3);
  });

  test('leaving early closes the source', async () => {
    const source = watched(bytes('28b52ffd 20 00 010000'));
    for await (const piece of zstdPieces(source)) if (piece.endsFrame) break;
    expect(source.closed).toBe(1);
  });
});
