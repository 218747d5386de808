import type { Digest } from '@slipway/digest';
import { createFakeClock, type FakeClock } from '@slipway/transfer/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BlobSubject, PushEvent } from '../../events.ts';
import { meterProgress } from './meter-progress.ts';

const MiB = 1024 * 1024;
const KiB = 1024;

const subject = (key = 'a', destination = 'r.example/demo'): BlobSubject => ({
  destination,
  role: 'layer',
  id: key,
  key: `sha256:${key}` as Digest,
});
type Progress = Extract<PushEvent, { type: 'blob:progress' }>;
const sending = (sent: number, size: number, blob = subject()): Progress => ({
  type: 'blob:progress',
  blob,
  sent,
  size,
  read: size,
  readTotal: size,
});
const reading = (read: number, readTotal: number, blob = subject()): Progress => ({
  type: 'blob:progress',
  blob,
  sent: 0,
  size: undefined,
  read,
  readTotal,
});
const pushed = (blob = subject()): PushEvent => ({ type: 'blob:pushed', blob, digest: blob.key, size: 1 });
const retrying = (blob = subject()): PushEvent => ({
  type: 'blob:retrying',
  blob,
  attempt: 1,
  seconds: 5,
  cause: new Error('x'),
});

let clock: FakeClock;
let told: PushEvent[];
let meter: (event: PushEvent) => void;
beforeEach(() => {
  clock = createFakeClock();
  told = [];
  meter = meterProgress((event) => told.push(event), { clock });
});
const sents = (): readonly number[] => told.filter((event) => event.type === 'blob:progress').map(({ sent }) => sent);

describe('what passes', () => {
  test('100 MiB in 2.2 seconds are 22 records in place of 797', async () => {
    const chunk = Math.ceil((100 * MiB) / 797);
    for (let at = 1; at <= 797; at += 1) {
      meter(sending(Math.min(at * chunk, 100 * MiB), 100 * MiB));
      if (at < 797) await clock.advance(2200 / 797);
    }
    meter(pushed());
    expect(sents().length).toBeLessThanOrEqual(23);
    expect(sents().length).toBeGreaterThanOrEqual(20);
    expect(sents()[0]).toBe(chunk);
    expect(sents().at(-1)).toBe(100 * MiB);
    expect(told.at(-1)?.type).toBe('blob:pushed');
  });

  test('a slow line is told of by the hundredth, whatever the time', async () => {
    for (let at = 1; at <= 1000; at += 1) {
      meter(sending(at * KiB, 1000 * KiB));
      await clock.advance(1000);
    }
    expect(sents().length).toBeLessThanOrEqual(101);
    expect(sents().length).toBeGreaterThanOrEqual(90);
  });

  test('the first and the last of a small blob, which is over at once', () => {
    for (const sent of [100, 200, 300, 1000]) meter(sending(sent, 1000));
    meter(pushed());
    expect(sents()).toEqual([100, 1000]);
  });

  test('what was held back, before what became of the blob', () => {
    for (const sent of [100, 200, 300]) meter(sending(sent, 1000));
    expect(sents()).toEqual([100]);
    meter(retrying());
    expect(sents()).toEqual([100, 300]);
    expect(told.at(-1)?.type).toBe('blob:retrying');
  });

  test('nothing twice', () => {
    meter(sending(100, 1000));
    meter(pushed());
    meter(pushed());
    expect(told.map(({ type }) => type)).toEqual(['blob:progress', 'blob:pushed', 'blob:pushed']);
  });

  test('an upload that begins again: the first of the new attempt, and one that goes back within an attempt', async () => {
    meter(sending(500, 1000));
    meter(retrying());
    meter(sending(0, 1000));
    expect(sents()).toEqual([500, 0]);
    await clock.advance(1000);
    meter(sending(600, 1000));
    meter(sending(200, 1000));
    expect(sents()).toEqual([500, 0, 600, 200]);
  });

  test('the change from bytes read to bytes sent', async () => {
    meter(reading(10, 1000));
    await clock.advance(200);
    meter(reading(900, 1000));
    meter(reading(910, 1000));
    meter(sending(50, 400));
    meter(sending(60, 400));
    await clock.advance(200);
    meter(sending(300, 400));
    const counts = told.map(
      (event) => event.type === 'blob:progress' && (event.size === undefined ? event.read : event.sent),
    );
    expect(counts).toEqual([10, 900, 50, 300]);
  });

  test('each blob for itself, and each destination', () => {
    const other = subject('b');
    const elsewhere = subject('a', 'other.example/demo');
    for (const blob of [subject(), other, elsewhere]) meter(sending(1, 1000, blob));
    for (const blob of [subject(), other, elsewhere]) meter(sending(2, 1000, blob));
    expect(told).toHaveLength(3);
    meter(pushed(other));
    expect(told.slice(3)).toEqual([sending(2, 1000, other), pushed(other)]);
  });

  test('a push that ends tells what its blobs had left, and no other’s', () => {
    const elsewhere = subject('a', 'other.example/demo');
    for (const sent of [1, 2]) for (const blob of [subject(), elsewhere]) meter(sending(sent, 1000, blob));
    meter({ type: 'push:failed', destination: 'r.example/demo', tag: 'v1', error: new Error('x') });
    expect(told.slice(2).map(({ type }) => type)).toEqual(['blob:progress', 'push:failed']);
  });

  test('every other event, in its order', () => {
    const events: readonly PushEvent[] = [
      { type: 'push:started', destination: 'r.example/demo', repository: 'r.example/demo' },
      { type: 'blob:preparing', blob: subject() },
      { type: 'blob:waiting', blob: subject() },
      { type: 'blob:resumed', blob: subject(), offset: 1, size: 2 },
      { type: 'warning', destination: undefined, code: 'c', message: 'm' },
    ];
    for (const event of events) meter(event);
    expect(told).toEqual(events);
  });
});

test('no two records of a blob within 100 ms, but for the first, the last, the full and those that go back', async () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 400 }), ms: fc.integer({ min: 0, max: 60 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 60 }), async (steps) => {
      const time = createFakeClock();
      const records: { readonly at: number; readonly sent: number }[] = [];
      const total = steps.reduce((sum, { bytes }) => sum + bytes, 1000);
      const take = meterProgress(
        (event) => {
          if (event.type === 'blob:progress') records.push({ at: time.now(), sent: event.sent });
        },
        { clock: time },
      );
      let sent = 0;
      for (const { bytes, ms } of steps) {
        sent += bytes;
        take(sending(sent, total));
        await time.advance(ms);
      }
      for (const [at, record] of records.entries()) {
        if (at > 0) expect(record.at - records[at - 1]!.at).toBeGreaterThanOrEqual(100);
      }
      take(pushed());
      expect(records.at(-1)?.sent).toBe(sent);
    }),
    { numRuns: 50 },
  );
});
