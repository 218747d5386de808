let made: Int32Array | undefined;

/** CRC-64 with the polynomial of ISO 3309, as Go's `crc64.ISO` has it: tar-split keeps one of every file. */
export class Crc64 {
  readonly #tables = allTables();
  #low = 0xffffffff;
  #high = 0xffffffff;

  update(bytes: Uint8Array): void {
    const tables = this.#tables;
    let low = this.#low;
    let high = this.#high;
    const end = bytes.byteLength - (bytes.byteLength % 8);
    let at = 0;
    for (; at < end; at += 8) {
      const a = low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
      const b = high ^ (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));
      const i0 = (7 << 9) | ((a & 0xff) << 1);
      const i1 = (6 << 9) | (((a >>> 8) & 0xff) << 1);
      const i2 = (5 << 9) | (((a >>> 16) & 0xff) << 1);
      const i3 = (4 << 9) | ((a >>> 24) << 1);
      const i4 = (3 << 9) | ((b & 0xff) << 1);
      const i5 = (2 << 9) | (((b >>> 8) & 0xff) << 1);
      const i6 = (1 << 9) | (((b >>> 16) & 0xff) << 1);
      const i7 = (b >>> 24) << 1;
      low =
        tables[i0]! ^ tables[i1]! ^ tables[i2]! ^ tables[i3]! ^ tables[i4]! ^ tables[i5]! ^ tables[i6]! ^ tables[i7]!;
      high =
        tables[i0 + 1]! ^
        tables[i1 + 1]! ^
        tables[i2 + 1]! ^
        tables[i3 + 1]! ^
        tables[i4 + 1]! ^
        tables[i5 + 1]! ^
        tables[i6 + 1]! ^
        tables[i7 + 1]!;
    }
    for (; at < bytes.byteLength; at += 1) {
      const index = ((low ^ bytes[at]!) & 0xff) << 1;
      low = ((low >>> 8) | (high << 24)) ^ tables[index]!;
      high = (high >>> 8) ^ tables[index + 1]!;
    }
    this.#low = low;
    this.#high = high;
  }

  /** Eight bytes, the most significant first. */
  sum(): Uint8Array {
    const sum = new Uint8Array(8);
    const view = new DataView(sum.buffer);
    view.setUint32(0, ~this.#high >>> 0);
    view.setUint32(4, ~this.#low >>> 0);
    return sum;
  }
}

/** Tables for eight bytes at a time, each entry in two halves: the low one, then the high one. */
function allTables(): Int32Array {
  made ??= makeTables();
  return made;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 512);
  for (let byte = 0; byte < 256; byte += 1) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = (low & 1) === 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (isOdd) high ^= 0xd8000000;
    }
    tables[byte << 1] = low;
    tables[(byte << 1) + 1] = high;
  }
  for (let table = 1; table < 8; table += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const before = ((table - 1) << 9) | (byte << 1);
      const low = tables[before]!;
      const high = tables[before + 1]!;
      const index = (low & 0xff) << 1;
      tables[(table << 9) | (byte << 1)] = ((low >>> 8) | (high << 24)) ^ tables[index]!;
      tables[((table << 9) | (byte << 1)) + 1] = (high >>> 8) ^ tables[index + 1]!;
    }
  }
  return tables;
}
