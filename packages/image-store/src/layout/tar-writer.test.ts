import { describe, expect, test } from 'vitest';
import { paddingOf, tarFolder, tarHeader } from './tar-writer.ts';

const text = (bytes: Uint8Array, start: number, length: number): string =>
  Buffer.from(bytes)
    .toString('latin1', start, start + length)
    .replace(/\0.*$/s, '');

/** The sum that a reader computes: the field itself counts as spaces. */
function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

describe('tarHeader', () => {
  test('a header is one block that says name, mode, size, type and its own sum', () => {
    const header = tarHeader('blobs/sha256/abc', 1234);
    expect(header.byteLength).toBe(512);
    expect(text(header, 0, 100)).toBe('blobs/sha256/abc');
    expect(text(header, 100, 8)).toBe('0000644');
    expect(Number.parseInt(text(header, 124, 12), 8)).toBe(1234);
    expect(text(header, 156, 1)).toBe('0');
    expect(text(header, 257, 6)).toBe('ustar');
    expect(Number.parseInt(text(header, 148, 8), 8)).toBe(checksum(header));
  });

  test.each([8 ** 11 - 1, 8 ** 11, 70 * 1024 ** 3])('%d bytes are a size that readers understand', (size) => {
    const header = Buffer.from(tarHeader('layer', size));
    const isOctal = header[124] !== 0x80;
    expect(isOctal).toBe(size < 8 ** 11);
    expect(isOctal ? Number.parseInt(text(header, 124, 12), 8) : Number(header.readBigUInt64BE(128))).toBe(size);
  });

  test('a name beyond 100 bytes stands in a pax record before the header', () => {
    const name = `blobs/sha512/${'0'.repeat(128)}`;
    const header = tarHeader(name, 1);
    expect(header.byteLength).toBe(3 * 512);
    expect(text(header, 156, 1)).toBe('x');
    const length = Number.parseInt(text(header, 124, 12), 8);
    expect(text(header, 512, length)).toBe(`${length} path=${name}\n`);
    expect(text(header, 1024, 100)).toBe(name.slice(0, 100));
  });

  test('a folder has its own type and no bytes', () => {
    const header = tarFolder('blobs/');
    expect([text(header, 156, 1), text(header, 124, 12)]).toEqual(['5', '00000000000']);
  });
});

test.each([
  [0, 0],
  [1, 511],
  [512, 0],
  [513, 511],
])('%d bytes are followed by %d zeros', (size, zeros) => {
  expect(paddingOf(size)).toEqual(new Uint8Array(zeros));
});
