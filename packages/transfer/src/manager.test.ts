import { getEventListeners } from 'node:events';
import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { createTransferManager } from './manager.ts';
import type { TransferContext, TransferRequest } from './transfer-manager.ts';

/** A job that ends when the test says so. */
function job<Result = string>(key: string, options: Partial<TransferRequest<Result, string>> = {}) {
  const control = {
    runs: 0,
    context: undefined as unknown as TransferContext<string>,
    resolve: undefined as unknown as (value: Result) => void,
    reject: undefined as unknown as (error: Error) => void,
    request: {
      key,
      ...options,
      run: (context: TransferContext<string>) => {
        control.runs += 1;
        control.context = context;
        return new Promise<Result>((resolve, reject) => {
          control.resolve = resolve;
          control.reject = reject;
        });
      },
    } satisfies TransferRequest<Result, string>,
  };
  return control;
}

function jobs(count: number, options?: (index: number) => Partial<TransferRequest<string, string>>) {
  return Array.from({ length: count }, (_, index) => job(`job ${index}`, options?.(index)));
}

const running = (all: readonly { runs: number }[]): number[] =>
  all.flatMap(({ runs }, index) => (runs > 0 ? [index] : []));

describe('sharing', () => {
  test('callers of one key share one run and its result', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const watches = [shared.request, shared.request].map((request) => manager.transfer(request));
    await settle();
    shared.resolve('sent');
    await expect(Promise.all(watches.map((watch) => watch.result))).resolves.toEqual(['sent', 'sent']);
    expect(shared.runs).toBe(1);
  });

  test('callers of one key share its failure', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const watches = [shared.request, shared.request].map((request) => manager.transfer(request));
    await settle();
    const failure = new Error('broken pipe');
    shared.reject(failure);
    for (const watch of watches) await expect(watch.result).rejects.toBe(failure);
  });

  test('a key whose job has ended starts anew', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const first = manager.transfer(shared.request);
    await settle();
    shared.resolve('one');
    await first.result;
    const second = manager.transfer(shared.request);
    await settle();
    shared.resolve('two');
    await expect(second.result).resolves.toBe('two');
    expect(shared.runs).toBe(2);
  });

  test('a request that comes in the instant the job ends starts anew', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    let again: Promise<string> | undefined;
    const first = manager.transfer({ key: 'layer', run: async () => 'one' });
    // Gets the slot in that very instant.
    manager.transfer({
      key: 'other',
      run: async () => {
        again = manager.transfer({ key: 'layer', run: async () => 'two' }).result;
      },
    });
    await expect(first.result).resolves.toBe('one');
    await expect(again).resolves.toBe('two');
  });

  test('a run that throws at once rejects like one that rejects', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const failure = new Error('no such file');
    const watch = manager.transfer({
      key: 'layer',
      run: () => {
        throw failure;
      },
    });
    await expect(watch.result).rejects.toBe(failure);
    await expect(manager.transfer({ key: 'next', run: async () => 'runs' }).result).resolves.toBe('runs');
  });
});

