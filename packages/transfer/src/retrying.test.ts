import { getEventListeners } from 'node:events';
import { setImmediate as settle } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DoNotRetry, TransferError } from './errors.ts';
import { createHostBackoff } from './host-backoff.ts';
import { createTransferManager } from './manager.ts';
import { type RetryNotice, type RetryOptions, retrying } from './retrying.ts';
import { createFakeClock } from './testing/fake-clock.ts';

class RateLimited extends Error {
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super('too many requests');
    this.retryAfterMs = retryAfterMs;
  }
}

/** Fails `failures.length` times, then succeeds. */
function failing(failures: readonly unknown[]) {
  const control = {
    calls: 0,
    run: async (): Promise<string> => {
      const failure = failures[control.calls];
      control.calls += 1;
      if (control.calls <= failures.length) throw failure;
      return 'sent';
    },
  };
  return control;
}

function start(run: Parameters<typeof retrying<string>>[0], options: RetryOptions = {}) {
  const clock = createFakeClock();
  const notices: RetryNotice[] = [];
  const times: number[] = [];
  const timed: typeof run = (context) => {
    times.push(clock.now());
    return run(context);
  };
  const result = retrying(timed, { clock, random: () => 0, onRetry: (notice) => notices.push(notice), ...options });
  result.catch(() => {});
  return { clock, notices, times, result };
}

const broken = new Error('broken pipe');

describe('attempts', () => {
  test('what succeeds at once is neither repeated nor waited for', async () => {
    const { result, notices } = start(failing([]).run);
    await expect(result).resolves.toBe('sent');
    expect(notices).toEqual([]);
  });

  test('what fails is tried again on schedule', async () => {
    const { clock, result, times } = start(failing([broken, broken, broken, broken]).run);
    await clock.runAll();
    await expect(result).resolves.toBe('sent');
    expect(times).toEqual([0, 0, 5_000, 15_000, 50_000]);
  });

  test('after the last attempt the last failure is the cause', async () => {
    const failures = Array.from({ length: 5 }, (_, index) => new Error(`failure ${index + 1}`));
    const { clock, result, times } = start(failing(failures).run);
    await clock.runAll();
    await expect(result).rejects.toMatchObject({
      code: 'ERR_RETRIES_EXHAUSTED',
      message: 'failure 5 (gave up after 5 attempts)',
      attempts: 5,
      cause: failures[4],
    });
    expect(times).toHaveLength(5);
  });

  test('a single attempt fails with its own error', async () => {
    await expect(start(failing([broken]).run, { attempts: 1 }).result).rejects.toBe(broken);
  });

  test.each([0, -1, 1.5, Number.NaN])('%d attempts are refused', async (attempts) => {
    await expect(start(failing([]).run, { attempts }).result).rejects.toThrow(RangeError);
  });

  const refused = Object.assign(new Error('denied'), { transient: false });
  test.each<[string, unknown, unknown, RetryOptions]>([
    ['DoNotRetry stops with the error within it', new DoNotRetry(broken), broken, {}],
    ['transient: false stops', refused, refused, {}],
    ['isTransient decides instead', broken, broken, { isTransient: () => false }],
    ['what is not an Error stops', 'thrown text', 'thrown text', {}],
  ])('%s', async (_, failure, expected, options) => {
    const control = failing([failure]);
    await expect(start(control.run, options).result).rejects.toBe(expected);
    expect(control.calls).toBe(1);
  });

  test('a DoNotRetry among the causes does not count', async () => {
    const control = failing([new Error('upload failed', { cause: new DoNotRetry(broken) })]);
    const { clock, result } = start(control.run);
    await clock.runAll();
    await expect(result).resolves.toBe('sent');
  });
});

describe('progress', () => {
  test('the count begins afresh after acknowledged bytes', async () => {
    let acknowledged = 0;
    const seen: number[] = [];
    const { clock, result } = start(
      async ({ attempt, progressed }) => {
        seen.push(attempt);
        if (acknowledged === 7) return 'sent';
        acknowledged += 1;
        progressed(acknowledged);
        throw broken;
      },
      { attempts: 2 },
    );
    await clock.runAll();
    await expect(result).resolves.toBe('sent');
    expect(seen).toEqual([1, 2, 2, 2, 2, 2, 2, 2]);
  });

  test('an upload that begins again from zero each time does not go on for ever', async () => {
    const { clock, result, times } = start(async ({ progressed }) => {
      progressed(10);
      throw broken;
    });
    await clock.runAll();
    await expect(result).rejects.toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED' });
    expect(times).toHaveLength(5);
  });

  test('without a total every call counts', async () => {
    let calls = 0;
    const { clock, result } = start(
      async ({ progressed }) => {
        calls += 1;
        if (calls === 9) return 'sent';
        progressed();
        throw broken;
      },
      { attempts: 2 },
    );
    await clock.runAll();
    await expect(result).resolves.toBe('sent');
  });
});

