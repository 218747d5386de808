import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inputOf } from '../test/corpus.ts';
import { deflateBlock } from './deflate.ts';
import { createDeflatePool, type DeflatePool } from './deflate-pool.ts';
import type { DeflatedBlocks, DeflateFileOptions, DeflateFileRun } from './file-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-file-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const blockSize = 32 * 1024;
const bytes = Buffer.concat([inputOf('mixed', 300_000, 1), inputOf('noise', 100_000, 2), inputOf('mixed', 200_001, 3)]);
const path = join(folder, 'bytes');
let fd = 0;
beforeAll(() => {
  writeFileSync(path, bytes);
  fd = openSync(path, 'r+');
});
afterAll(() => closeSync(fd));

/** What blocks make on the calling thread. */
function expectedOf(plain: Uint8Array, size: number, level: 1 | 2 | 3): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < plain.byteLength; at += size) {
    const dictionary = plain.subarray(0, at);
    blocks.push(deflateBlock(plain.subarray(at, at + size), { level, dictionary, final: false }));
  }
  return blocks;
}

/** All turns, and out of them all blocks. */
async function turnsOf(run: DeflateFileRun, output?: () => Uint8Array): Promise<DeflatedBlocks[]> {
  return await Promise.all(Array.from({ length: run.turns }, () => run.next(output)));
}

async function allOf(run: DeflateFileRun): Promise<Uint8Array[]> {
  return (await turnsOf(run)).flatMap(({ bytes: made, sizes }) => {
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(made.byteLength);
    let at = 0;
    return sizes.map((size) => {
      at += size;
      return made.subarray(at - size, at);
    });
  });
}

function sumsOf(plain: Uint8Array, algorithm = 'sha256'): { readonly hash: string; readonly checksum: number } {
  return { hash: createHash(algorithm).update(plain).digest('hex'), checksum: crc32(plain) };
}

/** A pool with `threads` that are all at work, so that blocks go wherever there is room. */
async function busy(pool: DeflatePool): Promise<void> {
  await Promise.all(Array.from({ length: pool.threads }, () => pool.deflate(new Uint8Array(1))));
}

