import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Parser } from 'tar';
import { describe, expect, test } from 'vitest';
import { type HandmadeMember, memberOf, paxRecord, tarEnd, tarOf } from '../../test/handmade-tar.ts';
import { temporaryFolder } from '../../test/temporary-folder.ts';
import { openFileReader } from '../files/file-reader.ts';
import { resolveSourceLimits, type SourceLimits } from '../options.ts';
import type { TarIndex } from './tar-entry.ts';
import { readTarIndex } from './tar-index.ts';

const folder = temporaryFolder();

async function indexOf(bytes: Uint8Array, limits: SourceLimits = {}): Promise<TarIndex> {
  const path = join(folder(), 'a.tar');
  await writeFile(path, bytes);
  await using reader = await openFileReader(path);
  return await readTarIndex(reader, { limits: resolveSourceLimits(limits), unique: ['manifest.json'] });
}

const file = (offset: number, size: number): object => expect.objectContaining({ type: 'file', offset, size });
const long = `${'folder/'.repeat(30)}file`;

describe('readTarIndex', () => {
  test('keeps the first bytes of a file that came with its header, and of no other', async () => {
    const data = Buffer.from('0123456789abcdef, and more');
    const others = Array.from({ length: 3 }, (_, at) => ({ name: `${at}`, data: '' }));
    const index = await indexOf(tarOf({ name: 'a', data }, { name: 'b', data: 'xy' }, ...others, { name: 'c', data }));
    const headOf = (name: string): string | undefined => {
      const entry = index.get(name);
      const head = entry?.type === 'file' ? entry.head : undefined;
      return head && Buffer.from(head).toString();
    };
    expect([headOf('a'), headOf('b'), headOf('0')]).toEqual(['0123456789abcdef', 'xy', '']);
    // Its header is the last block of the 4 KiB that are read at once, and its data the first of the next.
    expect(index.get('c')).toEqual(file(4096, data.byteLength));
    expect(headOf('c')).toBeUndefined();
  });

  test.each<[string, Buffer, Record<string, object>]>([
    ['an archive of nothing', tarEnd, {}],
    ['a file', tarOf({ name: 'a', data: 'hello' }), { a: file(512, 5) }],
    [
      'a file of type NUL, as before POSIX',
      tarOf({ name: 'a', type: '\0', magic: '', data: 'x' }),
      { a: file(512, 1) },
    ],
    ['an empty file', tarOf({ name: 'a' }, { name: 'b', data: 'x' }), { a: file(512, 0), b: file(1024, 1) }],
    ['a leading ./', tarOf({ name: './', type: '5' }, { name: './a', data: 'x' }), { a: file(1024, 1) }],
    ['a leading slash', tarOf({ name: '/sha256:a.tar', data: 'x' }), { 'sha256:a.tar': file(512, 1) }],
    [
      'names that nobody looks up, which are passed over',
      tarOf(
        { name: '../a', data: 'x' },
        { name: 'x/../../a', data: 'x' },
        { name: 'a\\b', data: 'x' },
        { name: 'C:/a', data: 'x' },
        { name: 'a', data: 'x' },
      ),
      { a: file(4096 + 512, 1) },
    ],
    [
      'a sparse file that makes no sense, which nobody has to read',
      tarOf({ name: 'a', type: 'S', data: 'x' }, { name: 'b', data: 'x', pax: { 'GNU.sparse.major': '1' } }),
      {
        a: { type: 'unreadable', reason: 'is a sparse file whose map is malformed' },
        b: { type: 'unreadable', reason: 'is a sparse file whose map is malformed' },
      },
    ],
    ['a folder', tarOf({ name: 'd/', type: '5' }), { d: { type: 'folder' } }],
    ['a folder by its slash', tarOf({ name: 'd/' }), { d: { type: 'folder' } }],
    [
      'links',
      tarOf({ name: 's', type: '2', link: '../a' }, { name: 'h', type: '1', link: 'a' }),
      {
        s: { type: 'symlink', target: '../a' },
        h: { type: 'hardlink', target: 'a' },
      },
    ],
    [
      'a link with a size, which has no data',
      tarOf({ name: 'h', type: '1', link: 'a', size: '00000001000' }),
      {
        h: { type: 'hardlink', target: 'a' },
      },
    ],
    [
      'a device',
      tarOf({ name: 'd', type: '3' }, { name: 'f', type: '6' }),
      { d: { type: 'other' }, f: { type: 'other' } },
    ],
    [
      'an unknown type, whose data is skipped',
      tarOf({ name: 'v', type: 'V', data: 'x' }, { name: 'a' }),
      {
        v: { type: 'other' },
        a: file(1536, 0),
      },
    ],
    ['a ustar prefix', tarOf({ name: 'c', prefix: 'a/b', data: 'x' }), { 'a/b/c': file(512, 1) }],
    ['a pax path', tarOf({ name: 'short', pax: { path: long }, data: 'x' }), { [long]: file(1536, 1) }],
    ['a name that ends at its zero byte, whatever follows', tarOf({ name: 'a\0\nb' }), { a: file(512, 0) }],
    ['a folder name that pax makes a file', tarOf({ name: 'd/', pax: { path: 'f' }, data: 'x' }), { f: file(1536, 1) }],
    [
      'a pax path beside a prefix, which it replaces',
      tarOf({ name: 'short', prefix: 'pre', pax: { path: long } }),
      { [long]: file(1536, 0) },
    ],
    [
      'a GNU name beside a pax path',
      tarOf({ name: 'L', type: 'L', data: 'gnu' }, { name: 'x', pax: { path: 'pax' } }),
      {
        gnu: file(2560, 0),
      },
    ],
    [
      'a pax link',
      tarOf({ name: 'a', type: '2', link: 'x', pax: { linkpath: long } }),
      { a: { type: 'symlink', target: long } },
    ],
    [
      'a pax size',
      tarOf({ name: 'a', pax: { size: '5' }, size: '00000000000', data: 'hello' }, { name: 'b' }),
      {
        a: file(1536, 5),
        b: file(2560, 0),
      },
    ],
    [
      'pax only for the next entry',
      tarOf({ name: 'a', pax: { path: 'p' } }, { name: 'b' }),
      { p: file(1536, 0), b: file(2048, 0) },
    ],
    [
      'a GNU long name',
      tarOf({ name: '././@LongLink', type: 'L', data: `${long}\0` }, { name: 'x', data: 'y' }),
      {
        [long]: file(1536, 1),
      },
    ],
    [
      'a GNU long link',
      tarOf({ name: '././@LongLink', type: 'K', data: `${long}\0` }, { name: 'x', type: '2', link: 'y' }),
      {
        x: { type: 'symlink', target: long },
      },
    ],
    [
      'a global comment, as git writes it',
      tarOf({ name: 'g', type: 'g', data: paxRecord('comment', 'c0ffee') }, { name: 'a' }),
      {
        a: file(1536, 0),
      },
    ],
    ['the last of a repeated name', tarOf({ name: 'a', data: 'x' }, { name: 'a', data: 'yy' }), { a: file(1536, 2) }],
    ['no end mark', memberOf({ name: 'a', data: 'x' }), { a: file(512, 1) }],
    ['one zero block at the end', Buffer.concat([memberOf({ name: 'a' }), Buffer.alloc(512)]), { a: file(512, 0) }],
    ['a last member without padding', memberOf({ name: 'a', data: 'x', unpadded: true }), { a: file(512, 1) }],
    [
      'what comes after the end mark',
      Buffer.concat([tarOf({ name: 'a' }), Buffer.from('garbage')]),
      { a: file(512, 0) },
    ],
  ])('%s is understood', async (_, bytes, expected) => {
    expect(Object.fromEntries(await indexOf(bytes))).toEqual(expected);
  });

  const member: HandmadeMember = { name: 'a', data: 'hello' };
  test.each<[string, string, Uint8Array, SourceLimits?]>([
    ['text', 'it is not a tar archive', Buffer.from('x'.repeat(2000))],
    ['random bits', 'it is not a tar archive', Buffer.alloc(2000, 0xff)],
    ['a wrong checksum at the start', 'it is not a tar archive', tarOf({ ...member, corrupt: true })],
    ['a wrong checksum later', 'the checksum of a header is wrong', tarOf(member, { ...member, corrupt: true })],
    [
      'a header cut off',
      'truncated within a header',
      Buffer.concat([memberOf(member), memberOf(member).subarray(0, 300)]),
    ],
    ['a file shorter than a header', 'truncated within a header', Buffer.from('x')],
    ['data cut off', '"a" is truncated: 5 bytes announced, 3 left', memberOf(member).subarray(0, 515)],
    [
      'a size beyond the file',
      '"a" is truncated: 8589934591 bytes announced',
      tarOf({ ...member, size: '77777777777' }),
    ],
    [
      'a size in base 256 beyond the file',
      '"a" is truncated: 68719476736 bytes',
      tarOf({ ...member, size: 64 * 1024 ** 3 }),
    ],
    ['a pax size beyond the file', '"a" is truncated', tarOf({ ...member, pax: { size: '999999999999999' } })],
    ['a negative size in base 256', 'has no valid size', tarOf({ ...member, size: -512 })],
    ['a negative size in octal', 'has no valid size', tarOf({ ...member, size: '-0000001000' })],
    ['a negative pax size', 'has a pax size of "-1"', tarOf({ ...member, pax: { size: '-1' } })],
    ['a pax size that is no number', 'has a pax size of "1e3"', tarOf({ ...member, pax: { size: '1e3' } })],
    ['a size that is no number', 'has no valid size', tarOf({ ...member, size: 'zzzzzzzzzzz' })],
    [
      'a size beyond 2^53',
      'cannot be represented',
      Buffer.concat([memberOf(member), tarOf({ ...member, size: 2 ** 60 })]),
    ],
    ['a folder with data', 'is a folder with content', tarOf({ name: 'a/', data: 'x' })],
    [
      'a folder by its slash with a size in base 256',
      'is a folder with content',
      tarOf({ name: 'a/', size: 1, data: 'x' }),
    ],
    ['a folder by its pax name with data', 'is a folder with content', tarOf({ ...member, pax: { path: 'a/' } })],
    [
      'a global sparse mark',
      'a global pax header sets "GNU.sparse.name"',
      tarOf({ name: 'g', type: 'g', data: paxRecord('GNU.sparse.name', 'x') }),
    ],
    ['a global path', 'a global pax header sets "path"', tarOf({ name: 'g', type: 'g', data: paxRecord('path', 'x') })],
    ['a global size', 'a global pax header sets "size"', tarOf({ name: 'g', type: 'g', data: paxRecord('size', '0') })],
    ['a malformed pax header', 'a pax header is malformed', tarOf({ name: 'x', type: 'x', data: 'nonsense' }, member)],
    [
      'a pax header beyond the limit',
      'more than the limit of 1048576',
      tarOf({ ...member, pax: { comment: 'x'.repeat(1024 ** 2) } }),
    ],
    [
      'a long name beyond the limit',
      'more than the limit of 1048576',
      tarOf({ name: 'L', type: 'L', data: Buffer.alloc(1024 ** 2 + 1, 'x') }),
    ],
    [
      'a pax header cut off',
      'truncated within an extension header',
      memberOf({ name: 'x', type: 'x', data: paxRecord('path', 'y'.repeat(600)) }).subarray(0, 700),
    ],
    [
      'an extension header of no size',
      'an extension header has no valid size',
      tarOf({ name: 'x', type: 'x', size: -1 }),
    ],
    [
      'extension headers without end',
      'more than 16 extension headers',
      tarOf(...Array(20).fill({ name: 'L', type: 'L', data: 'x' })),
    ],
    ['an extension header for nothing', 'ends after an extension header', tarOf({ name: 'L', type: 'L', data: 'x' })],
    ['a name beyond the limit', 'longer than 4096 bytes', tarOf({ ...member, pax: { path: 'x'.repeat(5000) } })],
    [
      'a link beyond the limit',
      'longer than 4096 bytes',
      tarOf({ name: 'a', type: '2', pax: { linkpath: 'x'.repeat(5000) } }),
    ],
    ['too many entries', 'more than 2 entries', tarOf(member, member, member), { maxEntries: 2 }],
    ['two manifests', '"manifest.json" appears twice', tarOf({ name: 'manifest.json' }, { name: 'manifest.json' })],
    [
      'a second manifest by a way out',
      '"x/../manifest.json" leads out of the archive',
      tarOf({ name: 'manifest.json' }, { name: 'x/../manifest.json' }),
    ],
    [
      'a second manifest with backslashes',
      'has a backslash',
      tarOf({ name: 'manifest.json' }, { name: '.\\manifest.json' }),
    ],
    [
      'a second manifest with an absolute name',
      '"/manifest.json" appears twice',
      tarOf({ name: 'manifest.json' }, { name: '/manifest.json' }),
    ],
    [
      'two manifests in other words',
      '"./manifest.json" appears twice',
      tarOf({ name: 'manifest.json' }, { name: './manifest.json' }),
    ],
    ['zeros with a checksum', 'it is not a tar archive', Buffer.alloc(1024).fill('x', 148, 156)],
    ['a lone zero block', 'a lone zero block', Buffer.concat([Buffer.alloc(512), memberOf(member)])],
  ])('%s is refused: %s', async (_, reason, bytes, limits) => {
    const refused = expect(indexOf(bytes, limits)).rejects;
    await refused.toMatchObject({ code: 'ERR_SOURCE_INVALID', message: expect.stringContaining(reason) });
    await expect(indexOf(bytes, limits)).rejects.toThrow(JSON.stringify(join(folder(), 'a.tar')));
  });

  test('a size in base 256 is read, and the file may be sparse on the disk', async () => {
    const path = join(folder(), 'big.tar');
    const size = 9 * 1024 ** 3;
    await writeFile(path, memberOf({ name: 'big', size }));
    await truncate(path, 512 + size);
    await using reader = await openFileReader(path);
    const index = await readTarIndex(reader, { limits: resolveSourceLimits() });
    expect(index.get('big')).toEqual(file(512, size));
  });

  test('3,007 entries cost at most a page of reading each, however large their data', async () => {
    const data = Buffer.alloc(100_000);
    const members = Array.from({ length: 3007 }, (_, at) => ({
      name: `blobs/${at}`,
      data: at % 300 === 0 ? data : 'small',
    }));
    const path = join(folder(), 'many.tar');
    await writeFile(path, tarOf(...members));
    let bytes = 0;
    let reads = 0;
    await using reader = await openFileReader(path, ({ length }) => {
      bytes += length;
      reads += 1;
    });
    const index = await readTarIndex(reader, { limits: resolveSourceLimits() });
    expect(index.size).toBe(3007);
    expect(bytes).toBeLessThan(3007 * 1024 + 12 * 4096); // small members share pages; of large ones no data is read
    expect(reads).toBeLessThan(3007);
  });

  test('an aborted scan rejects with the reason', async () => {
    const path = join(folder(), 'a.tar');
    await writeFile(path, tarOf(member));
    await using reader = await openFileReader(path);
    const reason = new Error('enough');
    const scan = readTarIndex(reader, { limits: resolveSourceLimits(), signal: AbortSignal.abort(reason) });
    await expect(scan).rejects.toBe(reason);
  });

  test('it finds the same files with the same data as the parser of `tar`', async () => {
    const name = fc.stringMatching(/^[a-z]{1,12}(\/[a-z]{1,40}){0,5}$/);
    const member = fc.record({ name, data: fc.uint8Array({ maxLength: 1500 }), usePax: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(member, { selector: (m) => m.name, minLength: 1, maxLength: 12 }),
        async (members) => {
          const bytes = tarOf(
            ...members.map(({ name: path, data, usePax }) =>
              usePax || path.length > 100 ? { name: 'x', pax: { path }, data } : { name: path, data },
            ),
          );
          const index = await indexOf(bytes);
          const ours = [...index].map(([path, entry]) => {
            const { offset, size } = entry as { offset: number; size: number };
            return [path, bytes.subarray(offset, offset + size).toString('hex')];
          });
          expect(ours).toEqual(await parsedByTar(bytes));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('arbitrary damage is refused or read, never anything else', async () => {
    const whole = tarOf(member, { name: 'b', pax: { path: long }, data: 'x' }, { name: 'l', type: '2', link: 'a' });
    const damage = fc.array(fc.tuple(fc.nat({ max: whole.byteLength - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat({ max: whole.byteLength }), async (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          await indexOf(bytes.subarray(0, length));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SOURCE_INVALID' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

async function parsedByTar(bytes: Buffer): Promise<[string, string][]> {
  const found: [string, string][] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const chunks: Buffer[] = [];
      entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => found.push([entry.path, Buffer.concat(chunks).toString('hex')]));
    },
  });
  const ended = new Promise((resolve, reject) => parser.on('end', () => resolve(undefined)).on('error', reject));
  parser.end(bytes);
  await ended;
  return found;
}
