import { readSync } from 'node:fs';

// Tar archives as `docker save` and image builders make them: ustar headers, one fixed time, no owner.

const block = 512;
const mtimeSeconds = 1_767_225_600; // 2026-01-01: archives of one seed are the same whenever they are made

/** Two empty blocks end an archive. */
export const tarEnd = new Uint8Array(2 * block);

/** Zeros that fill up the last block of a content. */
export function paddingOf(size) {
  return new Uint8Array((block - (size % block)) % block);
}

/**
 * The header of a regular file or, for a name that ends in `/`, of a folder. A long name goes into the prefix field.
 */
export function tarHeader(name, size) {
  const header = Buffer.alloc(block);
  const [prefix, rest] = split(name);
  header.write(rest, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(`${mtimeSeconds.toString(8).padStart(11, '0')}\0`, 136);
  header.write('        ', 148);
  header.write(name.endsWith('/') ? '5' : '0', 156);
  header.write('ustar\u000000', 257);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** Where the files of an archive lie, in order, their contents skipped. */
export function* tarEntries(file) {
  const header = Buffer.alloc(block);
  const textAt = (start, end) => header.toString('utf8', start, end).split('\0', 1)[0];
  for (let at = 0; readSync(file, header, 0, block, at) === block && header[0] !== 0; ) {
    const prefix = textAt(345, 500);
    const size = Number.parseInt(textAt(124, 136), 8);
    yield { name: `${prefix && `${prefix}/`}${textAt(0, 100)}`, offset: at + block, size };
    at += block + Math.ceil(size / block) * block;
  }
}

/** Whether a name fits into a ustar header. */
export function fits(name) {
  const [prefix, rest] = split(name);
  return Buffer.byteLength(rest) <= 100 && Buffer.byteLength(prefix) <= 155;
}

function split(name) {
  if (Buffer.byteLength(name) <= 100) return ['', name];
  const at = name.indexOf('/', name.length - 101);
  return at === -1 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}
