import { assertArgument, someBytes } from '@slipway/arguments';
import type { Compression } from '../compression/compressor.ts';

/**
 * Tells from the first bytes how content is compressed. Ten bytes are enough; with fewer than four, zstd is not
 * recognised.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952#page-6 (1f 8b, then 08 for deflate, the only method there is)
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */
export function detectCompression(head: Uint8Array): Compression {
  assertArgument('head', head, someBytes);
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08) return 'gzip';
  if (head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd && head[0] === 0x28) return 'zstd';
  // A skippable frame, 50..5f 2a 4d 18: what pzstd and eStargz-like tools may put in front.
  if (head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18 && ((head[0] ?? 0) & 0xf0) === 0x50) return 'zstd';
  return 'none';
}
