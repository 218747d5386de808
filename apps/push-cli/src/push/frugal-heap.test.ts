import type { PushEvent } from '@slipway/client';
import { digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { frugalWithMany } from './frugal-heap.ts';

test('the heap is kept small once, when a push turns out to have a thousand blobs', () => {
  const key = digestBytes(new Uint8Array());
  const blob = { destination: 'r.test/a', role: 'layer', id: 'x', key } as const;
  const heard: PushEvent[] = [];
  const flags: string[] = [];
  const onEvent = frugalWithMany(
    (event) => heard.push(event),
    (flag) => flags.push(flag),
  );
  for (let at = 0; at < 999; at += 1) onEvent({ type: 'blob:preparing', blob });
  for (let at = 0; at < 5; at += 1) onEvent({ type: 'blob:waiting', blob });
  expect(flags).toEqual([]);
  for (let at = 0; at < 1500; at += 1) onEvent({ type: 'blob:preparing', blob });
  expect(flags).toEqual(['--heap-growing-percent=30']);
  expect(heard).toHaveLength(2504);
});
