import { describe, expect, test } from 'vitest';
import { inputOf } from '../test/corpus.ts';
import { deflateBlock } from './deflate.ts';
import { createDeflatePool } from './deflate-pool.ts';
import { workerSource } from './pool-worker.ts';

const blocks = Array.from({ length: 9 }, (_, i) => inputOf('mixed', 30_000 + i * 7, i));

/** The same bytes in memory that threads share. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}

describe('createDeflatePool', () => {
  test.each([1, 2, 3])('%i threads make the bytes that one call makes', async (threads) => {
    await using pool = createDeflatePool({ threads });
    const made = await Promise.all(blocks.map((block) => pool.deflate(block, { level: 3 })));
    expect(made).toEqual(blocks.map((block) => deflateBlock(block, { level: 3 })));
  });

  test('dictionaries and shared memory make no difference', async () => {
    await using pool = createDeflatePool({ threads: 2 });
    const [dictionary, block] = [blocks[0] as Uint8Array, blocks[1] as Uint8Array];
    const expected = deflateBlock(block, { dictionary, final: false });
    expect(await pool.deflate(block, { dictionary, final: false })).toEqual(expected);
    expect(await pool.deflate(shared(block), { dictionary: shared(dictionary), final: false })).toEqual(expected);
    expect(await pool.deflate(Buffer.from(block), { dictionary, final: false })).toEqual(expected);
  });

  test('a result goes where it is wanted, if it fits there', async () => {
    await using pool = createDeflatePool({ threads: 2 });
    const block = blocks[0] as Uint8Array;
    const expected = deflateBlock(block);
    const output = shared(new Uint8Array(block.byteLength));
    const made = await pool.deflate(block, { output });
    expect(made).toEqual(expected);
    expect(made.buffer).toBe(output.buffer);

    const tooSmall = shared(new Uint8Array(expected.byteLength - 1));
    expect(await pool.deflate(block, { output: tooSmall })).toEqual(expected);
    const long = inputOf('mixed', 1_200_000, 1);
    const longOutput = shared(new Uint8Array(1_300_000));
    expect(Buffer.compare(await pool.deflate(long, { output: longOutput }), deflateBlock(long))).toBe(0);
    await expect(pool.deflate(block, { output: new Uint8Array(block.byteLength) })).rejects.toThrow(
      'Expected `output` to be on a SharedArrayBuffer',
    );
  });

  test('input keeps its bytes', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const block = Uint8Array.from(blocks[0] as Uint8Array);
    await pool.deflate(block);
    expect(block).toEqual(blocks[0]);
  });

  test('input longer than the encoder takes at once is spread over the threads', async () => {
    await using pool = createDeflatePool({ threads: 2 });
    const input = inputOf('mixed', 3_500_000, 1);
    expect(Buffer.compare(await pool.deflate(input), deflateBlock(input))).toBe(0);
  });

  test('a block that is given up rejects with the reason, and the others go on', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const all = blocks.map((block, i) => pool.deflate(block, i === 0 || i === 7 ? { signal: controller.signal } : {}));
    controller.abort(reason);
    const outcomes = await Promise.allSettled(all);
    for (const [i, outcome] of outcomes.entries()) {
      if (i === 0 || i === 7) expect(outcome).toEqual({ status: 'rejected', reason });
      else expect(outcome).toEqual({ status: 'fulfilled', value: deflateBlock(blocks[i] as Uint8Array) });
    }
    await expect(pool.deflate(blocks[0] as Uint8Array, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('a signal has no listener left', async () => {
    await using pool = createDeflatePool({ threads: 1 });
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await Promise.all(blocks.map((block) => pool.deflate(block, { signal })));
    expect(listeners).toBe(0);
  });

  test('disposal rejects what is not done, and can be repeated', async () => {
    const pool = createDeflatePool({ threads: 1 });
    const all = blocks.map((block) => pool.deflate(block));
    const outcomes = Promise.allSettled(all);
    await pool[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
    const closed = { status: 'rejected', reason: expect.objectContaining({ code: 'ERR_DEFLATE_CLOSED' }) };
    expect(await outcomes).toEqual(blocks.map(() => closed));
    await expect(pool.deflate(blocks[0] as Uint8Array)).rejects.toMatchObject({ code: 'ERR_DEFLATE_CLOSED' });
  });

  test('a pool that was never used has nothing to end', async () => {
    await using pool = createDeflatePool();
    expect(pool.threads).toBeGreaterThan(0);
  });

  test.each([0, -1, 1.5, Number.NaN])('%d threads are refused', (threads) => {
    expect(() => createDeflatePool({ threads })).toThrow(RangeError);
  });

  test('a refused level rejects', async () => {
    await using pool = createDeflatePool();
    await expect(pool.deflate(new Uint8Array(1), { level: 9 as never })).rejects.toThrow(RangeError);
  });
});

test('a worker needs nothing but what it is given', () => {
  expect([...workerSource.matchAll(/require\('([^']+)'\)/g)].map(([, name]) => name)).toEqual([
    'node:crypto',
    'node:worker_threads',
    'node:zlib',
    'node:fs',
  ]);
});
