import type { PushEvent } from '@slipway/client';
import { digestBytes } from '@slipway/digest';
import { afterEach, expect, test, vi } from 'vitest';
import { changesForMany, preparedForMany } from './runtime-for-many.ts';

afterEach(() => vi.restoreAllMocks());

test('the runtime is told once, when a push turns out to have so many blobs', () => {
  const blob = subject();
  const heard: PushEvent[] = [];
  const make = vi.fn();
  const onEvent = preparedForMany((event) => heard.push(event), [{ blobs: 1000, make }]);
  for (let at = 0; at < 999; at += 1) onEvent({ type: 'blob:preparing', blob });
  for (let at = 0; at < 5; at += 1) onEvent({ type: 'blob:waiting', blob });
  expect(make).not.toHaveBeenCalled();
  for (let at = 0; at < 1500; at += 1) onEvent({ type: 'blob:preparing', blob });
  expect(make).toHaveBeenCalledOnce();
  expect(heard).toHaveLength(2504);
});

test('on Bun, JavaScript is compiled as usual from then on; on Node, the heap is kept small', () => {
  const setJITPolicy = vi.fn();
  vi.stubGlobal('Bun', { unsafe: { setJITPolicy } });
  const [onBun] = changesForMany();
  vi.unstubAllGlobals();
  onBun?.make?.();
  expect(setJITPolicy.mock.calls).toEqual([[1]]);
  const onNode = changesForMany();
  expect(onNode).toHaveLength(1);
  expect(onNode[0]?.blobs).toBeGreaterThan(onBun?.blobs ?? Number.NaN);
});

test('on Bun, what is not in use is collected whenever the process has grown by 8 MiB, and looked at ten times a second', () => {
  const gc = vi.fn();
  vi.stubGlobal('Bun', { unsafe: { setJITPolicy: vi.fn() }, gc });
  const changes = changesForMany();
  vi.unstubAllGlobals();
  let resident = 100;
  let now = 0;
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => resident * 1024 * 1024);
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const onEvent = preparedForMany(() => {}, changes);
  const blob = subject();
  for (let at = 0; at < 999; at += 1) onEvent({ type: 'blob:preparing', blob });
  expect(gc).not.toHaveBeenCalled();
  const collectionsAt = (laterMs: number, mebibytes: number) => {
    now += laterMs;
    resident = mebibytes;
    onEvent({ type: 'blob:waiting', blob });
    return gc.mock.calls.length;
  };
  onEvent({ type: 'blob:preparing', blob });
  expect(gc.mock.calls).toEqual([[true]]);
  expect(collectionsAt(100, 107)).toBe(1);
  expect(collectionsAt(100, 108)).toBe(2);
  expect(collectionsAt(99, 130)).toBe(2); // not looked at so soon
  expect(collectionsAt(1, 130)).toBe(3);
  expect(collectionsAt(100, 137)).toBe(3);
});

function subject() {
  return { destination: 'r.test/a', role: 'layer', id: 'x', key: digestBytes(new Uint8Array()) } as const;
}
