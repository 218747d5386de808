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

test.each([
  ['a file', 'FSReqPromise'],
  ['a stream of a file', 'FSReqCallback'],
  ['a name', 'GetAddrInfoReqWrap'],
])('a thread that is stuck over %s holds up the second signal for a moment only: a signal ends it', (_, kind) => {
  const host = fakeHost();
  using _interruption = listenForInterruption(host, { onFirst: () => {} });
  host.waitsFor = ['Timeout', kind, 'TCPSocketWrap'];
  host.raise('SIGTERM');
  host.raise('SIGTERM');
  expect([host.exits, host.kills]).toEqual([[], []]);
  expect(host.listenerCount()).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect([host.exits, host.kills]).toEqual([[], [[host.pid, 'SIGINT']]]);
});

test('one that is done meanwhile leaves the exit code', () => {
  const host = fakeHost();
  using _ = listenForInterruption(host, { onFirst: () => {} });
  host.waitsFor = ['FSReqCallback'];
  host.raise('SIGINT');
  host.raise('SIGINT');
  vi.advanceTimersByTime(50);
  host.waitsFor = ['TCPSocketWrap'];
  vi.advanceTimersByTime(1_000);
  expect([host.exits, host.kills]).toEqual([[130], []]);
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

interface FakeHost extends SignalHost {
  raise(name: NodeJS.Signals): void;
  waitsFor: readonly string[];
  readonly exits: number[];
  readonly kills: [number, string][];
  listenerCount(): number;
}

function fakeHost(): FakeHost {
  const listeners = new Map<NodeJS.Signals, Set<() => void>>();
  const of = (name: NodeJS.Signals): Set<() => void> => {
    const known = listeners.get(name) ?? new Set();
    listeners.set(name, known);
    return known;
  };
  const host: FakeHost = {
    on: (name, listener) => of(name).add(listener),
    off: (name, listener) => of(name).delete(listener),
    removeAllListeners: (name) => listeners.delete(name),
    exit: (code) => void host.exits.push(code),
    pid: 4711,
    kill: (pid, name) => host.kills.push([pid, name]),
    getActiveResourcesInfo: () => host.waitsFor,
    raise: (name) => {
      for (const listener of [...of(name)]) listener();
    },
    waitsFor: [],
    exits: [],
    kills: [],
    listenerCount: () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0),
  };
  return host;
}
