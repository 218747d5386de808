import { describe, expect, test } from 'vitest';
import type { ToldPushEvent } from '../jobs/record/job.ts';
import { PushFold } from './push-fold.ts';

const blob = (id: string, destination = 'r/app') =>
  ({ destination, role: 'layer', id, key: `sha256:${id}` }) as unknown as Extract<
    ToldPushEvent,
    { readonly type: 'blob:preparing' }
  >['blob'];
const digest = 'sha256:0' as never;
const progress = (id: string, sent: number, size?: number): ToldPushEvent => ({
  type: 'blob:progress',
  blob: blob(id),
  sent,
  size,
  read: sent,
  readTotal: 100,
});

function fold(...events: readonly (readonly [number, ToldPushEvent])[]): PushFold {
  const made = new PushFold();
  for (const [time, event] of events) made.tell(event, time);
  return made;
}

describe('a push as rows', () => {
  test('a blob asks, waits for the one whose end gives it its turn, is compressed, sent, and done', () => {
    const rows = fold(
      [0, { type: 'push:started', destination: 'r/app', repository: 'r/app' }],
      [0, { type: 'blob:preparing', blob: blob('a') }],
      [0, { type: 'blob:preparing', blob: blob('b') }],
      [5, { type: 'blob:waiting', blob: blob('b') }],
      [10, progress('a', 0, 50)],
      [30, { type: 'blob:pushed', blob: blob('a'), digest, size: 50 }],
      [40, progress('b', 10)],
      [60, progress('b', 20, 80)],
      [90, { type: 'blob:pushed', blob: blob('b'), digest, size: 80 }],
      [
        100,
        { type: 'manifest:pushed', destination: 'r/app', tag: '1', digest, size: 9, mediaType: 'm', unchanged: false },
      ],
    ).rows();
    expect(rows.map(({ label, outcome, done, total }) => [label, outcome, done, total])).toEqual([
      ['a', 'pushed', 50, 50],
      ['b', 'pushed', 80, 80],
      ['1', 'pushed', 9, 9],
    ]);
    expect(rows[1]?.spans).toEqual([
      { phase: 'checking', from: 0, to: 5, after: undefined },
      { phase: 'waiting', from: 5, to: 40, after: 'r/app sha256:a' },
      { phase: 'reading', from: 40, to: 60, after: undefined },
      { phase: 'sending', from: 60, to: 90, after: undefined },
    ]);
    expect(rows[2]?.spans).toEqual([
      { phase: 'waiting', from: 0, to: 90, after: 'r/app sha256:b' },
      { phase: 'sending', from: 90, to: 100 },
    ]);
  });

  test.each<[string, ToldPushEvent, string | undefined]>([
    ['existed', { type: 'blob:existed', blob: blob('a'), digest, size: 7, learnt: false }, undefined],
    ['mounted', { type: 'blob:mounted', blob: blob('a'), digest, size: 7, from: 'other/app' }, 'from other/app'],
    ['skipped', { type: 'blob:skipped', blob: blob('a'), reason: 'foreign' }, 'a foreign layer'],
  ])('%s ends a row that nothing was heard of before', (outcome, event, note) => {
    expect(fold([1, event]).rows()).toMatchObject([{ outcome, phase: 'done', note, spans: [] }]);
  });

  test('a retry is a wait with its reason, and what was sent before counts', () => {
    const retried = fold(
      [0, progress('a', 40, 50)],
      [10, { type: 'blob:retrying', blob: blob('a'), attempt: 2, seconds: 5, cause: { code: 'E', message: 'reset' } }],
      [20, progress('a', 0, 50)],
      [30, progress('a', 50, 50)],
    );
    expect(retried.rows()[0]?.spans.map(({ phase }) => phase)).toEqual(['sending', 'retrying', 'sending']);
    expect(retried.bytesSent).toBe(90);
  });

  test('an end is the end: late progress changes nothing', () => {
    const rows = fold([0, { type: 'blob:pushed', blob: blob('a'), digest, size: 5 }], [1, progress('a', 1, 5)]).rows();
    expect(rows).toMatchObject([{ phase: 'done', done: 5 }]);
  });

  test('rows and spans are bounded', () => {
    const many = new PushFold();
    for (let at = 0; at < 5_000; at += 1) many.tell({ type: 'blob:preparing', blob: blob(String(at)) }, at);
    for (let at = 0; at < 500; at += 1) {
      many.tell(progress('1', 1, 5), at);
      many.tell({ type: 'blob:waiting', blob: blob('1') }, at);
    }
    expect(many.rows()).toHaveLength(4_000);
    expect(many.row('r/app sha256:1').spans.length).toBeLessThanOrEqual(61);
  });
});
