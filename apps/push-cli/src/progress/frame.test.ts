import { stripVTControlCharacters } from 'node:util';
import type { PushEvent } from '@slipway/push';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../terminal/display-width.ts';
import { blob, digestOf, progressEvent } from './fixtures.ts';
import { type FrameOptions, progressText, renderFrame } from './frame.ts';
import { applyEvent, createProgressState, type ProgressState } from './progress-state.ts';

const window: FrameOptions = { columns: 100, rows: 24, unicode: true, colour: false, nowMs: 2_000 };

function stateOf(...events: readonly (readonly [number, PushEvent])[]): ProgressState {
  const state = createProgressState(0);
  for (const [atMs, event] of events) applyEvent(state, event, atMs);
  return state;
}

const size = 30_000_000;
const typical = stateOf(
  [0, { type: 'blob:preparing', blob: blob('a') }],
  [0, { type: 'blob:waiting', blob: blob('b') }],
  [0, progressEvent(blob('c'), 0, size)],
  [1_000, progressEvent(blob('c'), 6_000_000, size)],
  [2_000, progressEvent(blob('c'), 12_000_000, size)],
  [2_000, { type: 'blob:retrying', blob: blob('d'), attempt: 2, seconds: 5, cause: new Error('GET …\n503') }],
  [2_000, { type: 'blob:existed', blob: blob('e'), digest: digestOf('e'), size: 5_000, learnt: false }],
  [2_000, { type: 'blob:mounted', blob: blob('f'), digest: digestOf('f'), size: 7_000, from: 'me/base' }],
  [2_000, { type: 'blob:pushed', blob: blob('0', { role: 'config' }), digest: digestOf('0'), size: 1_500 }],
  [2_000, { type: 'blob:skipped', blob: blob('1'), reason: 'foreign' }],
);

