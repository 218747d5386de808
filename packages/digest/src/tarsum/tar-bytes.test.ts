import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTarSum, type TarSumVersion } from './tar-sum.ts';

interface Entry {
  readonly name?: Buffer;
  readonly prefix?: Buffer;
  readonly linkname?: Buffer;
  readonly uname?: Buffer;
  readonly gname?: Buffer;
  readonly typeflag?: string;
  /** In `magic` and `version`. */
  readonly magic?: string;
  readonly mtime?: Buffer;
  readonly data?: Buffer;
  readonly trailer?: string;
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

function entry(given: Entry): Buffer {
  const { name = Buffer.from('a'), typeflag = '0', magic = 'ustar\u000000', data = Buffer.alloc(0) } = given;
  const header = Buffer.alloc(512);
  name.copy(header, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(data.byteLength, 12), 124);
  (given.mtime ?? Buffer.from(octal(7, 12))).copy(header, 136);
  header.write(typeflag, 156, 'latin1');
  given.linkname?.copy(header, 157);
  header.write(magic, 257, 'latin1');
  given.uname?.copy(header, 265);
  given.gname?.copy(header, 297);
  given.prefix?.copy(header, 345);
  header.write(given.trailer ?? '', 508, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.byteLength % 512)) % 512)]);
}

/** A pax header with these records. */
function pax(...records: readonly (readonly [key: string | Buffer, value: Buffer])[]): Buffer {
  const lines = records.map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(' '), Buffer.from(key), Buffer.from('='), value, Buffer.from('\n')]);
    let length = rest.byteLength;
    while (String(length).length + rest.byteLength !== length) length = String(length).length + rest.byteLength;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return entry({ name: Buffer.from('PaxHeaders/a'), typeflag: 'x', data: Buffer.concat(lines) });
}

const sha256 = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

interface Expected {
  readonly name?: Buffer;
  readonly linkname?: Buffer;
  readonly uname?: Buffer;
  readonly gname?: Buffer;
  readonly typeflag?: string;
  readonly mtime?: number;
  readonly data?: Buffer;
  /** In the order in which they are to be hashed. */
  readonly xattrs?: readonly Buffer[];
}

const none = Buffer.alloc(0);

/** The specification, over bytes. */
function hashOf(version: TarSumVersion, expected: Expected): string {
  const { name = Buffer.from('a'), data = none, mtime = 7, typeflag = '0', xattrs = [] } = expected;
  const { linkname = none, uname = none, gname = none } = expected;
  const time = version === '0' ? `mtime${mtime}` : '';
  return sha256(
    Buffer.concat([Buffer.from('name'), name]),
    `mode420uid0gid0size${data.byteLength}${time}typeflag${typeflag}`,
    Buffer.concat([Buffer.from('linkname'), linkname, Buffer.from('uname'), uname, Buffer.from('gname'), gname]),
    'devmajor0devminor0',
    ...(version === '0' ? [] : xattrs),
    data,
  );
}

const labels = { '0': 'tarsum', '1': 'tarsum.v1', dev: 'tarsum.dev' } as const;

function sumOf(version: TarSumVersion, ...blocks: readonly Buffer[]): string {
  const sum = createTarSum(version);
  sum.update(Buffer.concat([...blocks, Buffer.alloc(1024)]));
  return sum.sum();
}

function expectSum(blocks: readonly Buffer[], expected: Expected): void {
  for (const version of ['0', '1', 'dev'] as const) {
    expect(sumOf(version, ...blocks)).toBe(`${labels[version]}+sha256:${sha256(hashOf(version, expected))}`);
  }
}

const latin1 = Buffer.from('caf\u00e9', 'latin1');
const withMark = Buffer.from('\ufeffa');
const texts: readonly (readonly [string, Buffer])[] = [
  ['ASCII', Buffer.from('cafe')],
  ['UTF-8', Buffer.from('café')],
  ['Latin-1', latin1],
  ['Shift-JIS', Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67])],
  ['a byte order mark in front', withMark],
  ['the replacement character itself', Buffer.from('\ufffd')],
  ['half a character', Buffer.from([0x61, 0xe2, 0x82])],
  ['every byte but zero', Buffer.from(Array.from({ length: 90 }, (_, at) => at + 166))],
];

