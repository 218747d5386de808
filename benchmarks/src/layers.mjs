import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { paddingOf, tarEnd, tarHeader } from './tar.mjs';

const buffer = Buffer.allocUnsafe(1024 * 1024);

/** A file that is hashed while it is written. */
class HashedFile {
  size = 0;
  #hash = createHash('sha256');
  #descriptor;

  constructor(path) {
    this.#descriptor = openSync(path, 'w');
  }

  write(bytes) {
    this.#hash.update(bytes);
    this.size += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(this.#descriptor, bytes, at);
  }

  end() {
    closeSync(this.#descriptor);
    return { digest: `sha256:${this.#hash.digest('hex')}`, size: this.size };
  }
}

/** Writes a layer of about `size` bytes out of the machine's files, taken in turn from `files`, an endless iterator. */
export function writeFileLayer(path, size, files) {
  const layer = new HashedFile(path);
  while (layer.size < size) {
    const file = files.next().value;
    if (layer.size + file.size > size * 1.2) continue; // one large file would tip the layer
    const source = openSync(file.path, 'r');
    layer.write(tarHeader(file.name, file.size));
    let left = file.size;
    while (left > 0) {
      const read = readSync(source, buffer, 0, Math.min(left, buffer.byteLength), null);
      if (read === 0) throw new Error(`${file.path} became shorter while it was read`);
      layer.write(buffer.subarray(0, read));
      left -= read;
    }
    closeSync(source);
    layer.write(paddingOf(file.size));
  }
  layer.write(tarEnd);
  return layer.end();
}

/** Writes a layer of one file that no encoder can shrink: the key stream of a cipher whose key is the seed. */
export function writeRandomLayer(path, size, seed) {
  const key = createHash('sha256').update(`slipway benchmark ${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(1024 * 1024);
  const layer = new HashedFile(path);
  layer.write(tarHeader(`data/random-${seed}`, size));
  for (let left = size; left > 0; left -= zeros.byteLength)
    layer.write(cipher.update(zeros.subarray(0, Math.min(left, zeros.byteLength))));
  layer.write(paddingOf(size));
  layer.write(tarEnd);
  return layer.end();
}

/** The files in turn for ever; from the second round on their names are new, so that no two layers are the same. */
export function* inTurn(files) {
  for (let round = 0; ; round += 1) {
    for (const file of files) {
      const prefix = round === 0 ? '' : `${round}/`;
      yield { ...file, name: `${prefix}${file.path.slice(1)}`.slice(-100) };
    }
  }
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