describe('renderFrame', () => {
  test('one line a blob, then one for the whole', () => {
    expect(renderFrame(typical, window)).toEqual([
      'aaaaaaaaaaaa        Preparing',
      'bbbbbbbbbbbb        Waiting',
      'cccccccccccc        ████████████░░░░░░░░░░░░░░░░░░  40 %  12 MB of 30 MB          6 MB/s 3 s left',
      'dddddddddddd        Retrying in 5 s (attempt 2): GET … 503',
      'eeeeeeeeeeee        Layer already exists  5 kB',
      'ffffffffffff        Mounted from me/base  7 kB',
      '000000000000 config Pushed  1.5 kB',
      '111111111111        Skipped foreign layer',
      '3/7 layers · 12 MB of 30 MB · 6 MB/s · 3 s left',
    ]);
  });

  test('a full bar makes room for the registry that is waited for', () => {
    const storing = stateOf(
      [0, progressEvent(blob('c'), size, size)],
      [1_000, { type: 'blob:storing', blob: blob('c'), registry: 'ghcr.io', seconds: 40 }],
    );
    expect(renderFrame(storing, window)[0]).toBe('cccccccccccc        waiting for ghcr.io to store it, 40 s');
    applyEvent(storing, progressEvent(blob('c'), size / 2, size), 2_000); // the next chunk
    expect(renderFrame(storing, window)[0]).toContain('50 %');
  });

  test('a manifest that is waited for stands in the last line, until its destination has other news', () => {
    const manifest = { destination: 'ghcr.io/me/app', tag: 'v1', digest: digestOf('m') };
    const storing = stateOf([0, { type: 'manifest:storing', ...manifest, registry: 'ghcr.io', seconds: 7 }]);
    expect(renderFrame(storing, window).at(-1)).toMatch(/ · waiting for ghcr\.io to store v1, 7 s$/);
    const warning = { type: 'warning', code: 'manifest-retry', message: 'retry 2' } as const;
    applyEvent(storing, { ...warning, destination: 'quay.io/me/app' }, 1_000);
    expect(storing.storing.size).toBe(1);
    applyEvent(storing, { ...warning, destination: 'ghcr.io/me/app' }, 2_000);
    expect(renderFrame(storing, window).at(-1)).not.toContain('waiting');
  });

  test('without unicode every character is ASCII', () => {
    const lines = renderFrame(
      stateOf([0, progressEvent(blob('c'), 0, size)], [2_000, progressEvent(blob('c'), 15_000_000, size)]),
      { ...window, unicode: false },
    );
    expect(lines).toEqual([
      'cccccccccccc        [###############.............]  50 %  15 MB of 30 MB        7.5 MB/s 2 s left',
      '0/1 layer - 15 MB of 30 MB - 7.5 MB/s - 2 s left',
    ]);
  });

  test('while compression runs, the size is an estimate', () => {
    const [line] = renderFrame(
      stateOf([0, progressEvent(blob('c'), 0, undefined, 1)], [2_000, progressEvent(blob('c'), 1_000, undefined, 25)]),
      window,
    );
    expect(line).toContain('25 %  1 kB of ~4 kB');
  });

  test('an upload that goes on from an earlier run begins there', () => {
    const state = stateOf([0, { type: 'blob:resumed', blob: blob('c'), offset: 15_000_000, size }]);
    expect(renderFrame(state, window)[0]).toContain('50 %  15 MB of 30 MB');
  });

  test('when the source is read but compression holds back, nobody knows', () => {
    const [line] = renderFrame(stateOf([0, progressEvent(blob('c'), 1_000, undefined, 100)]), window);
    expect(line).toMatch(/\? % {2}1 kB$/);
  });

  test('several destinations have a heading each', () => {
    const other = blob('b', { destination: 'quay.io/me/app' });
    const lines = renderFrame(
      stateOf([0, { type: 'blob:waiting', blob: blob('a') }], [0, { type: 'blob:waiting', blob: other }]),
      window,
    );
    expect(lines.slice(0, 4)).toEqual([
      'ghcr.io/me/app',
      'aaaaaaaaaaaa        Waiting',
      'quay.io/me/app',
      'bbbbbbbbbbbb        Waiting',
    ]);
  });

  test('in a low window what moves is shown and the rest is counted', () => {
    expect(renderFrame(typical, { ...window, rows: 5 })).toEqual([
      'cccccccccccc        ████████████░░░░░░░░░░░░░░░░░░  40 %  12 MB of 30 MB          6 MB/s 3 s left',
      'dddddddddddd        Retrying in 5 s (attempt 2): GET … 503',
      '… 4 done, 2 to come',
      '3/7 layers · 12 MB of 30 MB · 6 MB/s · 3 s left',
    ]);
  });

  test('colours are left out unless they are wanted', () => {
    expect(renderFrame(typical, window).join('')).not.toContain('\u001b');
    expect(renderFrame(typical, { ...window, colour: true })[7]).toBe(
      '\u001b[2m111111111111        Skipped foreign layer\u001b[0m',
    );
  });

  test('no window is overflowed, whatever its size', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(80),
        (columns, rows, unicode, colour, blobs) => {
          const state = createProgressState(0);
          for (let index = 0; index < blobs; index += 1) {
            const subject = blob('a', {
              key: `sha256:${index}` as never,
              destination: index % 3 === 0 ? 'a/日本' : 'b/c',
            });
            applyEvent(state, progressEvent(subject, index * 1_000, index % 2 === 0 ? size : undefined, index), 0);
          }
          const lines = renderFrame(state, { columns, rows, unicode, colour, nowMs: 1_000 });
          expect(lines.length).toBeLessThan(Math.max(rows, 2));
          for (const line of lines) {
            expect(displayWidth(stripVTControlCharacters(line))).toBeLessThanOrEqual(Math.max(1, columns - 1));
          }
        },
      ),
    ));
});

test('the heartbeat is one line about the whole', () => {
  expect(progressText(typical, { nowMs: 2_000, unicode: false })).toBe(
    '3/7 layers - 12 MB of 30 MB - 6 MB/s - 3 s left',
  );
  expect(progressText(createProgressState(0), { nowMs: 3_000, unicode: true })).toBe('Starting · 3 s');
});
