import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Compressor,
  compressionPass,
  createEstargzCompressor,
  createZstdChunkedCompressor,
  decompress,
  digestBytes,
  type FormNotes,
} from '../src/index.ts';
import { chunked, collect, distributions } from './support.ts';

interface Made {
  readonly bytes: Uint8Array;
  readonly notes: FormNotes;
}

interface TocEntry {
  readonly type: string;
  readonly name: string;
  readonly size?: number;
  readonly digest?: string;
  readonly offset?: number;
  readonly endOffset?: number;
  readonly chunkOffset?: number;
  readonly chunkSize?: number;
  readonly chunkDigest?: string;
  readonly [member: string]: unknown;
}

let folder: string;
/** By the name that says what is special about it. */
const tars: Record<string, Uint8Array> = {};
const big = distributions.mixed(2_700_000, 3);
const longName = `${'very-long-folder/'.repeat(9)}file with a name beyond a hundred letters – ü.txt`;

function tar(...args: readonly string[]): Uint8Array {
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner'];
  const made = spawnSync('tar', ['-cf', '-', '-C', folder, ...order, ...args], { maxBuffer: 64 * 1024 * 1024 });
  if (made.status !== 0) throw new Error(`tar failed: ${made.stderr}`);
  return new Uint8Array(made.stdout);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chunked-'));
  for (const name of ['etc', 'usr/lib', longName.replace(/\/[^/]*$/, '')]) {
    mkdirSync(join(folder, 'root', name), { recursive: true });
  }
  const write = (name: string, bytes: Uint8Array | string): void => {
    writeFileSync(join(folder, 'root', name), bytes);
    utimesSync(join(folder, 'root', name), 1_700_000_000, 1_700_000_000.25);
  };
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  write('etc/empty', '');
  write('etc/mib', new Uint8Array(1024 * 1024).fill(7));
  write('usr/lib/big.so', big);
  write(longName, 'long\n');
  symlinkSync('../etc/passwd', join(folder, 'root/usr/link'));
  spawnSync('ln', [join(folder, 'root/etc/passwd'), join(folder, 'root/usr/hard')]);
  spawnSync('mkfifo', [join(folder, 'root/etc/pipe')]);
  for (const at of ['root/usr/link', 'root/etc', 'root/usr', 'root/usr/lib', 'root']) {
    spawnSync('touch', ['-h', '-d', '@1700000000', join(folder, at)]);
  }
  spawnSync('find', [join(folder, 'root'), '-exec', 'touch', '-h', '-d', '@1700000000.25', '{}', '+']);
  tars['as GNU tar writes it'] = tar('--format=gnu', '-b', '1', 'root');
  tars['with pax headers, times and blocks of padding'] = tar('--format=pax', '--pax-option=delete=atime', 'root');
  tars['with nothing in it'] = new Uint8Array(1024);
  const ended = tar('--format=ustar', 'root/etc');
  const last = ended.findLastIndex((byte) => byte !== 0);
  tars['without blocks that end it'] = ended.subarray(0, Math.ceil((last + 1) / 512) * 512);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function make(compressor: Compressor, plain: Uint8Array, sizes: readonly number[] = [65_536]): Promise<Made> {
  const pass = compressionPass(chunked(plain, ...sizes), compressor, { expected: { digest: digestBytes(plain) } });
  const bytes = await collect(pass.stream);
  const { notes } = pass.result();
  if (notes === undefined) throw new Error('expected notes');
  return { bytes: new Uint8Array(bytes), notes };
}

const unzstd = (bytes: Uint8Array): Promise<Uint8Array> => collect(decompress(chunked(bytes), 'zstd'));
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Reads a file through the table alone, as lazy clients do, and compares it with every digest there. */
async function readFileOf(
  entries: readonly TocEntry[],
  at: number,
  read: (offset: number, end: number | undefined) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const first = entries[at] as TocEntry;
  const chunks = [first];
  for (let next = at + 1; entries[next]?.type === 'chunk'; next += 1) chunks.push(entries[next] as TocEntry);
  const pieces: Uint8Array[] = [];
  for (const [i, { offset = 0, chunkOffset = 0, chunkSize, chunkDigest }] of chunks.entries()) {
    const size = chunkSize ?? (first.size as number) - chunkOffset;
    const bytes = (await read(offset, chunks[i + 1]?.offset ?? first.endOffset)).subarray(0, size);
    if (chunkDigest !== undefined) expect(sha256(bytes)).toBe(chunkDigest);
    pieces.push(bytes);
  }
  const whole = Buffer.concat(pieces);
  expect(whole.byteLength).toBe(first.size);
  expect(sha256(whole)).toBe(first.digest);
  return whole;
}

/** What GNU tar says is in an archive. */
function listing(plain: Uint8Array): readonly string[] {
  const { stdout } = spawnSync('tar', ['-tf', '-', '--quoting-style=literal'], { input: plain });
  return stdout.toString().split('\n').filter(Boolean);
}

const cases = [
  'as GNU tar writes it',
  'with pax headers, times and blocks of padding',
  'with nothing in it',
  'without blocks that end it',
];

describe.each(cases)('zstd:chunked of a tar %s', (name) => {
  test('unpacks to the very tar, and has a table of what is in it', async () => {
    const plain = tars[name] as Uint8Array;
    const { bytes, notes } = await make(createZstdChunkedCompressor(), plain);
    expect(notes.diffID).toBeUndefined();
    expect(spawnSync('zstd', ['-t'], { input: bytes }).status).toBe(0);
    expect(Buffer.compare(await unzstd(bytes), plain)).toBe(0);
    const key = (of: string): string => notes.annotations[`io.github.containers.zstd-chunked.${of}`] as string;
    const [at = 0, length = 0, size, type] = key('manifest-position').split(':').map(Number);
    const [splitAt = 0, splitLength = 0, splitSize] = key('tarsplit-position').split(':').map(Number);
    const packed = bytes.subarray(at, at + length);
    expect(sha256(packed)).toBe(key('manifest-checksum'));
    expect(type).toBe(1);
    const json = await unzstd(packed);
    expect(json.byteLength).toBe(size);
    const toc = JSON.parse(new TextDecoder().decode(json)) as {
      version: number;
      entries: TocEntry[];
      tarSplitDigest: string;
    };
    expect(toc.version).toBe(1);
    expect(toc.entries.filter((entry) => entry.type !== 'chunk').map((entry) => entry.name)).toEqual(listing(plain));
    // The footer says the same as the annotations.
    const footer = new DataView(bytes.slice(-64).buffer);
    const numbers = [0, 1, 2, 3, 4, 5, 6].map((word) => Number(footer.getBigUint64(8 * word, true)));
    expect(numbers).toEqual([at, length, size, 1, splitAt, splitLength, splitSize]);
    expect(new TextDecoder().decode(bytes.subarray(-8))).toBe('GNUlInUx');
    expect(new DataView(bytes.slice(-72, -64).buffer).getUint32(0, true)).toBe(0x184d2a50);

    const contents = new Map<string, Uint8Array>();
    for (const [i, entry] of toc.entries.entries()) {
      if (entry.type !== 'reg' || entry.size === undefined) continue;
      const read = (offset: number, end: number | undefined): Promise<Uint8Array> =>
        unzstd(bytes.subarray(offset, end));
      contents.set(entry.name, await readFileOf(toc.entries, i, read));
    }
    if (contents.has('root/usr/lib/big.so')) {
      expect(Buffer.compare(contents.get('root/usr/lib/big.so') as Uint8Array, big)).toBe(0);
      expect(toc.entries.filter((entry) => entry.name === 'root/usr/lib/big.so')).toHaveLength(3);
    }
    // tar-split and the files make the very tar again.
    const splitBytes = bytes.subarray(splitAt, splitAt + splitLength);
    expect(sha256(splitBytes)).toBe(toc.tarSplitDigest);
    const split = await unzstd(splitBytes);
    expect(split.byteLength).toBe(splitSize);
    const pieces: Uint8Array[] = [];
    for (const [position, line] of new TextDecoder().decode(split).split('\n').filter(Boolean).entries()) {
      const entry = JSON.parse(line) as {
        type: number;
        name: string;
        size?: number;
        payload: string;
        position: number;
      };
      expect(entry.position).toBe(position);
      if (entry.type === 2) pieces.push(Buffer.from(entry.payload, 'base64'));
      else if (entry.size !== undefined) pieces.push(contents.get(entry.name) as Uint8Array);
    }
    expect(Buffer.compare(Buffer.concat(pieces), plain)).toBe(0);
  });
});

test('zstd:chunked tells of an entry what the tar says of it', async () => {
  const { bytes, notes } = await make(
    createZstdChunkedCompressor(),
    tars['with pax headers, times and blocks of padding'] as Uint8Array,
  );
  const position = notes.annotations['io.github.containers.zstd-chunked.manifest-position'] as string;
  const [at = 0, length = 0] = position.split(':').map(Number);
  const { entries } = JSON.parse(new TextDecoder().decode(await unzstd(bytes.subarray(at, at + length))));
  const of = (name: string): TocEntry => entries.find((entry: TocEntry) => entry.name === name);
  expect(of('root/etc/')).toMatchObject({ type: 'dir', mode: 0o755, modtime: '2023-11-14T22:13:20.25Z' });
  expect(of('root/etc/passwd')).toMatchObject({ type: 'reg', size: 30, mode: 0o644 });
  expect(of('root/etc/empty')).not.toHaveProperty('digest');
  expect(of('root/etc/pipe')).toMatchObject({ type: 'fifo' });
  expect(of('root/usr/link')).toMatchObject({ type: 'symlink', linkName: '../etc/passwd' });
  expect(of('root/usr/hard')).toMatchObject({ type: 'hardlink', linkName: 'root/etc/passwd' });
  expect(of(`root/${longName}`)).toMatchObject({ type: 'reg', size: 5 });
  // The checksum that tar-split keeps of a file: of "123456789" it is b90956c775a41001 (Go's crc64.ISO).
  const crc = new (await import('../src/chunked/crc64.ts')).Crc64();
  crc.update(new TextEncoder().encode('1'));
  crc.update(new TextEncoder().encode('23456789'));
  expect(Buffer.from(crc.sum()).toString('hex')).toBe('b90956c775a41001');
});

describe.each(cases)('eStargz of a tar %s', (name) => {
  test('unpacks to the same files, the table behind them, and every file by itself', async () => {
    const plain = tars[name] as Uint8Array;
    const { bytes, notes } = await make(createEstargzCompressor(), plain);
    const unpacked = new Uint8Array(gunzipSync(bytes));
    expect(spawnSync('gzip', ['-t'], { input: bytes }).status).toBe(0);
    expect(sha256(unpacked)).toBe(notes.diffID);
    const names = listing(unpacked);
    expect(names).toEqual([...listing(plain), '.no.prefetch.landmark', 'stargz.index.json']);
    const tocOffset = Number.parseInt(new TextDecoder().decode(bytes.subarray(-35, -19)), 16);
    expect(new TextDecoder().decode(bytes.subarray(-19, -13))).toBe('STARGZ');
    const member = new Uint8Array(gunzipSync(bytes.subarray(tocOffset)));
    const size = Number.parseInt(new TextDecoder().decode(member.subarray(124, 135)), 8);
    const json = member.subarray(512, 512 + size);
    expect(sha256(json)).toBe(notes.annotations['containerd.io/snapshot/stargz/toc.digest']);
    expect(notes.annotations['io.containers.estargz.uncompressed-size']).toBe(String(unpacked.byteLength));
    const { version, entries } = JSON.parse(new TextDecoder().decode(json)) as { version: number; entries: TocEntry[] };
    expect(version).toBe(1);
    expect(entries.filter((entry) => entry.type !== 'chunk').map((entry) => entry.name)).toEqual(names.slice(0, -1));
    for (const [i, entry] of entries.entries()) {
      if (entry.type !== 'reg' || entry.size === undefined) continue;
      // A member lasts until the next one begins: the offsets of the table are enough to find it.
      const ends = [...entries.flatMap(({ offset }) => offset ?? []), tocOffset].sort((a, b) => a - b);
      const read = async (offset: number): Promise<Uint8Array> =>
        new Uint8Array(
          gunzipSync(
            bytes.subarray(
              offset,
              ends.find((end) => end > offset),
            ),
          ),
        );
      const content = await readFileOf(entries, i, read);
      if (entry.name.endsWith('big.so')) expect(Buffer.compare(content, big)).toBe(0);
    }
  });
});

test('eStargz made of eStargz has one table and one landmark', async () => {
  const first = await make(createEstargzCompressor(), tars['as GNU tar writes it'] as Uint8Array);
  const second = await make(createEstargzCompressor(), new Uint8Array(gunzipSync(first.bytes)));
  expect(second.notes).toEqual(first.notes);
  expect(Buffer.compare(second.bytes, first.bytes)).toBe(0);
});

test.each<[string, Compressor, Compressor, Compressor]>([
  [
    'zstd:chunked',
    createZstdChunkedCompressor(),
    createZstdChunkedCompressor({ concurrency: 1 }),
    createZstdChunkedCompressor({ level: 9 }),
  ],
  [
    'eStargz',
    createEstargzCompressor(),
    createEstargzCompressor({ concurrency: 1 }),
    createEstargzCompressor({ level: 6 }),
  ],
])('%s has the same bytes however it is read, and by however many threads', async (_, usual, alone, smaller) => {
  const plain = tars['as GNU tar writes it'] as Uint8Array;
  const made = await make(usual, plain);
  for (const [compressor, sizes] of [
    [usual, [plain.byteLength]],
    [usual, [511, 1, 70_001]],
    [alone, [4096]],
  ] as const) {
    const again = await make(compressor, plain, sizes);
    expect(again.notes).toEqual(made.notes);
    expect(Buffer.compare(again.bytes, made.bytes)).toBe(0);
  }
  expect(Buffer.compare((await make(smaller, plain)).bytes, made.bytes)).not.toBe(0);
  expect(smaller.recipe).not.toBe(usual.recipe);
});

test.each<[string, (plain: Buffer) => Buffer, string]>([
  ['no tar', () => Buffer.from('no tar at all '.repeat(100)), 'a header'],
  ['a tar that was cut', (plain) => plain.subarray(0, 1500), 'in the middle of an entry'],
  [
    'a global pax header',
    () => Buffer.from(tar('--format=pax', '--pax-option=comment=x', 'root/etc/empty')),
    'type "g"',
  ],
  ['a sparse file', () => sparse(), 'sparse file'],
  ['a name that is not UTF-8', () => renamed(), 'not UTF-8'],
])('%s has no table of contents', async (_, spoil, message) => {
  const plain = new Uint8Array(spoil(Buffer.from(tars['as GNU tar writes it'] as Uint8Array)));
  for (const compressor of [createZstdChunkedCompressor(), createEstargzCompressor()]) {
    await expect(make(compressor, plain)).rejects.toMatchObject({
      code: 'ERR_COMPRESSION_UNSUPPORTED',
      message: expect.stringContaining(message),
    });
  }
});

test('a path that is there twice has no tar-split, and eStargz takes it', async () => {
  const twice = new Uint8Array(tar('--format=ustar', '--hard-dereference', 'root/etc/empty', './root/etc/empty'));
  await expect(make(createZstdChunkedCompressor(), twice)).rejects.toThrow('is there twice');
  expect((await make(createEstargzCompressor(), twice)).notes.diffID).toBeDefined();
});

function sparse(): Buffer {
  writeFileSync(join(folder, 'holes'), '');
  truncateSync(join(folder, 'holes'), 1024 * 1024);
  return Buffer.from(tar('--format=pax', '-S', 'holes'));
}

function renamed(): Buffer {
  const path = Buffer.from(`${folder}/odd-\u00ff`, 'latin1');
  writeFileSync(path, 'x');
  const name = readdirSync(folder, { encoding: 'buffer' }).find((entry) => entry.toString('latin1').startsWith('odd-'));
  expect(name?.at(-1)).toBe(0xff);
  const list = join(folder, 'list');
  writeFileSync(list, Buffer.concat([name as Buffer, Buffer.from('\n')]));
  return Buffer.from(tar('--format=gnu', '-T', list));
}
