import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { detectCompression } from './detect-compression.ts';

test.each([
  // first bytes           compression
  ['1f8b08000000000000ff', 'gzip'],
  [gzipSync('x').toString('hex'), 'gzip'],
  ['28b52ffd2005', 'zstd'],
  ['502a4d1804000000', 'zstd'],
  ['5f2a4d1804000000', 'zstd'],
  ['1f8b07', 'none'],
  ['1f8b', 'none'],
  ['28b52f', 'none'],
  ['28b52ffe', 'none'],
  ['602a4d18', 'none'],
  ['425a6839', 'none'],
  ['', 'none'],
])('%s is %s', (hex, compression) => {
  expect(detectCompression(Buffer.from(hex, 'hex'))).toBe(compression);
});
