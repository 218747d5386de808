import { expect, test } from 'vitest';
import type { PushEvent } from './events.ts';
import { progressShare } from './progress-share.ts';

const blob = { destination: 0, key: 'layer', id: '0123456789ab', role: 'layer' } as never;

test.each([
  ['of the source while the size is unknown', { sent: 90, size: undefined, read: 25, readTotal: 100 }, 0.25],
  ['of the bytes once it is known', { sent: 30, size: 40, read: 100, readTotal: 100 }, 0.75],
  ['never more than all', { sent: 41, size: 40, read: 100, readTotal: 100 }, 1],
  ['all of nothing', { sent: 0, size: 0, read: 0, readTotal: 0 }, 1],
])('a share %s', (_, counts, share) => {
  const event: Extract<PushEvent, { type: 'blob:progress' }> = { type: 'blob:progress', blob, ...counts };
  expect(progressShare(event)).toBe(share);
});
