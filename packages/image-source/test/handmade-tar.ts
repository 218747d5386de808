/** One member of a tar as a test wants it, wrong ones included. */
export interface HandmadeMember {
  readonly name: string;
  /** The type flag's character. @default '0' */
  readonly type?: string | undefined;
  readonly data?: string | Uint8Array | undefined;
  /** Text of the size field, in place of the length of `data`; numbers are written in base 256. */
  readonly size?: string | number | undefined;
  readonly link?: string | undefined;
  readonly prefix?: string | undefined;
  /** @default 'ustar\0' and version 00 */
  readonly magic?: string | undefined;
  /** Goes into a pax header in front of the member. */
  readonly pax?: Readonly<Record<string, string>> | undefined;
  /** Spoils the checksum. */
  readonly corrupt?: boolean | undefined;
  /** Leaves the data's padding out. */
  readonly unpadded?: boolean | undefined;
}

/** Two blocks of zeros. */
export const tarEnd: Buffer = Buffer.alloc(1024);

/** A whole archive. */
export function tarOf(...members: readonly HandmadeMember[]): Buffer {
  return Buffer.concat([...members.map(memberOf), tarEnd]);
}

/** Header, data and padding of one member. */
export function memberOf(member: HandmadeMember): Buffer {
  const data = Buffer.from(member.data ?? '');
  const padding = Buffer.alloc(member.unpadded ? 0 : (512 - (data.byteLength % 512)) % 512);
  const body = Buffer.concat([headerOf(member, data.byteLength), data, padding]);
  if (!member.pax) return body;
  const records = Object.entries(member.pax).map(([key, value]) => paxRecord(key, value));
  return Buffer.concat([memberOf({ name: 'PaxHeader', type: 'x', data: records.join('') }), body]);
}

/** `length key=value\n`, where the length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}

function headerOf(member: HandmadeMember, dataSize: number): Buffer {
  const { name, type = '0', link = '', prefix = '', magic = 'ustar\x0000', size = octal(dataSize, 11) } = member;
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  if (typeof size === 'string') header.write(size, 124, 12, 'latin1');
  else writeBase256(header, size);
  header.write('00000000000\0', 136);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write(magic, 257);
  header.write(prefix, 345, 155);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0) + (member.corrupt ? 1 : 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

/** Twelve bytes, two's complement, the first bit set: GNU's way beyond 8 GiB and below 0. */
function writeBase256(header: Buffer, size: number): void {
  const bits = BigInt.asUintN(96, BigInt(size)) | (1n << 95n);
  header.write(bits.toString(16).padStart(24, '0'), 124, 'hex');
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
