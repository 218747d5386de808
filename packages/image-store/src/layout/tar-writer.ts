const block = 512;

/** Two empty blocks end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * block);

/** The zeros that fill the last block of a file. */
export function paddingOf(size: number): Uint8Array {
  return new Uint8Array((block - (size % block)) % block);
}

/** What stands before a folder's files. */
export function tarFolder(name: string): Uint8Array {
  return header({ name, size: 0, mode: 0o755, type: '5' });
}

/**
 * What stands before a file's bytes: one block, or three for a name beyond 100 bytes. Times are zero, so equal content
 * gives equal archives.
 */
export function tarHeader(name: string, size: number): Uint8Array {
  const own = header({ name, size, mode: 0o644, type: '0' });
  if (name.length <= 100) return own;
  const record = paxRecord('path', name);
  const extension = header({ name: 'PaxHeaders.0/long-name', size: record.byteLength, mode: 0o644, type: 'x' });
  return Buffer.concat([extension, record, paddingOf(record.byteLength), own]);
}

interface Fields {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly type: string;
}

/** @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 */
function header({ name, size, mode, type }: Fields): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(name.slice(0, 100), 0, 'ascii');
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  writeSize(bytes, size);
  bytes.write(octal(0, 11), 136);
  bytes.write(' '.repeat(8), 148); // the checksum counts itself as spaces
  bytes.write(type, 156);
  bytes.write('ustar\u000000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return bytes;
}

/** Eleven octal digits reach to 8 GiB; beyond, GNU's and every reader's way is the number in base 256. */
function writeSize(bytes: Buffer, size: number): void {
  if (size < 8 ** 11) {
    bytes.write(octal(size, 11), 124);
    return;
  }
  bytes[124] = 0x80;
  bytes.writeBigUInt64BE(BigInt(size), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = ` ${key}=${value}\n`;
  const digits = String(rest.length + String(rest.length).length).length;
  return Buffer.from(`${rest.length + digits}${rest}`);
}
