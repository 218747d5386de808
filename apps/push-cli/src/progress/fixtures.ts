import type { Digest } from '@slipway/digest';
import type { BlobSubject, PushEvent } from '@slipway/push';
import type { ProgressClock } from './progress.ts';

/** A blob called after one hex digit. */
export function blob(digit: string, fields: Partial<BlobSubject> = {}): BlobSubject {
  return {
    destination: 'ghcr.io/me/app',
    role: 'layer',
    id: digit.repeat(12),
    key: digestOf(digit),
    ...fields,
  };
}

export function digestOf(digit: string): Digest {
  return `sha256:${digit.repeat(64)}` as Digest;
}

/** The bytes of a blob on their way. `read` of 100 source bytes stand for compression that still runs. */
export function progressEvent(subject: BlobSubject, sent: number, size: number | undefined, read = 100): PushEvent {
  return { type: 'blob:progress', blob: subject, sent, size, read, readTotal: 100 };
}

/** A clock that a test moves; ticks are run when their time has come. */
export function manualClock(): ProgressClock & { advance(milliseconds: number): void; readonly timers: number } {
  let nowMs = 0;
  const timers = new Set<{ readonly everyMs: number; dueMs: number; readonly tick: () => void }>();
  return {
    now: () => nowMs,
    every(everyMs, tick) {
      const timer = { everyMs, dueMs: nowMs + everyMs, tick };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(milliseconds) {
      const endMs = nowMs + milliseconds;
      for (;;) {
        const next = [...timers].sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined || next.dueMs > endMs) break;
        nowMs = next.dueMs;
        next.dueMs += next.everyMs;
        next.tick();
      }
      nowMs = endMs;
    },
    get timers() {
      return timers.size;
    },
  };
}
