/** Made when it is first needed, which is never where `node:zlib` is. */
let made: Int32Array | undefined;

/** CRC-32 as gzip has it; `crc` continues an earlier one. For places without `node:zlib`. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  made ??= makeTable();
  const table = made;
  let rest = ~crc;
  for (let i = 0; i < bytes.byteLength; i += 1) {
    rest = (table[(rest ^ (bytes[i] as number)) & 0xff] as number) ^ (rest >>> 8);
  }
  return ~rest >>> 0;
}

function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let entry = byte;
    for (let bit = 0; bit < 8; bit += 1) entry = (entry >>> 1) ^ (entry & 1 ? 0xedb88320 : 0);
    return entry;
  });
}