describe('deflateFile', () => {
  test.each([1, 2, 3])(
    '%i threads make what one call a block makes, whichever of them takes a block',
    async (threads) => {
      await using pool = createDeflatePool({ threads });
      const anyPart = fc.tuple(
        fc.nat(bytes.byteLength),
        fc.nat(bytes.byteLength),
        fc.constantFrom(32_768, 65_536, 100_000),
      );
      await fc.assert(
        fc.asyncProperty(
          anyPart,
          fc.constantFrom(1, 2, 3),
          fc.constantFrom(1, 2, 4),
          async ([one, other, size], level, blocksAtOnce) => {
            const [start, end] = one < other ? [one, other] : [other, one];
            const plain = bytes.subarray(start, end);
            using run = pool.deflateFile({
              fd,
              readSync,
              start,
              size: end - start,
              blockSize: size,
              blocksAtOnce,
              level: level as 1 | 2 | 3,
            });
            const made = await allOf(run);
            expect(made.map((block) => Buffer.from(block).toString('base64'))).toEqual(
              expectedOf(plain, size, level as 1 | 2 | 3).map((block) => Buffer.from(block).toString('base64')),
            );
            expect(await run.end()).toEqual(sumsOf(plain));
            await run.settled();
          },
        ),
        { numRuns: 25 },
      );
    },
  );

  test('several files at once, with other work between them, each get their own sums', async () => {
    await using pool = createDeflatePool({ threads: 2 });
    const runs = [0, 1000, 77_777].map((start, i) => {
      const algorithm = ['sha256', 'sha512', 'sha384'][i] as string;
      return {
        start,
        algorithm,
        run: pool.deflateFile({ fd, readSync, start, size: bytes.byteLength - start, blockSize, algorithm }),
      };
    });
    const made = await Promise.all([...runs.map(({ run }) => allOf(run)), busy(pool)]);
    for (const [i, { start, algorithm, run }] of runs.entries()) {
      const plain = bytes.subarray(start);
      expect(Buffer.concat(made[i] as Uint8Array[]).equals(Buffer.concat(expectedOf(plain, blockSize, 2)))).toBe(true);
      expect(await run.end()).toEqual(sumsOf(plain, algorithm));
    }
  });

  test.each([1, 2])('a block that waits while others end gets its turn (%i threads)', async (threads) => {
    await using pool = createDeflatePool({ threads });
    const begin = (): DeflateFileRun => pool.deflateFile({ fd, readSync, start: 0, size: 40_000, blockSize });
    for (const leave of [(run: DeflateFileRun) => run.end(), (run: DeflateFileRun) => run[Symbol.dispose]()]) {
      const ending = Array.from({ length: 4 }, begin);
      await Promise.all(ending.map((run) => allOf(run)));
      const left = ending.map(leave); // each asks its thread, which has as much to answer as it is given at once
      const waiting = begin();
      await allOf(waiting);
      expect(await waiting.end()).toEqual(sumsOf(bytes.subarray(0, 40_000)));
      await Promise.all(left);
    }
  });

  test('results go where they are wanted', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const outputs: Uint8Array[] = [];
    const run = pool.deflateFile({ fd, readSync, start: 0, size: bytes.byteLength, blockSize });
    const made = await turnsOf(run, () => {
      outputs.push(new Uint8Array(new SharedArrayBuffer(5 * blockSize)));
      return outputs.at(-1) as Uint8Array;
    });
    expect(made.map((turn) => turn.bytes.buffer)).toEqual(outputs.map(({ buffer }) => buffer));
    const all = Buffer.concat(made.map((turn) => turn.bytes));
    expect(all.equals(Buffer.concat(expectedOf(bytes, blockSize, 2)))).toBe(true);
    await run.end();
  });

  test('results that do not fit where they are wanted come by themselves', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const run = pool.deflateFile({ fd, readSync, start: 0, size: bytes.byteLength, blockSize });
    const made = await turnsOf(run, () => new Uint8Array(new SharedArrayBuffer(blockSize)));
    const expected = Buffer.concat(expectedOf(bytes, blockSize, 2));
    expect(Buffer.concat(made.map((turn) => turn.bytes)).equals(expected)).toBe(true);
    expect(made.some((turn) => !(turn.bytes.buffer instanceof SharedArrayBuffer))).toBe(true);
    await run.end();
  });

  test('no byte at all has sums too', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const run = pool.deflateFile({ fd, readSync, start: 5, size: 0, blockSize });
    expect(run.turns).toBe(0);
    expect(await run.end()).toEqual(sumsOf(new Uint8Array(0)));
    await run.settled();
  });

  test.each([1, 2])('a file that ends early fails the run, and no other (%i threads)', async (threads) => {
    await using pool = createDeflatePool({ threads });
    const short = join(folder, 'short');
    writeFileSync(short, bytes);
    const shortFd = openSync(short, 'r+');
    const options = { readSync, fd: shortFd, start: 0, size: bytes.byteLength, blockSize };
    using run = pool.deflateFile(options);
    using fine = pool.deflateFile({ ...options, fd });
    ftruncateSync(shortFd, 333_333);
    const outcomes = await Promise.allSettled(Array.from({ length: run.turns }, () => run.next()));
    expect(outcomes.at(-1)).toMatchObject({
      reason: {
        code: 'ERR_DEFLATE_READ',
        message: 'A thread could not read the file: unexpected end',
        cause: undefined,
      },
    });
    await expect(run.end()).rejects.toMatchObject({ code: 'ERR_DEFLATE_READ' });
    await expect(run.next()).rejects.toMatchObject({ code: 'ERR_DEFLATE_READ' });
    await run.settled();
    closeSync(shortFd);
    await allOf(fine);
    expect(await fine.end()).toEqual(sumsOf(bytes));
  });

  test('what the system says of a file that cannot be read is the cause', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const folderFd = openSync(folder, 'r');
    using run = pool.deflateFile({ readSync, fd: folderFd, start: 0, size: 10, blockSize });
    await expect(run.next()).rejects.toMatchObject({ code: 'ERR_DEFLATE_READ', cause: { code: 'EISDIR' } });
    await run.settled();
    closeSync(folderFd);
  });

  test('a run that is given up rejects with the reason at once, and settles when no thread reads any more', async () => {
    await using pool = createDeflatePool({ threads: 2 });
    const controller = new AbortController();
    const run = pool.deflateFile({
      fd,
      readSync,
      start: 0,
      size: bytes.byteLength,
      blockSize,
      signal: controller.signal,
    });
    const blocks = Promise.allSettled(Array.from({ length: run.turns }, () => run.next()));
    const reason = new Error('enough');
    controller.abort(reason);
    const refused = (await blocks).filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const outcome of refused) expect(outcome).toEqual({ status: 'rejected', reason });
    await expect(run.end()).rejects.toBe(reason);
    await run.settled();
    run[Symbol.dispose]();

    const late = pool.deflateFile({ fd, readSync, start: 0, size: 10, blockSize, signal: controller.signal });
    await expect(late.next()).rejects.toBe(reason);
    await late.settled();
    const left = pool.deflateFile({ fd, readSync, start: 0, size: bytes.byteLength, blockSize });
    const first = left.next();
    left[Symbol.dispose]();
    await expect(first).rejects.toMatchObject({ code: 'ERR_DEFLATE_CLOSED' });
    await left.settled();
  });

  test('disposal of the pool fails what is not done, and refuses more', async () => {
    const pool = createDeflatePool({ threads: 1 });
    const run = pool.deflateFile({ fd, readSync, start: 0, size: bytes.byteLength, blockSize });
    const blocks = Promise.allSettled(Array.from({ length: run.turns }, () => run.next()));
    await pool[Symbol.asyncDispose]();
    expect((await blocks).at(-1)).toMatchObject({ reason: { code: 'ERR_DEFLATE_CLOSED' } });
    await run.settled();
    expect(() => pool.deflateFile({ fd, readSync, start: 0, size: 1, blockSize })).toThrow('disposed');
  });

  test('blocks beyond the last, and an end before it, are mistakes', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    using run = pool.deflateFile({ fd, readSync, start: 0, size: 40_000, blockSize, blocksAtOnce: 1 });
    await run.next();
    await expect(run.end()).rejects.toThrow('Expected all 2 turns');
    await run.next();
    await expect(run.next()).rejects.toThrow(RangeError);
  });

  test.each<[string, Partial<DeflateFileOptions>]>([
    ['a block too small', { blockSize: 1024 }],
    ['a block too large', { blockSize: 2 ** 20 }],
    ['no block at once', { blocksAtOnce: 0 }],
    ['a hash that nobody knows', { algorithm: 'crc7' }],
    ['a level beyond the curve', { level: 7 as never }],
    ['a place before the file', { start: -1 }],
    ['half a byte', { size: 0.5 }],
    ['no file', { fd: Number.NaN }],
  ])('%s is refused', async (_, wrong) => {
    await using pool = createDeflatePool({ threads: 1 });
    expect(() => pool.deflateFile({ fd, readSync, start: 0, size: 10, blockSize, ...wrong })).toThrow(RangeError);
  });
});

test('a signal has no listener left', async () => {
  await using pool = createDeflatePool({ threads: 1 });
  const { signal } = new AbortController();
  const added = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    added.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    added.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  const run = pool.deflateFile({ fd, readSync, start: 0, size: 50_000, blockSize, signal });
  expect(added.size).toBe(1);
  await allOf(run);
  await run.end();
  expect(added.size).toBe(0);
});