describe('progress', () => {
  test('a late watcher is told the last record first', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    manager.transfer(shared.request);
    await settle();
    shared.context.report('10 %');
    shared.context.report('20 %');
    const told: string[] = [];
    manager.transfer(shared.request, { onProgress: (record) => void told.push(record) });
    await settle();
    expect(told).toEqual(['20 %']);
  });

  test('a slow watcher loses intermediate records, delays nobody and still gets the last', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const slow: string[] = [];
    const fast: string[] = [];
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const watch = manager.transfer(shared.request, {
      onProgress: async (record) => {
        slow.push(record);
        await opened;
      },
    });
    const other = manager.transfer(shared.request, { onProgress: (record) => void fast.push(record) });
    await settle();
    for (const record of ['a', 'b', 'c', 'd']) {
      shared.context.report(record);
      await settle();
    }
    expect(fast).toEqual(['a', 'b', 'c', 'd']);
    expect(slow).toEqual(['a']);
    shared.resolve('sent');
    await expect(other.result).resolves.toBe('sent');
    open();
    await watch.result;
    expect(slow).toEqual(['a', 'd']);
  });

  test('a record that a watcher has had is not repeated at the end', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const told: string[] = [];
    const watch = manager.transfer(shared.request, { onProgress: (record) => void told.push(record) });
    await settle();
    shared.context.report('100 %');
    await settle();
    shared.resolve('sent');
    await watch.result;
    await watch.release();
    expect(told).toEqual(['100 %']);
  });

  test('what was reported is delivered before the result', async () => {
    const manager = createTransferManager();
    const order: string[] = [];
    const watch = manager.transfer<string, string>(
      {
        key: 'layer',
        run: async ({ report }) => {
          report('100 %');
          return 'sent';
        },
      },
      { onProgress: (record) => void order.push(record) },
    );
    order.push(await watch.result);
    expect(order).toEqual(['100 %', 'sent']);
  });

  test('release delivers what was reported before it', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const told: string[] = [];
    const watch = manager.transfer(shared.request, { onProgress: (record) => void told.push(record) });
    await settle();
    shared.context.report('50 %');
    await watch.release();
    expect(told).toEqual(['50 %']);
  });

  test('reports after the end are swallowed', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const onProgress = vi.fn();
    const watch = manager.transfer(shared.request, { onProgress });
    await settle();
    shared.resolve('sent');
    await watch.result;
    shared.context.report('late');
    await settle();
    expect(onProgress).not.toHaveBeenCalled();
  });

  test('a listener that throws loses its own watch and nobody else', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const failure = new Error('terminal gone');
    const bad = manager.transfer(shared.request, {
      onProgress: () => {
        throw failure;
      },
    });
    const good = manager.transfer(shared.request);
    await settle();
    shared.context.report('50 %');
    await expect(bad.result).rejects.toBe(failure);
    shared.resolve('sent');
    await expect(good.result).resolves.toBe('sent');
  });

  test('onWaiting is told once to whoever queues, the late ones included, and not to who runs at once', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const [first, second] = jobs(2) as [ReturnType<typeof job>, ReturnType<typeof job>];
    const told: string[] = [];
    manager.transfer(first.request, { onWaiting: () => told.push('first') });
    manager.transfer(second.request, { onWaiting: () => told.push('second') });
    await settle();
    manager.transfer(second.request, { onWaiting: () => told.push('late') });
    await settle();
    first.resolve('sent');
    await settle();
    expect(told).toEqual(['second', 'late']);
  });
});

