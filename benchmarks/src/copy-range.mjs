import { readSync, writeSync } from 'node:fs';

const buffer = Buffer.allocUnsafe(1024 * 1024);

/** Copies a part of one open file to where another one has been written to. */
export function copyRange(input, { offset, size }, output) {
  for (let done = 0; done < size; ) {
    const read = readSync(input, buffer, 0, Math.min(buffer.byteLength, size - done), offset + done);
    if (read === 0) throw new Error('a file became shorter while it was read');
    for (let at = 0; at < read; ) at += writeSync(output, buffer, at, read - at);
    done += read;
  }
}
