import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTarSum, type TarSumVersion, tarSum } from './tar-sum.ts';

interface Entry {
  readonly name: string;
  readonly mode?: number;
  readonly owner?: number;
  readonly uname?: string;
  readonly gname?: string;
  readonly mtime?: number;
  readonly typeflag?: string;
  readonly data?: Uint8Array;
  readonly pax?: Readonly<Record<string, string>>;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A tar as Go's archive/tar writes it. */
function tar(entries: readonly Entry[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const { pax, ...plain } = entry;
    if (pax === undefined) return [block(plain)];
    const records = Object.entries(pax).map(([key, value]) => record(key, value));
    return [block({ name: 'PaxHeaders.0/x', typeflag: 'x', data: encode(records.join('')) }), block(plain)];
  });
  return new Uint8Array(Buffer.concat([...parts, Buffer.alloc(1024)]));
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`.length;
  const length = rest + String(rest + String(rest).length).length;
  return `${length} ${key}=${value}\n`;
}

function block({
  name,
  mode = 0,
  owner = 0,
  uname = '',
  gname = '',
  mtime = 0,
  typeflag = '0',
  data = new Uint8Array(0),
}: Entry): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number, at: number): void =>
    void header.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  header.write(name, 0);
  octal(mode, 7, 100);
  octal(owner, 7, 108);
  octal(owner, 7, 116);
  octal(data.byteLength, 11, 124);
  octal(mtime, 11, 136);
  header.write(typeflag, 156);
  header.write('ustar\u000000', 257);
  header.write(uname, 265);
  header.write(gname, 297);
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte),
    6,
    148,
  );
  const padding = Buffer.alloc((512 - (data.byteLength % 512)) % 512);
  return Buffer.concat([header, data, padding]);
}

function sumOf(bytes: Uint8Array, version: TarSumVersion, extra?: Uint8Array): string {
  const sum = createTarSum(version);
  sum.update(bytes);
  return sum.sum(extra);
}

const users = { owner: 1000, uname: 'slartibartfast', gname: 'users', data: encode('test') };
const xattrs = (attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`SCHILY.xattr.${key}`, value]));

describe('upstream’s vectors', () => {
  test.each<[string, TarSumVersion, Entry, string]>([
    [
      'an empty file',
      '0',
      { name: 'file.txt' },
      'tarsum+sha256:626c4a2e9a467d65c33ae81f7f3dedd4de8ccaee72af73223c4bc4718cbc7bbd',
    ],
    [
      'an empty file',
      'dev',
      { name: 'file.txt' },
      'tarsum.dev+sha256:6ffd43a1573a9913325b4918e124ee982a99c0f3cba90fc032a65f5e20bdd465',
    ],
    [
      'names of owners',
      'dev',
      { name: 'another.txt', ...users },
      'tarsum.dev+sha256:b38166c059e11fb77bef30bf16fba7584446e80fcc156ff46d47e36c5305d8ef',
    ],
    [
      'extended attributes',
      'dev',
      { name: 'xattrs.txt', ...users, pax: xattrs({ 'user.key1': 'value1', 'user.key2': 'value2' }) },
      'tarsum.dev+sha256:4cc2e71ac5d31833ab2be9b4f7842a14ce595ec96a37af4ed08f87bc374228cd',
    ],
    [
      'attributes that differ by case',
      'dev',
      { name: 'xattrs.txt', ...users, pax: xattrs({ 'user.KEY1': 'value1', 'user.key2': 'value2' }) },
      'tarsum.dev+sha256:65f4284fa32c0d4112dd93c3637697805866415b570587e4fd266af241503760',
    ],
    [
      'attributes, which version 0 leaves out',
      '0',
      { name: 'xattrs.txt', ...users, pax: xattrs({ 'user.NOT': 'CALCULATED' }) },
      'tarsum+sha256:c12bb6f1303a9ddbf4576c52da74973c00d14c109bcfa76b708d5da1154a07fa',
    ],
    [
      '1 MiB of zeros',
      '0',
      { name: '/testdata0', mode: 0o755, typeflag: '\0', data: new Uint8Array(1024 * 1024) },
      'tarsum+sha256:8bf12d7e67c51ee2e8306cba569398b1b9f419969521a12ffb9d8875e8836738',
    ],
  ])('%s, version %s', (_, version, entry, expected) => {
    expect(sumOf(tar([entry]), version)).toBe(expected);
  });

  test.each(['0', '1', 'dev'] as const)('no entries, version %s: the hash of nothing', (version) => {
    const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(sumOf(tar([]), version)).toMatch(new RegExp(`^tarsum[.a-z1]*\\+sha256:${nothing}$`));
    expect(sumOf(new Uint8Array(0), version)).toMatch(new RegExp(`:${nothing}$`));
  });
});

test('there is no other version', () => {
  expect(() => createTarSum('2' as TarSumVersion)).toThrow('Expected `version` to be 0, 1 or dev, got 2');
});

describe('rules', () => {
  const a = { name: 'a', data: encode('1') };
  const b = { name: 'b', data: encode('2') };
  const rest = (text: string): string => text.slice(text.indexOf('+'));

  test('version 1 is dev under its final name', () => {
    expect(sumOf(tar([a]), '1').startsWith('tarsum.v1+sha256:')).toBe(true);
    expect(rest(sumOf(tar([a]), '1'))).toBe(rest(sumOf(tar([a]), 'dev')));
  });

  test('the order of files does not count', () => {
    expect(sumOf(tar([a, b]), '1')).toBe(sumOf(tar([b, a]), '1'));
  });

  test('the order of entries of one path counts, however it is spelt', () => {
    const again = { name: './a', data: encode('3') };
    expect(sumOf(tar([a, again]), '1')).not.toBe(sumOf(tar([again, a]), '1'));
    expect(sumOf(tar([a, again, b]), '1')).toBe(sumOf(tar([b, a, again]), '1'));
  });

  test('times count in version 0 only', () => {
    const later = { ...a, mtime: 5 };
    expect(sumOf(tar([later]), '1')).toBe(sumOf(tar([a]), '1'));
    expect(sumOf(tar([later]), '0')).not.toBe(sumOf(tar([a]), '0'));
  });

  test('extra bytes come first', () => {
    expect(sumOf(tar([a]), '0', encode('{}'))).not.toBe(sumOf(tar([a]), '0'));
    expect(sumOf(tar([]), '0', encode('abc'))).toBe(
      'tarsum+sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  test('a name in an extension header is that of the entry', () => {
    const data = encode('x');
    const short = tar([{ name: 'real', data }]);
    expect(sumOf(tar([{ name: 'cut', data, pax: { path: 'real' } }]), '1')).toBe(sumOf(short, '1'));
    expect(
      sumOf(
        tar([
          { name: '././@LongLink', typeflag: 'L', data: encode('real\0') },
          { name: 'cut', data },
        ]),
        '1',
      ),
    ).toBe(sumOf(short, '1'));
  });

  test('what follows the end of the archive does not count', () => {
    expect(sumOf(new Uint8Array(Buffer.concat([tar([a]), Buffer.alloc(10240), Buffer.from('x')])), '1')).toBe(
      sumOf(tar([a]), '1'),
    );
  });

  test('any cutting into pieces gives the same sum', async () => {
    const bytes = tar([a, { name: 'c', data: new Uint8Array(1500).fill(7), pax: { path: 'long/name' } }, b]);
    const expected = sumOf(bytes, '1');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), async (sizes) => {
        const pieces = async function* (): AsyncGenerator<Uint8Array> {
          for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
            const size = sizes[turn % sizes.length]!;
            yield bytes.subarray(at, at + size);
            at += size;
          }
        };
        expect(await tarSum(pieces(), '1')).toBe(expected);
      }),
    );
  });

  test.each([
    ['a tar that is cut within data', () => tar([{ ...a, data: new Uint8Array(600) }]).subarray(0, 700)],
    ['a tar that is cut within a header', () => tar([a]).subarray(0, 300)],
    ['something else', () => new Uint8Array(2048).fill(65)],
    ['a malformed pax header', () => tar([{ name: 'x', typeflag: 'x', data: encode('99 path=x\n') }])],
    ['a huge extension header', () => tar([{ name: 'x', typeflag: 'L', data: new Uint8Array(1024 * 1024 + 1) }])],
  ])('%s is refused', (_, bytes) => {
    expect(() => sumOf(bytes(), '1')).toThrow(expect.objectContaining({ code: 'ERR_TARSUM_INVALID' }));
  });
});
