import { readSync } from 'node:fs';
import { appendFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../test/read-content.ts';
import { temporaryFolder } from '../../test/temporary-folder.ts';
import type { ReadHook } from '../options.ts';
import { type FileReader, openFileReader, readAll } from './file-reader.ts';

const folder = temporaryFolder();

async function readerOf(bytes: Uint8Array | string, onRead?: ReadHook): Promise<FileReader> {
  const path = join(folder(), 'file');
  await writeFile(path, bytes);
  return await openFileReader(path, onRead);
}

const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7) % 251));
/** Large enough to be read ahead of whoever takes it. */
const largest = Buffer.concat([large, large, large]);

describe('a file reader', () => {
  test('slices can be read from any offset, again and again, at the same time', async () => {
    await using reader = await readerOf(large);
    const slice = fc.tuple(fc.nat({ max: large.byteLength }), fc.nat({ max: large.byteLength }), fc.nat({ max: 1000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(slice, { maxLength: 3 }), async (slices) => {
        await Promise.all(
          slices.map(async ([a, b, skip]) => {
            const [start, end] = [Math.min(a, b), Math.max(a, b)];
            const from = Math.min(skip, end - start);
            const content = reader.slice(start, end - start, 'it');
            expect((await bytesOf(content, { from })).equals(large.subarray(start + from, end))).toBe(true);
          }),
        );
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ['large', largest, 1024 * 1024],
    ['other', large, 0],
  ])('a slow consumer of %s content has so much read ahead of it, and no more', async (_size, bytes, most) => {
    let read = 0;
    await using reader = await readerOf(bytes, ({ length }) => {
      read += length;
    });
    let consumed = 0;
    let ahead = 0;
    for await (const chunk of reader.slice(0, bytes.byteLength, 'it').open()) {
      consumed += chunk.byteLength;
      await new Promise(setImmediate);
      ahead = Math.max(ahead, read - consumed);
    }
    expect(consumed).toBe(bytes.byteLength);
    expect(ahead).toBe(most);
  });

  test.each([1, 16 * 1024, 600_000])('a reader that wants %i bytes has no others read ahead of it', async (wanted) => {
    const reads: number[] = [];
    await using reader = await readerOf(large, ({ length }) => reads.push(length));
    const total = (): number => reads.reduce((sum, length) => sum + length, 0);
    const copies: Uint8Array[] = [];
    let taken = 0;
    for await (const chunk of reader.slice(0, large.byteLength, 'it').open({ from: 1000, wanted, reuse: true })) {
      await new Promise(setImmediate);
      taken += chunk.byteLength;
      if (taken <= wanted) expect(total()).toBeLessThanOrEqual(wanted);
      copies.push(new Uint8Array(chunk)); // who reads on all the same gets the rest
    }
    expect(Buffer.concat(copies).equals(large.subarray(1000))).toBe(true);
  });

  test('nothing is read before the first chunk is asked for, nor after the loop is left', async () => {
    let reads = 0;
    await using reader = await readerOf(large, () => {
      reads += 1;
    });
    const stream = reader.slice(0, large.byteLength, 'it').open();
    expect(reads).toBe(0);
    for await (const chunk of stream) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    const before = reads;
    await new Promise(setImmediate);
    expect(reads).toBe(before);
  });

  test('chunks are never written to again', async () => {
    await using reader = await readerOf(large);
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.slice(0, large.byteLength, 'it').open()) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(large)).toBe(true);
  });

  test.each([
    [0, 2, largest],
    [1, 2, largest],
    [700_000, 2, largest],
    [0, 1, large],
    [700_000, 1, large],
  ])('a reader that is done with each chunk, from byte %i, is served from %i buffers', async (from, count, bytes) => {
    await using reader = await readerOf(bytes);
    const buffers = new Set<ArrayBufferLike>();
    const copies: Uint8Array[] = [];
    for await (const chunk of reader.slice(0, bytes.byteLength, 'it').open({ from, reuse: true })) {
      buffers.add(chunk.buffer);
      await new Promise(setImmediate); // the next chunk may be read meanwhile
      copies.push(new Uint8Array(chunk));
      chunk.fill(0);
    }
    expect(Buffer.concat(copies).equals(bytes.subarray(from))).toBe(true);
    expect(buffers.size).toBe(count);
  });

  test.each([
    ['grew', (path: string) => appendFile(path, 'x'), 'its size went from 3000000 to 3000001 bytes'],
    ['became shorter', (path: string) => truncate(path, 10), 'its size went from 3000000 to 10 bytes'],
    ['was written to', (path: string) => utimes(path, 1, 1), 'it was written to'],
  ])('a file that %s since it was opened is not read', async (_, change, reason) => {
    await using reader = await readerOf(large);
    await change(reader.name);
    const message = expect.stringContaining(reason);
    const reading = bytesOf(reader.slice(0, 10, 'member "a"'));
    await expect(reading).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED', message, origin: 'source' });
    await expect(bytesOf(reader.slice(0, 10, 'member "a"'))).rejects.toThrow('while member "a" was read');
  });

  test.each([
    ['is cut', (path: string) => truncate(path, 1_500_000), 'it became shorter'],
    ['is written to', (path: string) => utimes(path, 1, 1), 'it was written to'],
  ])('a file that %s while it is read fails before its last chunk', async (_, change, reason) => {
    await using reader = await readerOf(large);
    let received = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of reader.slice(0, large.byteLength, 'it').open()) {
        if (received === 0) await change(reader.name);
        received += chunk.byteLength;
      }
    };
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_SOURCE_CHANGED',
      message: expect.stringContaining(reason),
    });
    expect(received).toBeLessThan(large.byteLength);
  });

  test('a file is lent with its place, and the reads of others are heard of', async () => {
    const reads: unknown[] = [];
    await using reader = await readerOf(large, (read) => reads.push(read));
    const file = await reader.slice(1000, 500_000, 'it').lend?.();
    if (file === undefined) throw new Error('the file is not lent');
    const buffer = Buffer.alloc(10);
    readSync(file.fd, buffer, 0, 10, file.start + 7);
    expect(buffer.equals(large.subarray(1007, 1017))).toBe(true);
    await file.assertUnchanged();
    file.onRead(7, 10);
    expect(reads).toEqual([{ position: 1007, length: 10 }]);
    file[Symbol.dispose]();
  });

  test.each([
    ['grew', (path: string) => appendFile(path, 'x'), 'its size went from 3000000 to 3000001 bytes'],
    ['was written to', (path: string) => utimes(path, 1, 1), 'it was written to'],
  ])('a file that %s since it was lent is told of', async (_, change, reason) => {
    await using reader = await readerOf(large);
    using file = await reader.slice(0, 10, 'member "a"').lend?.();
    await change(reader.name);
    const message = expect.stringMatching(`${reason}, while member "a" was read`);
    await expect(file?.assertUnchanged()).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED', message });
  });

  test('what a thread could not read is told in the words of the source', async () => {
    await using reader = await readerOf(large);
    using file = await reader.slice(0, 10, 'member "a"').lend?.();
    expect(file?.readFailure(undefined)).toMatchObject({
      code: 'ERR_SOURCE_CHANGED',
      message: expect.stringContaining('it became shorter, while member "a" was read'),
    });
    expect(file?.readFailure(Object.assign(new Error('no'), { code: 'EIO' }))).toMatchObject({
      code: 'ERR_SOURCE_UNREADABLE',
      message: expect.stringContaining('EIO'),
    });
  });

  test('a file is closed when it has been given back, and is lent to nobody else from then on', async () => {
    const reader = await readerOf(large);
    const content = reader.slice(0, 10, 'it');
    const [one, other] = [await content.lend?.(), await content.lend?.()];
    if (one === undefined || other === undefined) throw new Error('the file is not lent');
    let isClosed = false;
    const closing = reader[Symbol.asyncDispose]().then(() => {
      isClosed = true;
    });
    await expect(content.lend?.()).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' });
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isClosed).toBe(false);
    expect(readSync(other.fd, Buffer.alloc(10), 0, 10, 0)).toBe(10);
    other[Symbol.dispose]();
    await closing;
  });

  test('after disposal nothing can be read, and disposing again does nothing', async () => {
    const reader = await readerOf(large);
    const content = reader.slice(0, 10, 'it');
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
    const message = expect.stringContaining('was disposed');
    await expect(bytesOf(content)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED', message });
  });

  test('an abort ends a read with its reason, before it and during it', async () => {
    await using reader = await readerOf(large);
    const content = reader.slice(0, large.byteLength, 'it');
    const reason = new Error('enough');
    await expect(bytesOf(content, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of content.open({ signal: controller.signal })) controller.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
  });

  test.each([-1, 11, 0.5, Number.NaN])('an offset of %d is refused', async (from) => {
    await using reader = await readerOf(large);
    await expect(bytesOf(reader.slice(0, 10, 'it'), { from })).rejects.toThrow(RangeError);
  });

  test('a slice beyond the file is a broken promise of ours', async () => {
    await using reader = await readerOf('short');
    expect(() => reader.slice(0, 6, 'it')).toThrow('unreachable');
  });
});

