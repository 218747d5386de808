import { PassThrough } from 'node:stream';
import type { OptionValues } from '@slipway/client/options';
import type { PushEvent } from '@slipway/push';
import { describe, expect, test } from 'vitest';
import type { OutputStream } from '../command-context.ts';
import { readEnvironment } from '../environment.ts';
import { blob, digestOf, manualClock, progressEvent } from './fixtures.ts';
import { openProgress, resolveProgress } from './open-progress.ts';
import type { Progress } from './progress.ts';

const started: PushEvent = { type: 'push:started', destination: 'ghcr.io/me/app', repository: 'ghcr.io/me/app' };
const totals = { existed: 0, mounted: 0, uploaded: 1, skipped: 0, bytesToSend: 0, bytesSent: 1 };

describe('resolveProgress', () => {
  test.each<[OptionValues['progress'], boolean, boolean, boolean, OptionValues['progress']]>([
    // choice  terminal  CI     dumb   shown as
    ['auto', true, false, false, 'tty'],
    ['auto', false, false, false, 'plain'],
    ['auto', true, true, false, 'plain'],
    ['auto', true, false, true, 'plain'],
    ['tty', false, true, true, 'tty'],
    ['plain', true, false, false, 'plain'],
    ['json', true, false, false, 'json'],
    ['none', true, false, false, 'none'],
  ])('%s, terminal %s, CI %s, dumb %s: %s', (choice, isTTY, isCI, isDumbTerminal, expected) => {
    expect(resolveProgress(choice, { isTTY }, { isCI, isDumbTerminal })).toBe(expected);
  });
});