describe('leaving', () => {
  test('the job is cancelled when the last watcher leaves, not before', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const one = manager.transfer(shared.request);
    const two = manager.transfer(shared.request);
    await settle();
    await one.release();
    await one.release();
    expect(shared.context.signal.aborted).toBe(false);
    await two.release();
    expect(shared.context.signal.reason).toMatchObject({ code: 'ERR_TRANSFER_CANCELLED' });
  });

  test("a caller's abort rejects its own result with the reason itself, at once, and leaves the job to the others", async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const controller = new AbortController();
    const leaver = manager.transfer(shared.request, { signal: controller.signal });
    const stayer = manager.transfer(shared.request);
    await settle();
    const reason = new Error('ctrl-c');
    controller.abort(reason);
    await expect(leaver.result).rejects.toBe(reason);
    expect(shared.context.signal.aborted).toBe(false);
    shared.resolve('sent');
    await expect(stayer.result).resolves.toBe('sent');
  });

  test('a signal that has already aborted starts nothing', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const watch = manager.transfer(shared.request, { signal: AbortSignal.abort('no') });
    await expect(watch.result).rejects.toBe('no');
    await settle();
    expect(shared.runs).toBe(0);
  });

  test('a queued job whose last watcher leaves is never run and lets the next one pass', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const all = jobs(3);
    const watches = all.map(({ request }) => manager.transfer(request));
    await settle();
    await watches[1]?.release();
    await watches[1]?.done;
    all[0]?.resolve('sent');
    await settle();
    expect(running(all)).toEqual([0, 2]);
    await expect(watches[1]?.result).rejects.toMatchObject({ code: 'ERR_TRANSFER_CANCELLED' });
  });

  test('a job that is left between its slot and its start is never run', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const controller = new AbortController();
    const watch = manager.transfer(shared.request, { signal: controller.signal });
    controller.abort();
    await watch.done;
    expect(shared.runs).toBe(0);
  });

  test('a request for a key whose job is cancelled waits until that has ended, then starts anew', async () => {
    const manager = createTransferManager();
    const dying = job('layer');
    const watch = manager.transfer(dying.request);
    await settle();
    await watch.release();
    const next = job('layer');
    const told: string[] = [];
    const again = manager.transfer(next.request, { onWaiting: () => told.push('waiting') });
    const joined = manager.transfer(next.request);
    await settle();
    expect(next.runs).toBe(0);
    expect(told).toEqual(['waiting']);
    dying.reject(new Error('aborted'));
    await settle();
    expect(next.runs).toBe(1);
    next.resolve('sent');
    await expect(Promise.all([again.result, joined.result])).resolves.toEqual(['sent', 'sent']);
  });

  test('a successor that is left while it waits does not let a third run overlap the first', async () => {
    const manager = createTransferManager();
    const first = job('layer');
    const watch = manager.transfer(first.request);
    await settle();
    await watch.release();
    const second = job('layer');
    await manager.transfer(second.request).release();
    const third = job('layer');
    const last = manager.transfer(third.request);
    await settle();
    expect([second.runs, third.runs]).toEqual([0, 0]);
    first.reject(new Error('aborted'));
    await settle();
    expect([second.runs, third.runs]).toEqual([0, 1]);
    third.resolve('sent');
    await expect(last.result).resolves.toBe('sent');
  });

  test('released settles when the job has ended and the last watcher has left', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const watch = manager.transfer(shared.request);
    await settle();
    const released = vi.fn();
    void shared.context.released.then(released);
    shared.resolve('sent');
    await watch.result;
    await settle();
    expect(released).not.toHaveBeenCalled();
    await watch.release();
    await settle();
    expect(released).toHaveBeenCalledOnce();
  });

  test('a listener that hangs does not hold a caller that aborts', async () => {
    const manager = createTransferManager();
    const shared = job('layer');
    const controller = new AbortController();
    const watch = manager.transfer(shared.request, {
      signal: controller.signal,
      onProgress: () => new Promise<void>(() => {}),
    });
    await settle();
    shared.context.report('50 %');
    const released = watch.release();
    await settle();
    controller.abort('enough');
    await released;
    await expect(watch.result).rejects.toBe('enough');
  });

  test('no listener stays on a signal, whichever way a watch ends', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const { signal } = new AbortController();
    const [ended, failed, left, queued] = jobs(4) as [
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
    ];
    const watches = [ended, failed, left, queued].map(({ request }) => manager.transfer(request, { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(4);
    await settle();
    ended.resolve('sent');
    await settle();
    failed.reject(new Error('refused'));
    await settle();
    await watches[2]?.release();
    await watches[3]?.release();
    left.reject(new Error('aborted'));
    await settle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('closing', () => {
  test('disposal cancels what runs, never starts what waits, and waits until all has ended', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const [active, queued] = jobs(2) as [ReturnType<typeof job>, ReturnType<typeof job>];
    const watches = [active, queued].map(({ request }) => manager.transfer(request));
    await settle();
    const disposed = vi.fn();
    const disposal = manager[Symbol.asyncDispose]().then(disposed);
    await settle();
    expect(active.context.signal.reason).toMatchObject({ code: 'ERR_TRANSFER_CLOSED' });
    expect(disposed).not.toHaveBeenCalled();
    active.reject(active.context.signal.reason);
    await disposal;
    expect(queued.runs).toBe(0);
    for (const watch of watches) await expect(watch.result).rejects.toMatchObject({ code: 'ERR_TRANSFER_CLOSED' });
  });

  test('a closed manager refuses', async () => {
    const manager = createTransferManager();
    await manager[Symbol.asyncDispose]();
    await manager[Symbol.asyncDispose]();
    const watch = manager.transfer(job('layer').request);
    await expect(watch.result).rejects.toMatchObject({ code: 'ERR_TRANSFER_CLOSED' });
    await watch.release();
  });
});

describe('slots', () => {
  test('as many run as there are slots, in the order of asking', async () => {
    const manager = createTransferManager({ concurrency: 2 });
    const all = jobs(4);
    for (const { request } of all) manager.transfer(request);
    await settle();
    expect(running(all)).toEqual([0, 1]);
    all[1]?.resolve('sent');
    await settle();
    expect(running(all)).toEqual([0, 1, 2]);
  });

  test('a concurrency of 0 lets all run', async () => {
    const manager = createTransferManager({ concurrency: 0 });
    const all = jobs(40);
    for (const { request } of all) manager.transfer(request);
    await settle();
    expect(running(all)).toHaveLength(40);
  });

  test('a raised limit starts more at once, a lowered one holds for later starts', async () => {
    const manager = createTransferManager({ concurrency: 2 });
    const all = jobs(8);
    for (const { request } of all) manager.transfer(request);
    manager.concurrency = 4;
    await settle();
    expect(running(all)).toEqual([0, 1, 2, 3]);
    manager.concurrency = 2;
    all[0]?.resolve('sent');
    all[1]?.resolve('sent');
    await settle();
    expect(running(all)).toEqual([0, 1, 2, 3]);
    all[2]?.resolve('sent');
    await settle();
    expect(running(all)).toEqual([0, 1, 2, 3, 4]);
    expect(manager.concurrency).toBe(2);
  });

  test('a slot given back early goes to the next, once', async () => {
    const manager = createTransferManager({ concurrency: 1 });
    const all = jobs(3);
    for (const { request } of all) manager.transfer(request);
    await settle();
    all[0]?.context.releaseSlot();
    all[0]?.context.releaseSlot();
    await settle();
    expect(running(all)).toEqual([0, 1]);
    all[0]?.resolve('sent');
    await settle();
    expect(running(all)).toEqual([0, 1]);
  });

  test.each([
    ['concurrency', -1],
    ['concurrency', 1.5],
    ['concurrency', Number.NaN],
    ['perHost', -1],
    ['smallSize', Number.POSITIVE_INFINITY],
    ['smallTotal', -8],
  ])('%s: %d is refused', (name, value) => {
    expect(() => createTransferManager({ [name]: value })).toThrow(RangeError);
  });

  test('a bad limit at run time is refused and changes nothing', () => {
    const manager = createTransferManager({ concurrency: 3 });
    expect(() => {
      manager.concurrency = -1;
    }).toThrow('Expected `concurrency` to be a whole number from 0 up, got -1');
    expect(manager.concurrency).toBe(3);
  });
});

describe('a request that is not what it has to be', () => {
  test.each<[string, object]>([
    ['request.size', { size: 5n }],
    ['request.size', { size: Number.NaN }],
    ['request.size', { size: -1 }],
    ['request.size', { size: '5' }],
    ['request.host', { host: 5 }],
    ['request.hsot', { hsot: 'r.example' }],
  ])('is refused for %s before it is queued: %o', async (argument, wrong) => {
    await using manager = createTransferManager({ concurrency: 1 });
    const begin = (): unknown => manager.transfer({ key: 'bad', run: async () => 1, ...wrong });
    expect(begin).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
    const watches = ['a', 'b'].map((key) => manager.transfer({ key, size: 5, run: async () => key }));
    expect(await Promise.all(watches.map(({ result }) => result))).toEqual(['a', 'b']);
  });

  test.each<[string, () => unknown]>([
    ['answers a bigint', () => 5n],
    ['answers no number', () => 'many'],
    ['answers NaN', () => Number.NaN],
    [
      'throws',
      () => {
        throw new Error('no size');
      },
    ],
  ])('has an unknown size where its function %s, and the others go on', async (_, size) => {
    await using manager = createTransferManager({ concurrency: 1 });
    const sizes = [size as () => number, () => 5, size as () => number];
    const watches = sizes.map((each, at) => manager.transfer({ key: `${at}`, size: each, run: async () => at }));
    expect(await Promise.all(watches.map(({ result }) => result))).toEqual([0, 1, 2]);
  });
});

test('an `onWaiting` that rejects ends the watch of its own caller', async () => {
  await using manager = createTransferManager({ concurrency: 1 });
  let end = (): void => {};
  const first = manager.transfer({
    key: 'first',
    run: () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  });
  const onWaiting = (): Promise<void> => Promise.reject(new Error('broken'));
  const second = manager.transfer({ key: 'second', run: async () => 2 }, { onWaiting: onWaiting as () => void });
  await expect(second.result).rejects.toThrow('broken');
  end();
  await first.result;
});
