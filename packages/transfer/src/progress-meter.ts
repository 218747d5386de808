import { aFunction, aNumber, anObject, assertOptions } from '@slipway/arguments';
import { type Clock, systemClock } from './clock.ts';

/** How far something is. */
export interface ProgressRecord {
  /** Bytes so far. */
  readonly current: number;
  /** Bytes in all, undefined while nobody knows. */
  readonly total: number | undefined;
  /** Nothing comes after this record. */
  readonly isLast: boolean;
}

/** Where the records of a {@link ProgressMeter} go. */
export interface ProgressMeterOptions {
  /** Bytes in all. @default unknown */
  readonly total?: number | undefined;
  /** @default the machine's clock */
  readonly clock?: Clock | undefined;
  /** Called synchronously. */
  readonly emit: (record: ProgressRecord) => void;
}

/** Thins out progress to what a person can follow. */
export interface ProgressMeter {
  /** Bytes in all; may become known late. */
  total: number | undefined;
  readonly current: number;
  /** Takes the bytes so far. Going back, which is what an upload that starts again does, is told at once. */
  update(current: number): void;
  /** Tells the last state, whatever the limits say. Idempotent. */
  end(): void;
  /** Fills the bar up to the total, then ends. */
  complete(): void;
}

const largestStep = 512 * 1024;
const intervalMs = 100;

/**
 * Makes a meter that tells of every 1 % or 512 KiB, whichever is less, and at most once in 100 ms. The record at which
 * `current` equals `total` and the last one always pass.
 */
export function createProgressMeter(options: ProgressMeterOptions): ProgressMeter {
  assertOptions('options', options, { required: { emit: aFunction }, optional: { total: aNumber, clock: anObject } });
  const { total, clock = systemClock, emit } = options;
  let current = 0;
  let counted = 0;
  let nextAtMs = Number.NEGATIVE_INFINITY;
  let hasEnded = false;
  const isFull = (): boolean => current === meter.total;
  const tell = (isLast: boolean): void => emit({ current, total: meter.total, isLast });
  const meter: ProgressMeter = {
    total,
    get current() {
      return current;
    },
    update(next) {
      if (hasEnded || next === current) return;
      const wentBack = next < current;
      current = next;
      if (!wentBack && !isFull() && current - counted <= stepOf(meter.total)) return;
      // Counted from here even when the time limit swallows the record, as docker does.
      counted = current;
      if (wentBack || isFull()) return tell(false);
      const now = clock.now();
      if (now < nextAtMs) return;
      nextAtMs = now + intervalMs;
      tell(false);
    },
    end() {
      if (hasEnded) return;
      hasEnded = true;
      tell(true);
    },
    complete() {
      if (!hasEnded && meter.total !== undefined && current < meter.total) current = meter.total;
      meter.end();
    },
  };
  return meter;
}

function stepOf(total: number | undefined): number {
  return total === undefined || total <= 0 ? largestStep : Math.min(largestStep, Math.floor(total / 100));
}