describe('plain progress', () => {
  test('a line for every change of state, in docker’s words', () => {
    const { progress, lines } = open('plain');
    const events: PushEvent[] = [
      started,
      { type: 'blob:preparing', blob: blob('a') },
      { type: 'blob:waiting', blob: blob('a') },
      progressEvent(blob('a'), 1, 3),
      progressEvent(blob('a'), 2, 3),
      progressEvent(blob('a'), 3, 3),
      { type: 'blob:pushed', blob: blob('a'), digest: digestOf('a'), size: 3 },
      {
        type: 'manifest:pushed',
        destination: 'ghcr.io/me/app',
        tag: 'v1',
        digest: digestOf('d'),
        size: 9,
        mediaType: 'm',
        unchanged: false,
      },
      { type: 'push:finished', destination: 'ghcr.io/me/app', tag: 'v1', digest: digestOf('d'), totals },
    ];
    for (const event of events) progress.onEvent(event);
    progress.summarize(1_000);
    expect(lines()).toEqual([
      'The push refers to repository [ghcr.io/me/app]',
      'aaaaaaaaaaaa: Preparing',
      'aaaaaaaaaaaa: Waiting',
      'aaaaaaaaaaaa: Pushing',
      'aaaaaaaaaaaa: Pushed',
      `v1: digest: ${digestOf('d')} size: 9`,
      'Sent 3 B (1 blob) - 1.0 s',
    ]);
  });

  test('a retry is told once an attempt, not once a second', () => {
    const { progress, lines } = open('plain');
    const cause = new Error('answered 503');
    for (const [attempt, seconds] of [
      [2, 5],
      [2, 4],
      [2, 3],
      [3, 10],
      [3, 9],
    ] as const) {
      progress.onEvent({ type: 'blob:retrying', blob: blob('a'), attempt, seconds, cause });
    }
    expect(lines()).toEqual([
      'aaaaaaaaaaaa: Retrying in 5 seconds: answered 503',
      'aaaaaaaaaaaa: Retrying in 10 seconds: answered 503',
    ]);
  });

  test('several destinations are told apart', () => {
    const { progress, lines } = open('plain');
    const other = blob('b', { destination: 'quay.io/me/app' });
    for (const event of [
      started,
      { ...started, destination: 'quay.io/me/app', repository: 'quay.io/me/app' },
      { type: 'blob:waiting', blob: other },
    ] satisfies PushEvent[]) {
      progress.onEvent(event);
    }
    expect(lines().slice(1)).toEqual([
      'The push refers to repository [quay.io/me/app]',
      'quay.io/me/app: bbbbbbbbbbbb: Waiting',
    ]);
  });

  test('a long upload says every ten seconds that it lives', () => {
    const { progress, lines, clock } = open('plain');
    progress.onEvent(started);
    for (let second = 0; second < 30; second += 1) {
      progress.onEvent(progressEvent(blob('a'), second * 1_000_000, 100_000_000));
      clock.advance(1_000);
    }
    expect(lines().slice(2)).toEqual([
      'aaaaaaaaaaaa: Pushing 9 MB of 100 MB (9 %), 1 MB/s',
      'aaaaaaaaaaaa: Pushing 19 MB of 100 MB (19 %), 1 MB/s',
      'aaaaaaaaaaaa: Pushing 29 MB of 100 MB (29 %), 1 MB/s',
    ]);
  });

  test('a registry that has everything and is silent is named, every ten seconds', () => {
    const { progress, lines, clock } = open('plain');
    progress.onEvent(started);
    progress.onEvent(progressEvent(blob('a'), 3, 3));
    for (let seconds = 1; seconds <= 25; seconds += 1) {
      clock.advance(1_000);
      if (seconds >= 5) progress.onEvent({ type: 'blob:storing', blob: blob('a'), registry: 'ghcr.io', seconds });
    }
    progress.onEvent({ type: 'blob:pushed', blob: blob('a'), digest: digestOf('a'), size: 3 });
    expect(lines().slice(2)).toEqual([
      'aaaaaaaaaaaa: waiting for ghcr.io to store it, 9 s',
      'aaaaaaaaaaaa: waiting for ghcr.io to store it, 19 s',
      'aaaaaaaaaaaa: Pushed',
    ]);
  });

  test('of a manifest, too, until it is there', () => {
    const { progress, lines, clock } = open('plain');
    progress.onEvent(started);
    const manifest = { destination: 'ghcr.io/me/app', tag: 'v1', digest: digestOf('m') };
    for (let seconds = 1; seconds <= 25; seconds += 1) {
      clock.advance(1_000);
      if (seconds >= 5) progress.onEvent({ type: 'manifest:storing', ...manifest, registry: 'ghcr.io', seconds });
    }
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    progress.onEvent({ type: 'manifest:pushed', ...manifest, size: 3, mediaType, unchanged: false });
    clock.advance(10_000);
    expect(lines().slice(1)).toEqual([
      'v1: waiting for ghcr.io to store it, 9 s',
      'v1: waiting for ghcr.io to store it, 19 s',
      `v1: digest: ${manifest.digest} size: 3`,
    ]);
  });

  test('a silent push says so too, and stops when it is over', () => {
    const { progress, lines, clock } = open('plain');
    progress.onEvent(started);
    progress.onEvent({ type: 'blob:waiting', blob: blob('a') });
    clock.advance(20_000);
    progress[Symbol.dispose]();
    clock.advance(60_000);
    expect(lines().slice(2)).toEqual(['0/1 layer - 10 s', '0/1 layer - 20 s']);
    expect(clock.timers).toBe(0);
  });

  test('an upload that goes on from an earlier run sends only the rest', () => {
    const { progress, lines } = open('plain');
    progress.onEvent({ type: 'blob:waiting', blob: blob('a') });
    progress.onEvent({ type: 'blob:resumed', blob: blob('a'), offset: 6_000, size: 10_000 });
    progress.onEvent(progressEvent(blob('a'), 8_000, 10_000));
    progress.onEvent({ type: 'blob:resumed', blob: blob('a'), offset: 7_000, size: 10_000 }); // the connection broke
    progress.onEvent({ type: 'blob:pushed', blob: blob('a'), digest: digestOf('a'), size: 10_000 });
    progress.summarize(1_000);
    expect(lines()).toEqual([
      'aaaaaaaaaaaa: Waiting',
      'aaaaaaaaaaaa: Resuming at 6000 of 10000 bytes',
      'aaaaaaaaaaaa: Pushing',
      'aaaaaaaaaaaa: Resuming at 7000 of 10000 bytes',
      'aaaaaaaaaaaa: Pushed',
      'Sent 4 kB (1 blob) - 6 kB saved - 1.0 s',
    ]);
  });

  test('a forged line in a message is flattened', () => {
    const { progress, lines } = open('plain');
    progress.onEvent({ type: 'warning', destination: undefined, code: 'x', message: 'a\nslipway: pushed\u001b[2J' });
    expect(lines()).toEqual(['Warning: a slipway: pushed?[2J']);
  });
});

