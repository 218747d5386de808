import type { PushEvent } from '@slipway/client';
import { digestBytes } from '@slipway/digest';
import { expect, test, vi } from 'vitest';
import { changeForMany, preparedForMany } from './runtime-for-many.ts';

test('the runtime is told once, when a push turns out to have so many blobs', () => {
  const key = digestBytes(new Uint8Array());
  const blob = { destination: 'r.test/a', role: 'layer', id: 'x', key } as const;
  const heard: PushEvent[] = [];
  const make = vi.fn();
  const onEvent = preparedForMany((event) => heard.push(event), { blobs: 1000, make });
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
  const onBun = changeForMany();
  vi.unstubAllGlobals();
  onBun.make();
  expect(setJITPolicy.mock.calls).toEqual([[1]]);
  const onNode = changeForMany();
  expect(onNode.blobs).toBeGreaterThan(onBun.blobs);
});
