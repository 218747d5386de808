import { getEventListeners } from 'node:events';
import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createTransferManager } from './manager.ts';
import { transferAll } from './transfer-all.ts';
import type { TransferContext, TransferRequest } from './transfer-manager.ts';

type Request = TransferRequest<string, string>;

function sends(key: string): Request {
  return { key, run: async () => `sent ${key}` };
}

function fails(key: string, error: Error): Request {
  return {
    key,
    run: async () => {
      throw error;
    },
  };
}

/** Runs until it is cancelled. */
function hangs(key: string) {
  const control = { signal: undefined as AbortSignal | undefined, request: undefined as unknown as Request };
  control.request = {
    key,
    run: ({ signal }: TransferContext<string>) => {
      control.signal = signal;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    },
  };
  return control;
}

describe('transferAll', () => {
  test('results come in the order of the list, those of repeated keys included', async () => {
    const results = await transferAll(createTransferManager(), ['a', 'b', 'a'].map(sends));
    expect(results).toEqual(['sent a', 'sent b', 'sent a']);
  });

  test('a repeated key runs once', async () => {
    let runs = 0;
    const request: Request = {
      key: 'a',
      run: async () => {
        runs += 1;
        return 'sent';
      },
    };
    await transferAll(createTransferManager(), [request, request, request]);
    expect(runs).toBe(1);
  });

  test('an empty list is done at once', async () => {
    await expect(transferAll(createTransferManager(), [])).resolves.toEqual([]);
  });

  test('each request is prepared, repeated ones too; the queued ones wait; progress is told', async () => {
    const told: string[] = [];
    const reports = (key: string): Request => ({
      key,
      run: async ({ report }) => {
        report('100 %');
        return key;
      },
    });
    await transferAll(createTransferManager({ concurrency: 1 }), ['a', 'b', 'a'].map(reports), {
      onPreparing: ({ key }) => told.push(`${key} preparing`),
      onWaiting: ({ key }) => told.push(`${key} waiting`),
      onProgress: ({ key }, record) => void told.push(`${key} ${record}`),
    });
    expect(told.slice(0, 3)).toEqual(['a preparing', 'b preparing', 'a preparing']);
    expect(told.slice(3).sort()).toEqual(['a 100 %', 'b 100 %', 'b waiting']);
  });

  test('the error is that of the earliest in the list among those reached, not of the first in time', async () => {
    const late = new Error('late but first in the list');
    const early = new Error('early but last in the list');
    let fail = (): void => {};
    const first: Request = {
      key: 'first',
      run: () =>
        new Promise((_, reject) => {
          fail = () => reject(late);
        }),
    };
    const all = transferAll(createTransferManager(), [first, fails('last', early)]);
    await settle();
    fail();
    await expect(all).rejects.toBe(late);
  });

  test('a failure leaves the others, which are cancelled unless someone else waits for them', async () => {
    const manager = createTransferManager();
    const alone = hangs('alone');
    const shared = hangs('shared');
    const other = manager.transfer(shared.request);
    await expect(
      transferAll(manager, [fails('bad', new Error('denied')), alone.request, shared.request]),
    ).rejects.toThrow('denied');
    await settle();
    expect(alone.signal?.aborted ?? true).toBe(true);
    expect(shared.signal?.aborted).toBe(false);
    await other.release();
  });

  test("the caller's abort comes out as it is and cancels what nobody else waits for", async () => {
    const manager = createTransferManager();
    const controller = new AbortController();
    const one = hangs('one');
    const two = hangs('two');
    const all = transferAll(manager, [one.request, two.request], { signal: controller.signal });
    await settle();
    controller.abort('ctrl-c');
    await expect(all).rejects.toBe('ctrl-c');
    expect([one.signal?.aborted, two.signal?.aborted]).toEqual([true, true]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('an abort wins over the failures that come after it', async () => {
    const controller = new AbortController();
    const first: Request = {
      key: 'first',
      run: async () => {
        controller.abort('ctrl-c');
        return 'sent';
      },
    };
    await expect(
      transferAll(createTransferManager(), [first, fails('second', new Error('denied'))], {
        signal: controller.signal,
      }),
    ).rejects.toBe('ctrl-c');
  });

  test('a signal that has aborted already prepares nothing', async () => {
    const told: string[] = [];
    const all = transferAll(createTransferManager(), [sends('a')], {
      signal: AbortSignal.abort('no'),
      onPreparing: ({ key }) => told.push(key),
    });
    await expect(all).rejects.toBe('no');
    expect(told).toEqual([]);
  });

  test('a listener that throws while preparing leaves what was begun', async () => {
    const manager = createTransferManager();
    const begun = hangs('begun');
    const all = transferAll(manager, [begun.request, sends('b')], {
      onPreparing: ({ key }) => {
        if (key === 'b') throw new Error('terminal gone');
      },
    });
    await expect(all).rejects.toThrow('terminal gone');
    await manager[Symbol.asyncDispose]();
    expect(begun.signal?.aborted ?? true).toBe(true);
  });
});

test.each<[string, unknown]>([
  ['a text', 'abc'],
  ['an async iterable', (async function* () {})()],
  ['a list of nothing', [null]],
  ['a list of texts', ['abc']],
])('%s in place of the requests is refused', async (_, requests) => {
  await using manager = createTransferManager();
  await expect(transferAll(manager, requests as never)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
});
