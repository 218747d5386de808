import { readFileSync } from 'node:fs';

/** How the table begins since Go 1.18, and since 1.20. @see https://go.dev/s/go12symtab */
const magics = [0xfffffff0, 0xfffffff1];

/**
 * The names of functions in a program of Go, out of the table that Go keeps for its own stack traces, which stays when
 * the symbols are stripped. For programs of 64 bits.
 *
 * @returns a function that names the function at a place of the file; undefined where the file is no such program
 */
export function goSymbols(path) {
  const bytes = readFileSync(path);
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2) return undefined;
  const sections = sectionsOf(bytes);
  const table = sections.find(({ name }) => name.endsWith('.gopclntab'));
  if (table === undefined) return undefined;
  const at = table.offset;
  if (!magics.includes(bytes.readUInt32LE(at))) throw new Error(`${path} has a table of functions of another Go`);
  const word = (index) => Number(bytes.readBigUInt64LE(at + 8 + index * 8));
  const [count, names, functions] = [word(0), at + word(3), at + word(7)];
  const text = sections.find(({ name }) => name === '.text');
  const start = (word(2) || startOfText(bytes, table.address) || text.address) - text.address + text.offset;
  const entryAt = (index) => start + bytes.readUInt32LE(functions + index * 8);
  const nameAt = (index) => {
    const from = names + bytes.readInt32LE(functions + bytes.readUInt32LE(functions + index * 8 + 4) + 4);
    return bytes.toString('utf8', from, bytes.indexOf(0, from));
  };
  return (place) => {
    if (place < start || place >= entryAt(count)) return undefined; // C, or another file's
    let [low, high] = [0, count];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (entryAt(middle) <= place) low = middle;
      else high = middle;
    }
    return nameAt(low);
  };
}

function sectionsOf(bytes) {
  const from = Number(bytes.readBigUInt64LE(0x28));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => bytes.readUInt16LE(at));
  const field = (index, offset) => Number(bytes.readBigUInt64LE(from + index * size + offset));
  return Array.from({ length: count }, (_, index) => {
    const name = field(names, 0x18) + bytes.readUInt32LE(from + index * size);
    const text = bytes.toString('latin1', name, bytes.indexOf(0, name));
    return { name: text, address: field(index, 0x10), offset: field(index, 0x18) };
  });
}

/** Go 1.26 and later say only in the data of the running program where the text starts: what follows that pointer. */
function startOfText(bytes, tableAddress) {
  const pointer = Buffer.alloc(8);
  pointer.writeBigUInt64LE(BigInt(tableAddress));
  for (let at = bytes.indexOf(pointer); at >= 0; at = bytes.indexOf(pointer, at + 1)) {
    const word = (index) => bytes.readBigUInt64LE(at + index * 8);
    // moduledata: six slices after the pointer, then findfunctab, minpc, maxpc, text.
    if (at + 184 <= bytes.byteLength && word(20) === word(22) && word(21) > word(20)) return Number(word(22));
  }
  return undefined;
}