describe('json progress', () => {
  test('every line is one JSON object, errors included', () => {
    const { progress, lines } = open('json');
    progress.onEvent(started);
    progress.onEvent({
      type: 'push:failed',
      destination: 'ghcr.io/me/app',
      tag: 'v1',
      error: Object.assign(new Error('no'), { code: 'ERR_REGISTRY_DENIED', hint: 'ask' }),
    });
    progress.print('slipway: stopping');
    progress.fail(new Error('over'), 'ghcr.io/me/app:v1');
    progress.summarize(0);
    expect(lines().map((line) => JSON.parse(line))).toEqual([
      started,
      {
        type: 'push:failed',
        destination: 'ghcr.io/me/app',
        tag: 'v1',
        error: { code: 'ERR_REGISTRY_DENIED', message: 'no', hint: 'ask' },
      },
      { type: 'message', text: 'slipway: stopping' },
      { type: 'error', subject: 'ghcr.io/me/app:v1', message: 'over' },
    ]);
  });
});

describe('no progress', () => {
  test('failures are told and nothing else', () => {
    const { progress, lines } = open('none');
    progress.onEvent(started);
    progress.summarize(0);
    progress.fail(new Error('over'));
    expect(lines()).toEqual(['slipway: over']);
  });
});

describe('terminal progress', () => {
  test('lines that stay are printed above those that move, and the cursor comes back', () => {
    const { progress, text, clock } = open('tty');
    progress.onEvent(started);
    progress.onEvent(progressEvent(blob('a'), 1, 3));
    clock.advance(100);
    progress.print('a word');
    progress[Symbol.dispose]();
    progress[Symbol.dispose]();
    expect(screenOf(text())).toEqual([
      'The push refers to repository [ghcr.io/me/app]',
      'a word',
      expect.stringContaining('aaaaaaaaaaaa'),
    ]);
    expect(text().split('\u001b[?25l')).toHaveLength(2);
    expect(text().split('\u001b[?25h')).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });

  test('a window that became narrower is cleared of the lines it wrapped', () => {
    const { progress, text, stderr, clock } = open('tty');
    progress.onEvent(progressEvent(blob('a'), 1, 3));
    const before = text().length;
    Object.assign(stderr, { columns: 30 });
    clock.advance(100);
    expect(text().slice(before)).toMatch(/\r\u001b\[4A/);
  });

  test('a failure before the first blob leaves the terminal alone', () => {
    const { progress, text } = open('tty');
    progress.fail(new Error('no such file'));
    progress[Symbol.dispose]();
    expect(text()).toBe('slipway: no such file\n');
  });
});

test.each([['tty'], ['plain'], ['json'], ['none']] as const)('%s: options in a warning are flags', (choice) => {
  const { progress, text } = open(choice);
  using _ = progress;
  const message = 'layer 0123 is gzip; `format` corrects it, `format: oci` too';
  progress.onEvent({ type: 'warning', destination: undefined, code: 'layer-mislabelled', message });
  expect(text()).toContain('layer 0123 is gzip; --format corrects it, --format oci too');
});

function open(choice: OptionValues['progress']): {
  progress: Progress;
  lines: () => string[];
  text: () => string;
  stderr: OutputStream;
  clock: ReturnType<typeof manualClock>;
} {
  const stderr = Object.assign(new PassThrough(), { columns: 100, rows: 24 });
  let written = '';
  stderr.on('data', (chunk) => {
    written += chunk;
  });
  const clock = manualClock();
  const text = (): string => {
    const rest: unknown = stderr.read();
    return written + (rest === null ? '' : String(rest));
  };
  const progress = openProgress(choice, { stderr, environment: readEnvironment({}), clock });
  return { progress, text, lines: () => text().split('\n').slice(0, -1), stderr, clock };
}

/** What a terminal of any width shows after these bytes: cursor up, clear to the end of the line and of the screen. */
function screenOf(text: string): string[] {
  const screen: string[] = [];
  let row = 0;
  for (const [, up, clear, , newline, plain] of text.matchAll(
    /\u001b\[(?:(\d+)A|(J)|([?0-9]*[A-Za-z]))|(\n)|([^\u001b\n]+)/g,
  )) {
    if (up !== undefined) row -= Number(up);
    else if (clear !== undefined) screen.length = row;
    else if (newline !== undefined) row += 1;
    else if (plain !== undefined) screen[row] = plain.replaceAll('\r', '') || (screen[row] ?? '');
  }
  return screen;
}
