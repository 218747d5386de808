import { formatByteSize } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { type BlobSubject, describeEvent, type PushEvent } from '@slipway/push';
import { problemLines } from '../failure/problem.ts';
import { percentOf, progressText } from './frame.ts';
import { warningLine, writeLines } from './lines.ts';
import { type OpenProgressOptions, type Progress, systemClock } from './progress.ts';
import { applyEvent, type BlobState, createProgressState, expectedSizeOf, shareOf } from './progress-state.ts';
import { bytesPerSecond } from './rate-meter.ts';
import { summaryLine } from './summary.ts';

const heartbeatMs = 10_000;

/**
 * One line a change of state, in docker push's words, and every ten seconds one for each blob that is on its way: a log
 * stays readable, and a CI service never takes a long upload for a hang.
 */
export function createPlainProgress(options: OpenProgressOptions): Progress {
  const { stderr, environment, verbose, clock = systemClock } = options;
  const state = createProgressState(clock.now());
  const attempts = new Map<BlobState, number>();
  let stop: (() => void) | undefined;
  let wroteAtMs = clock.now();
  const print = (line: string): void => {
    wroteAtMs = clock.now();
    stderr.write(`${printable(line)}\n`);
  };
  const prefixOf = (event: PushEvent | { readonly type?: undefined; readonly subject: BlobSubject }): string => {
    if (state.destinations.size < 2) return '';
    const { destination } = 'subject' in event ? event.subject : 'blob' in event ? event.blob : event;
    return destination === undefined || event.type === 'push:started' ? '' : `${destination}: `;
  };
  const beat = (): void => {
    const moving = [...state.blobs.values()].filter(({ phase }) => phase === 'sending');
    for (const blob of moving) print(prefixOf({ subject: blob.subject }) + heartbeatText(blob, clock.now()));
    for (const { phase, subject, detail } of state.blobs.values()) {
      if (phase === 'storing') print(`${prefixOf({ subject })}${subject.id}: ${detail}`);
    }
    for (const { destination, name, registry, seconds } of state.storing.values()) {
      const prefix = state.destinations.size < 2 ? '' : `${destination}: `;
      print(`${prefix}${name}: waiting for ${registry} to store it, ${seconds} s`);
    }
    if (clock.now() - wroteAtMs >= heartbeatMs) print(progressText(state, { nowMs: clock.now(), unicode: false }));
  };
  return {
    onEvent(event) {
      stop ??= clock.every(heartbeatMs, beat);
      const adopted = applyEvent(state, event, clock.now());
      // told once a second: a log wants it with the heartbeat
      if (event.type === 'blob:storing' || event.type === 'manifest:storing') return;
      if (event.type === 'blob:retrying' && adopted !== undefined) {
        // It counts down once a second: a log wants each attempt once.
        if (attempts.get(adopted.blob) === event.attempt) return;
        attempts.set(adopted.blob, event.attempt);
      } else if (adopted !== undefined && !adopted.changed) return;
      const text = describeEvent(event);
      const isUnchanged = event.type === 'manifest:pushed' && event.unchanged;
      if (text !== undefined) print(`${prefixOf(event)}${text}${isUnchanged ? ' (unchanged)' : ''}`);
    },
    print,
    warn: (message) => print(warningLine(message)),
    fail: (error, subject) => writeLines(stderr, problemLines(error, { verbose, subject })),
    summarize: (nowMs) => print(summaryLine(state, nowMs, environment)),
    [Symbol.dispose]: () => stop?.(),
  };
}

/** `3f4a5b6c7d8e: Pushing 12.3 MB of 30 MB (41 %), 5 MB/s` */
function heartbeatText(blob: BlobState, nowMs: number): string {
  const size = expectedSizeOf(blob);
  const share = shareOf(blob);
  const rate = bytesPerSecond(blob.rate, nowMs);
  const of = size === undefined ? '' : ` of ${blob.size === undefined ? '~' : ''}${formatByteSize(size)}`;
  const percent = share === undefined ? '' : ` (${percentOf(share)} %)`;
  const speed = rate === undefined ? '' : `, ${formatByteSize(rate)}/s`;
  return `${blob.subject.id}: Pushing ${formatByteSize(blob.sent)}${of}${percent}${speed}`;
}
