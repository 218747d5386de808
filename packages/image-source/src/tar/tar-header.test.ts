import { Header } from 'tar/header';
import { describe, expect, test } from 'vitest';
import { isTarHeader, readTarHeader } from './tar-header.ts';

/** A header of `tar`, changed by hand, with the checksum that it has then. */
function headerOf(
  data: ConstructorParameters<typeof Header>[0],
  change: (block: Buffer) => void = () => {},
  sum: (bytes: Buffer) => number = (bytes) => bytes.reduce((all, byte) => all + byte, 0),
): Buffer {
  const block = Buffer.alloc(512);
  new Header(data as object).encode(block);
  change(block);
  block.fill(' ', 148, 156);
  block.write(`${sum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const file = { path: 'etc/passwd', size: 1_234, mode: 0o644, type: 'File' } as const;

test('a name, a size and the target of a link are read', () => {
  expect(readTarHeader(headerOf(file))).toEqual({ name: 'etc/passwd', link: '', size: 1_234 });
  const link = { path: 'a', linkpath: 'b/ü', type: 'SymbolicLink', size: 0 } as const;
  expect(readTarHeader(headerOf(link))).toEqual({ name: 'a', link: 'b/ü', size: 0 });
});

describe('names', () => {
  test.each([
    ['of 99 bytes', 'n'.repeat(99)],
    ['with a short prefix', `${'d'.repeat(60)}/${'n'.repeat(90)}`],
    ['with a prefix of 155 bytes', `${'d'.repeat(155)}/${'n'.repeat(100)}`],
    ['of letters that take several bytes', 'ü/€/😀'],
  ])('%s come back', (_, path) => {
    expect(readTarHeader(headerOf({ ...file, path }))?.name).toBe(path);
  });

  test('of 100 bytes have no end', () => {
    expect(readTarHeader(headerOf(file, (bytes) => bytes.fill('n', 0, 100)))?.name).toBe('n'.repeat(100));
  });

  test('end at the first zero byte, whatever follows', () => {
    const block = headerOf(file, (bytes) => bytes.write('\0\nsecond', 3, 'latin1'));
    expect(readTarHeader(block)?.name).toBe('etc');
  });

  test('of GNU have no prefix: other things lie there', () => {
    const block = headerOf(file, (bytes) => {
      bytes.write('ustar  \0', 257, 'latin1');
      bytes.write('00000000000\0', 345, 'latin1');
    });
    expect(readTarHeader(block)?.name).toBe('etc/passwd');
  });

  test('of star have a short prefix, and times behind it', () => {
    const block = headerOf(file, (bytes) => {
      bytes.write('usr', 345, 'latin1');
      bytes.write('15000000000 15000000000 tar\0', 476, 'latin1');
    });
    expect(readTarHeader(block)?.name).toBe('usr/etc/passwd');
  });
});

describe('sizes', () => {
  const sized = (field: Buffer): Buffer => headerOf(file, (block) => field.copy(block.fill(0, 124, 136), 124));

  test.each([
    ['in octal digits, to a zero byte', Buffer.from('00000002322\0'), 1_234],
    ['to a space', Buffer.from('00000002322 '), 1_234],
    ['without an end', Buffer.from('000000002322'), 1_234],
    ['behind spaces', Buffer.from('       2322 '), 1_234],
    ['in base 256', Buffer.from('800000000000000200000000', 'hex'), 2 ** 33],
    ['the largest safe one', Buffer.from('80000000001fffffffffffff', 'hex'), Number.MAX_SAFE_INTEGER],
    ['below zero', Buffer.from('ffffffffffffffffffffffff', 'hex'), undefined],
    ['of nothing', Buffer.alloc(12), undefined],
    ['of other digits', Buffer.from('00000000009\0'), undefined],
    ['with letters', Buffer.from('000000012ab\0'), undefined],
  ])('%s', (_, field, size) => {
    expect(readTarHeader(sized(field))?.size).toBe(size);
  });

  test('beyond safe integers are refused', () => {
    expect(() => readTarHeader(sized(Buffer.from('800000000020000000000000', 'hex')))).toThrow(RangeError);
  });
});

describe('checksums', () => {
  const named = (change?: (block: Buffer) => void, sum?: (bytes: Buffer) => number): Buffer =>
    headerOf({ ...file, path: 'ü' }, change, sum);

  test('of letters taken for signed numbers are right, too', () => {
    const signed = named(undefined, (bytes) => bytes.reduce((all, byte) => all + (byte > 127 ? byte - 256 : byte), 0));
    expect(isTarHeader(signed)).toBe(true);
    expect(signed.equals(named())).toBe(false);
  });

  test.each([0, 100, 147, 156, 345, 511])('a byte that is another one at %d is seen', (at) => {
    const block = named();
    block[at] = (block[at] as number) ^ 1;
    expect(isTarHeader(block)).toBe(false);
    expect(readTarHeader(block)).toBeUndefined();
  });

  test.each([
    ['nothing but zeros', Buffer.alloc(512)],
    ['no digits', named((block) => block.write('ü', 0)).fill('x', 148, 156)],
  ])('%s is no header', (_, block) => {
    expect(isTarHeader(block)).toBe(false);
  });
});