describe('waiting', () => {
  test('the whole seconds left are told once a second, with attempt and cause', async () => {
    const { clock, result, notices } = start(failing([broken, broken]).run, { backoff: () => 2_500 });
    await clock.runAll();
    await result;
    expect(notices).toEqual(
      [1, 2].flatMap((attempt) => [3, 2, 1].map((seconds) => ({ attempt, seconds, cause: broken }))),
    );
    expect(clock.now()).toBe(5_000);
  });

  test('a wait of less than a second is told as 1', async () => {
    const { clock, result, notices } = start(failing([broken]).run, { backoff: () => 0 });
    await clock.runAll();
    await result;
    expect(notices.map(({ seconds }) => seconds)).toEqual([1]);
  });

  test('Retry-After replaces the schedule to the letter', async () => {
    const { clock, result, times } = start(failing([new RateLimited(7_300)]).run);
    await clock.runAll();
    await result;
    expect(times).toEqual([0, 7_300]);
  });

  test('no random number makes the wait shorter than Retry-After, or more than a second longer', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (ms, random) => {
          const { clock, result, times } = start(failing([new RateLimited(ms)]).run, { random: () => random });
          await clock.runAll();
          await result;
          expect(times[1]).toBeGreaterThanOrEqual(ms);
          expect(times[1]).toBeLessThan(ms + 1_000.001);
        },
      ),
      { numRuns: 25 },
    ));

  test.each([Number.NaN, -5])('a Retry-After of %d is no Retry-After', async (ms) => {
    const { clock, result, times } = start(failing([new RateLimited(ms)]).run, { backoff: () => 3_000 });
    await clock.runAll();
    await result;
    expect(times).toEqual([0, 3_000]);
  });

  test('who asks for more than the longest wait is not waited for', async () => {
    const { result } = start(failing([new RateLimited(3_600_000)]).run);
    await expect(result).rejects.toMatchObject({
      code: 'ERR_RETRIES_EXHAUSTED',
      message: 'too many requests (gave up after 1 attempt: asked to wait 3600 s, longer than 600 s)',
    });
  });
});

describe('a shared host', () => {
  test('what one transfer is told keeps the others of that host waiting, and says why', async () => {
    const clock = createFakeClock();
    const shared = { hostBackoff: createHostBackoff({ clock }), host: 'ghcr.io', clock, random: () => 0 };
    const times: Record<string, number[]> = { first: [], second: [], elsewhere: [] };
    const limited = new RateLimited(4_000);
    const notices: RetryNotice[] = [];
    const begin = (name: string, failures: Error[], options: RetryOptions) => {
      const control = failing(failures);
      return retrying(() => {
        times[name]?.push(clock.now());
        return control.run();
      }, options);
    };
    const first = begin('first', [limited], shared);
    await settle();
    const second = begin('second', [], { ...shared, onRetry: (notice) => notices.push(notice) });
    const elsewhere = begin('elsewhere', [], { ...shared, host: 'quay.io' });
    await clock.runAll();
    await Promise.all([first, second, elsewhere]);
    expect(times).toEqual({ first: [0, 4_000], second: [4_000], elsewhere: [0] });
    expect(notices.map(({ attempt, seconds, cause }) => [attempt, seconds, cause])).toEqual(
      [4, 3, 2, 1].map((left) => [0, left, limited]),
    );
  });

  test('a host that asks for too long a wait fails the others at once too', async () => {
    const clock = createFakeClock();
    const hostBackoff = createHostBackoff({ clock });
    hostBackoff.hold('ghcr.io', 86_400_000, new RateLimited(86_400_000));
    const control = failing([]);
    await expect(start(control.run, { hostBackoff, host: 'ghcr.io' }).result).rejects.toMatchObject({
      code: 'ERR_RETRIES_EXHAUSTED',
    });
    expect(control.calls).toBe(0);
  });

  test('a shorter wait does not undo a longer one', () => {
    const clock = createFakeClock();
    const hostBackoff = createHostBackoff({ clock });
    hostBackoff.hold('ghcr.io', 5_000, broken);
    hostBackoff.hold('ghcr.io', 1_000, new Error('later'));
    expect(hostBackoff.waitFor('ghcr.io')).toEqual({ delayMs: 5_000, cause: broken });
    expect(hostBackoff.waitFor('quay.io')).toBeUndefined();
  });
});

describe('cancelling', () => {
  test("the caller's own reason comes out of a wait as it is", async () => {
    const controller = new AbortController();
    const { result } = start(failing([broken]).run, { signal: controller.signal, backoff: () => 5_000 });
    await settle();
    controller.abort('ctrl-c');
    await expect(result).rejects.toBe('ctrl-c');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('a transfer that nobody wants any more says that it was cancelled while waiting', async () => {
    const clock = createFakeClock();
    const manager = createTransferManager();
    let inner: Promise<string> | undefined;
    const watch = manager.transfer({
      key: 'layer',
      run: ({ signal }) => {
        inner = retrying(failing([broken]).run, { clock, signal, backoff: () => 5_000 });
        return inner;
      },
    });
    await settle();
    await watch.release();
    await watch.done;
    await expect(inner).rejects.toMatchObject({
      code: 'ERR_TRANSFER_CANCELLED',
      message: 'upload cancelled during retry delay',
    });
    expect(clock.sleepers).toBe(0);
  });

  test('an attempt that fails because of the abort is not repeated', async () => {
    const controller = new AbortController();
    const control = failing([]);
    const { result } = start(
      async () => {
        control.calls += 1;
        controller.abort('ctrl-c');
        throw broken;
      },
      { signal: controller.signal },
    );
    await expect(result).rejects.toBe(broken);
    expect(control.calls).toBe(1);
  });

  test('a signal that has aborted already lets no attempt begin', async () => {
    const control = failing([]);
    await expect(start(control.run, { signal: AbortSignal.abort('no') }).result).rejects.toBe('no');
    expect(control.calls).toBe(0);
  });

  test('no listener stays on the signal after success', async () => {
    const { signal } = new AbortController();
    const { clock, result } = start(failing([broken, broken]).run, { signal });
    await clock.runAll();
    await result;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test('a TransferError without attempts has none', () => {
  expect(new TransferError('ERR_TRANSFER_CLOSED', 'closed').attempts).toBeUndefined();
});