describe.each(texts)('%s', (_, text) => {
  test('as a name', () => expectSum([entry({ name: text })], { name: text }));

  test('as a name with a prefix', () => {
    const name = Buffer.concat([text, Buffer.from('/'), text]);
    expectSum([entry({ name: text, prefix: text })], { name });
  });

  test('as the target of a link', () => {
    const link = { linkname: text, typeflag: '2' };
    expectSum([entry(link)], link);
  });

  test('as owner and group', () => {
    expectSum([entry({ uname: text.subarray(0, 32), gname: text.subarray(0, 32) })], {
      uname: text.subarray(0, 32),
      gname: text.subarray(0, 32),
    });
  });

  test('as a long name of GNU’s', () => {
    const data = Buffer.concat([text, Buffer.alloc(1)]);
    expectSum([entry({ typeflag: 'L', data }), entry({ name: Buffer.from('cut') })], { name: text });
  });

  test('as a long link of GNU’s', () => {
    const data = Buffer.concat([text, Buffer.alloc(1)]);
    expectSum([entry({ typeflag: 'K', data }), entry({ typeflag: '1' })], { linkname: text, typeflag: '1' });
  });

  test('in pax: path, linkpath, uname, gname', () => {
    const records = pax(['path', text], ['linkpath', text], ['uname', text], ['gname', text]);
    expectSum([records, entry({})], { name: text, linkname: text, uname: text, gname: text });
  });

  test('as the value and as the name of an extended attribute', () => {
    const key = Buffer.concat([Buffer.from('SCHILY.xattr.'), text]);
    const xattrs = [Buffer.concat([text, text])];
    expectSum([pax([key, text]), entry({})], { xattrs });
  });
});

describe('extended attributes', () => {
  test('security.capability, as setcap writes it', () => {
    const capability = Buffer.from('0100000200c0000000000000000000000000c0ff', 'hex');
    const xattrs = [Buffer.from('security.capability'), capability];
    expectSum([pax(['SCHILY.xattr.security.capability', capability]), entry({})], { xattrs });
  });

  test('stand in the order of the bytes of their names, which is not that of UTF-16', () => {
    // U+FF01 is EF BC 81, U+1F600 is F0 9F 98 80; in UTF-16 it is the other way round.
    const names = ['user.z', 'user.\uff01', 'user.\u{1f600}'].map((name) => Buffer.from(name));
    const value = Buffer.from('v');
    const records = names
      .toReversed()
      .map((name) => [Buffer.concat([Buffer.from('SCHILY.xattr.'), name]), value] as const);
    expectSum([pax(...records), entry({})], { xattrs: names.flatMap((name) => [name, value]) });
  });

  test('one without a value is none, and takes back an earlier one', () => {
    const key = 'SCHILY.xattr.user.a';
    expectSum([pax([key, Buffer.from('1')], [key, none]), entry({})], {});
  });
});

describe('paths', () => {
  test('that differ in one byte are two, whatever text they could be', () => {
    const one = entry({ name: Buffer.from([0x63, 0xe8]), data: Buffer.from('1') });
    const other = entry({ name: Buffer.from([0x63, 0xe9]), data: Buffer.from('2') });
    for (const version of ['0', '1', 'dev'] as const) {
      expect(sumOf(version, one, other)).toBe(sumOf(version, other, one));
    }
  });

  test('that are the same bytes are one, though they are no text', () => {
    const one = entry({ name: latin1, data: Buffer.from('1') });
    const other = entry({ name: Buffer.concat([Buffer.from('./'), latin1]), data: Buffer.from('2') });
    expect(sumOf('0', one, other)).not.toBe(sumOf('0', other, one));
  });

  test('an empty path in pax leaves the name that the header has', () => {
    expectSum([pax(['path', none]), entry({ name: latin1 })], { name: latin1 });
  });
});

describe('forms of headers', () => {
  test('old GNU: owners, and no prefix', () => {
    const owner = Buffer.from('o');
    expectSum([entry({ magic: 'ustar  \0', uname: owner, gname: owner, prefix: latin1 })], {
      uname: owner,
      gname: owner,
    });
  });

  test('before POSIX: neither owners nor prefix', () => {
    expectSum([entry({ magic: '', uname: latin1, gname: latin1, prefix: latin1 })], {});
  });

  test('star: the prefix ends where its times begin', () => {
    const prefix = Buffer.alloc(155, 'p');
    const name = Buffer.concat([prefix.subarray(0, 131), Buffer.from('/a')]);
    expectSum([entry({ prefix, trailer: 'tar\0' })], { name });
  });

  test('a time before 1970, in two’s complement', () => {
    const mtime = Buffer.alloc(12, 0xff);
    mtime.writeInt32BE(-5, 8);
    expectSum([entry({ mtime })], { mtime: -5 });
  });

  test('a global pax header is an entry like another', () => {
    const data = Buffer.from('27 comment=of a revision xx\n');
    const global = entry({ typeflag: 'g', data });
    const other = entry({ name: Buffer.from('b') });
    const both = [hashOf('1', { typeflag: 'g', data }), hashOf('1', { name: Buffer.from('b') })].sort();
    expect(sumOf('1', global, other)).toBe(`tarsum.v1+sha256:${sha256(both.join(''))}`);
  });

  test('a pax record that ends in no line break is refused', () => {
    const data = Buffer.from('8 path=x');
    expect(() => sumOf('1', entry({ typeflag: 'x', data }), entry({}))).toThrow('a pax header is malformed');
  });
});

test('any bytes of a name, in any version', () => {
  const bytes = fc.uint8Array({ min: 1, minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(bytes, (name) => {
      expectSum([entry({ name: Buffer.from(name) })], { name: Buffer.from(name) });
      expectSum([pax(['path', Buffer.from(name)]), entry({})], { name: Buffer.from(name) });
    }),
  );
});
