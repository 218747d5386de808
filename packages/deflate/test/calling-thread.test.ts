import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { deflateBlock } from '../src/deflate.ts';
import { createDeflatePool, type DeflatePool } from '../src/deflate-pool.ts';
import { inputOf } from './corpus.ts';

const started = vi.hoisted(() => ({ threads: 0 }));

vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>();
  class CountedWorker extends real.Worker {
    constructor(...args: ConstructorParameters<typeof real.Worker>) {
      super(...args);
      started.threads += 1;
    }
  }
  return { ...real, Worker: CountedWorker };
});

beforeEach(() => {
  started.threads = 0;
});

const blockSize = 32 * 1024;
const plain = inputOf('mixed', 10 * blockSize - 77, 1);
const folder = mkdtempSync(join(tmpdir(), 'slipway-calling-thread-'));
writeFileSync(join(folder, 'plain'), plain);
const fd = openSync(join(folder, 'plain'), 'r');
afterAll(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

const blocks = Array.from({ length: 10 }, (_, i) => {
  const dictionary = plain.subarray(0, i * blockSize);
  return deflateBlock(plain.subarray(i * blockSize, (i + 1) * blockSize), { dictionary, final: false });
});
const made = {
  bytes: hashOf(Buffer.concat(blocks)),
  sums: { hash: hashOf(plain), checksum: crc32(plain) },
};

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The whole file, through a pool. */
async function fileThrough(pool: DeflatePool): Promise<typeof made> {
  using run = pool.deflateFile({ fd, start: 0, size: plain.byteLength, blockSize, readSync });
  const turns = await Promise.all(Array.from({ length: run.turns }, () => run.next()));
  return { bytes: hashOf(Buffer.concat(turns.map(({ bytes }) => bytes))), sums: await run.end() };
}

test('so much as does not pay for a thread is done without one, to the same bytes', async () => {
  const warnings = vi.spyOn(process, 'emitWarning');
  await using pool = createDeflatePool({ threads: 2, withoutThreads: 2 * plain.byteLength + 100 });
  const all = await Promise.all([fileThrough(pool), pool.deflate(plain.subarray(0, 100)), fileThrough(pool)]);
  expect(all).toEqual([made, deflateBlock(plain.subarray(0, 100)), made]);
  expect(started.threads).toBe(0);
  expect(warnings).not.toHaveBeenCalled();
  await pool.deflate(new Uint8Array(1));
  expect(started.threads).toBe(1);
});

test('once there is more, threads take it, and help with what the calling thread has begun', async () => {
  await using pool = createDeflatePool({ threads: 2, withoutThreads: plain.byteLength });
  const first = fileThrough(pool);
  expect(started.threads).toBe(0);
  expect(await Promise.all([first, fileThrough(pool), fileThrough(pool)])).toEqual([made, made, made]);
  expect(started.threads).toBe(2);
});

test('what exceeds the bytes by itself goes to threads at once, and all that comes after it', async () => {
  await using pool = createDeflatePool({ threads: 1, withoutThreads: plain.byteLength - 1 });
  expect(await fileThrough(pool)).toEqual(made);
  expect(await pool.deflate(plain.subarray(0, 9))).toEqual(deflateBlock(plain.subarray(0, 9)));
  expect(started.threads).toBe(1);
});

test('where more is expected, threads start at once, as many as it pays for, and do all of it', async () => {
  await using pool = createDeflatePool({ threads: 8, withoutThreads: plain.byteLength });
  pool.expect(plain.byteLength);
  expect(started.threads).toBe(0);
  pool.expect(plain.byteLength);
  expect(started.threads).toBe(2);
  expect(await Promise.all([fileThrough(pool), fileThrough(pool)])).toEqual([made, made]);
  pool.expect(100 * plain.byteLength);
  expect(started.threads).toBe(8);
});

test('what is expected starts nothing in a pool that has always threads, or is closed', async () => {
  const pool = createDeflatePool({ threads: 2 });
  pool.expect(plain.byteLength);
  expect(started.threads).toBe(0);
  await pool[Symbol.asyncDispose]();
  const closed = createDeflatePool({ threads: 2, withoutThreads: 1 });
  await closed[Symbol.asyncDispose]();
  closed.expect(plain.byteLength);
  expect(started.threads).toBe(0);
  expect(() => closed.expect(-1)).toThrow(RangeError);
});

test('the calling thread has a turn for other work between two blocks, however many are asked for at once', async () => {
  await using pool = createDeflatePool({ withoutThreads: plain.byteLength });
  let turns = 0;
  let other: NodeJS.Immediate | undefined;
  (function tick(): void {
    turns += 1;
    other = setImmediate(tick);
  })();
  using run = pool.deflateFile({ fd, start: 0, size: plain.byteLength, blockSize, blocksAtOnce: 10, readSync });
  const { bytes } = await run.next();
  clearImmediate(other);
  expect(hashOf(bytes)).toBe(made.bytes);
  expect(turns).toBeGreaterThanOrEqual(10);
});

test('of several files on the calling thread, the one that was begun first is done first', async () => {
  await using pool = createDeflatePool({ withoutThreads: 10 * plain.byteLength });
  const blocksMade = [0, 0, 0];
  const madeByThen: number[][] = [];
  const through = async (file: number): Promise<void> => {
    using run = pool.deflateFile({ fd, start: 0, size: plain.byteLength, blockSize, blocksAtOnce: 1, readSync });
    let left = run.turns;
    const ask = async (): Promise<void> => {
      for (; left > 0; blocksMade[file]! += 1) {
        left -= 1;
        await run.next();
      }
    };
    await Promise.all([ask(), ask(), ask()]);
    madeByThen.push([...blocksMade]);
  };
  await Promise.all([0, 1, 2].map(through));
  // A block or two of the next file may have been begun.
  expect(madeByThen[0]).toEqual([10, expect.toSatisfy((made: number) => made <= 2), 0]);
  expect(madeByThen[1]).toEqual([10, 10, expect.toSatisfy((made: number) => made <= 2)]);
});

test('a block that cannot be read fails its file, and no other on the calling thread', async () => {
  await using pool = createDeflatePool({ withoutThreads: 10 * plain.byteLength });
  using damaged = pool.deflateFile({ fd, start: 0, size: plain.byteLength + 1, blockSize, blocksAtOnce: 99, readSync });
  const failed = expect(damaged.next()).rejects.toMatchObject({ code: 'ERR_DEFLATE_READ' });
  expect(await fileThrough(pool)).toEqual(made);
  await failed;
});

test('what waits for the calling thread is given up with the pool', async () => {
  const pool = createDeflatePool({ withoutThreads: plain.byteLength });
  const file = fileThrough(pool);
  const rejected = expect(file).rejects.toMatchObject({ code: 'ERR_DEFLATE_CLOSED' });
  await pool[Symbol.asyncDispose]();
  await rejected;
});

test.each([-1, 1.5, Number.NaN])('%d bytes without threads are refused', (withoutThreads) => {
  expect(() => createDeflatePool({ withoutThreads })).toThrow(RangeError);
});