describe('readAll', () => {
  test('reads what fits the limit and refuses the rest unread', async () => {
    let reads = 0;
    await using reader = await readerOf('12345', () => {
      reads += 1;
    });
    const content = reader.slice(0, 5, 'it');
    await expect(readAll(content, 4, 'it')).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
    expect(reads).toBe(0);
    expect(String(Buffer.from(await readAll(content, 5, 'it')))).toBe('12345');
  });

  test.each([
    ['one chunk too long', ['123456'], 'more than the 5 bytes'],
    ['a chunk too many', ['12345', '6'], 'more than the 5 bytes'],
    ['a chunk too few', ['123'], 'it has 3 bytes, and was said to have 5'],
    ['nothing', [], 'it has 0 bytes, and was said to have 5'],
  ])('refuses %s where five bytes were said to be', async (_, chunks, message) => {
    const open = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    };
    await expect(readAll({ size: 5, open }, 10, 'it')).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('takes no more of endless content than it was said to have', async () => {
    let taken = 0;
    let isClosed = false;
    const open = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          taken += 1;
          yield new Uint8Array(3);
        }
      } finally {
        isClosed = true;
      }
    };
    await expect(readAll({ size: 7, open }, 10, 'it')).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
    expect([taken, isClosed]).toEqual([3, true]);
  });
});
