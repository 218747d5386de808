import { open } from 'node:fs/promises';

/** Turns every bit of one byte of a file over. A negative offset counts from the file's end. */
export async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const position = offset < 0 ? size + offset : offset;
    if (!(Number.isInteger(offset) && position >= 0 && position < size)) {
      throw new RangeError(`Expected \`offset\` to lie within ${size} bytes, got ${offset}`);
    }
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, position);
    await file.write(Uint8Array.of((byte[0] ?? 0) ^ 0xff), 0, 1, position);
  } finally {
    await file.close();
  }
}
