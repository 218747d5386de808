import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listenForInterruption, type SignalHost } from './interruption.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('the first %s aborts, the second ends at once', (name) => {
  const host = fakeHost();
  const onFirst = vi.fn();
  const onForced = vi.fn();
  using interruption = listenForInterruption(host, { onFirst, onForced });
  host.raise(name);
  expect(interruption.signal.reason).toMatchObject({ code: 'ERR_CLI_INTERRUPTED' });
  expect(onFirst).toHaveBeenCalledOnce();
  expect(host.exits).toEqual([]);
  host.raise(name);
  expect(onForced).toHaveBeenCalledOnce();
  expect(host.exits).toEqual([130]);
});

test('a clean-up that hangs is ended after its time', () => {
  const host = fakeHost();
  using _ = listenForInterruption(host, { onFirst: () => {}, graceMs: 5_000 });
  host.raise('SIGINT');
  vi.advanceTimersByTime(4_999);
  expect(host.exits).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(host.exits).toEqual([130]);
});

test('nothing is listened to any more after the end', () => {
  const host = fakeHost();
  {
    using _ = listenForInterruption(host, { onFirst: () => {} });
    host.raise('SIGINT');
  }
  vi.advanceTimersByTime(60_000);
  expect(host.exits).toEqual([]);
  expect(host.listenerCount()).toBe(0);
});

function fakeHost(): SignalHost & { raise(name: NodeJS.Signals): void; exits: number[]; listenerCount(): number } {
  const listeners = new Map<NodeJS.Signals, Set<() => void>>();
  const of = (name: NodeJS.Signals): Set<() => void> => {
    const known = listeners.get(name) ?? new Set();
    listeners.set(name, known);
    return known;
  };
  const exits: number[] = [];
  return {
    on: (name, listener) => of(name).add(listener),
    off: (name, listener) => of(name).delete(listener),
    exit: (code) => void exits.push(code),
    raise: (name) => {
      for (const listener of of(name)) listener();
    },
    exits,
    listenerCount: () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0),
  };
}
