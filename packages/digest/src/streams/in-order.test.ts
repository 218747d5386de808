import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { settled } from '../../test/support.ts';
import { inOrder } from './in-order.ts';

/** Work whose end the test decides. */
function bench(): {
  started: number[];
  finish: (item: number) => void;
  fail: (item: number, error: Error) => void;
  work: (item: number) => Promise<number>;
} {
  const started: number[] = [];
  const pending = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void }>();
  return {
    started,
    work: (item) => {
      started.push(item);
      return new Promise((resolve, reject) => pending.set(item, { resolve, reject }));
    },
    finish: (item) => pending.get(item)?.resolve(item * 10),
    fail: (item, error) => pending.get(item)?.reject(error),
  };
}

function numbers(count: number = Number.POSITIVE_INFINITY): AsyncIterable<number> & { given: number; closed: number } {
  const source = {
    given: 0,
    closed: 0,
    async *[Symbol.asyncIterator](): AsyncGenerator<number, void, void> {
      try {
        for (; source.given < count; ) {
          source.given += 1;
          yield source.given;
        }
      } finally {
        source.closed += 1;
      }
    },
  };
  return source;
}

test('results come in the order of the items, whichever is finished first', async () => {
  const { work, finish } = bench();
  const reading = inOrder(numbers(3), work, { concurrency: 3, held: 3 });
  const first = reading.next();
  await settled();
  finish(3);
  finish(2);
  finish(1);
  expect([await first, await reading.next(), await reading.next(), await reading.next()]).toEqual([
    { done: false, value: 10 },
    { done: false, value: 20 },
    { done: false, value: 30 },
    { done: true, value: undefined },
  ]);
});

test('a result is handed out while the source is still making the next item', async () => {
  async function* one(): AsyncGenerator<number, void, void> {
    yield 1;
    await new Promise(() => {});
  }
  const reading = inOrder(one(), async (item) => item, { concurrency: 2, held: 4 });
  expect(await reading.next()).toEqual({ done: false, value: 1 });
});

test('no more than `concurrency` items are worked on, and no more than `held` are read', async () => {
  const { work, finish, started } = bench();
  const source = numbers();
  const reading = inOrder(source, work, { concurrency: 2, held: 5 });
  const first = reading.next();
  await settled();
  expect(started).toEqual([1, 2]);
  expect(source.given).toBe(5);
  finish(2);
  await settled();
  expect(started).toEqual([1, 2, 3]);
  expect(source.given).toBe(5);
  finish(1);
  await first;
  await settled();
  expect(source.given).toBe(5); // the consumer has not come back for more: item 1 is still held
  finish(3);
  finish(4);
  await reading.next();
  await settled();
  expect(source.given).toBe(6);
  finish(5);
  finish(6);
  await reading.return();
});

test('leaving awaits work in progress, starts none that waits, and closes the source', async () => {
  const { work, finish, started } = bench();
  const source = numbers();
  const reading = inOrder(source, work, { concurrency: 2, held: 5 });
  const first = reading.next();
  await settled();
  finish(1);
  await first;
  await settled();
  expect(started).toEqual([1, 2, 3]);
  let left = false;
  const leaving = reading.return().then(() => {
    left = true;
  });
  await settled();
  expect(left).toBe(false);
  finish(2);
  await settled();
  expect(left).toBe(false);
  finish(3);
  await leaving;
  expect(started).toEqual([1, 2, 3]);
  expect(source.closed).toBe(1);
});

test('failing work ends everything with its error', async () => {
  const { work, finish, fail } = bench();
  const source = numbers();
  const reading = inOrder(source, work, { concurrency: 2, held: 4 });
  const failure = new Error('no');
  const first = reading.next();
  await settled();
  fail(2, failure);
  await settled();
  finish(1);
  await expect(first).rejects.toBe(failure);
  expect(source.closed).toBe(1);
});

test('an abort awaits work in progress and leaves no listener', async () => {
  const { work, finish } = bench();
  const controller = new AbortController();
  const { signal } = controller;
  const source = numbers();
  const reason = new Error('enough');
  const first = inOrder(source, work, { concurrency: 1, held: 2, signal }).next();
  await settled();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort(reason);
  finish(1);
  await expect(first).rejects.toBe(reason);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(source.closed).toBe(1);
});

test('a source whose closing fails does not hide why it was closed', async () => {
  const failing: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: 1 }),
      return: async () => {
        throw new Error('cannot close');
      },
    }),
  };
  const failure = new Error('no');
  const work = async (): Promise<number> => {
    throw failure;
  };
  await expect(inOrder(failing, work, { concurrency: 1, held: 1 }).next()).rejects.toBe(failure);
});

test('leaving while the source is stuck in a read waits for it, but not beyond an abort', async () => {
  async function* one(): AsyncGenerator<number, void, void> {
    yield 1;
    await new Promise(() => {});
  }
  const controller = new AbortController();
  const { signal } = controller;
  const reading = inOrder(one(), async (item) => item, { concurrency: 1, held: 2, signal });
  await reading.next();
  let left = false;
  const leaving = reading.return().then(() => {
    left = true;
  });
  await settled();
  expect(left).toBe(false);
  controller.abort();
  await leaving;
  expect(left).toBe(true);
});
