import { type Content, contentOf } from '@slipway/digest';
import type { Repository, UploadSession } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { createRateLimit, limitUploads, type RateLimitClock } from './rate-limit.ts';

test('bytes pass at the pace asked for, whatever the pieces', async () => {
  const clock = fakeClock();
  const limit = createRateLimit(1_000, clock);
  for (let i = 0; i < 10; i += 1) await limit.take(500);
  expect(clock.now()).toBe(4_500); // the last piece may go as soon as the ones before it are paid for
});

test('time that nobody used is not saved up', async () => {
  const clock = fakeClock();
  const limit = createRateLimit(1_000, clock);
  await limit.take(1_000);
  clock.advance(60_000);
  await limit.take(1_000);
  await limit.take(1_000);
  expect(clock.now()).toBe(61_000);
});

test('an abort ends the wait with its own reason', async () => {
  const reason = new Error('enough');
  const limit = createRateLimit(1);
  await limit.take(100_000);
  await expect(limit.take(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('an upload is held to the limit and its bytes stay the same', async () => {
  const clock = fakeClock();
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  const received: number[] = [];
  const session = {
    async put(content: Content) {
      for await (const chunk of content.open()) received.push(...chunk);
    },
  } as Partial<UploadSession> as UploadSession;
  const plain = { beginUpload: async () => ({ kind: 'session', session }) } as unknown as Repository;
  const begun = await limitUploads(plain, createRateLimit(10_000, clock)).beginUpload();
  if (begun.kind !== 'session') throw new Error('unreachable: the fake begins a session');
  await begun.session.put(contentOf(bytes), 'sha256:0' as never);
  expect(Uint8Array.from(received)).toEqual(bytes);
  expect(clock.now()).toBeGreaterThanOrEqual(9_700);
  expect(clock.now()).toBeLessThanOrEqual(10_000);
});

function fakeClock(): RateLimitClock & { advance(milliseconds: number): void } {
  let nowMs = 0;
  return {
    now: () => nowMs,
    sleep: async (milliseconds, { signal }) => {
      signal?.throwIfAborted();
      nowMs += milliseconds;
    },
    advance(milliseconds) {
      nowMs += milliseconds;
    },
  };
}
