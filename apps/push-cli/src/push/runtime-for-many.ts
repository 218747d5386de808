import { setFlagsFromString } from 'node:v8';
import type { PushEvent } from '@slipway/client';

/** What a runtime does otherwise where a push is long. */
export interface RuntimeChange {
  /** From so many blobs on. */
  readonly blobs: number;
  /** Done once. */
  readonly make?: () => void;
  /** Done at each event from then on. */
  readonly watch?: () => void;
}

/**
 * For V8: it looks for garbage sooner. By itself it lets the heap grow to four times what is in use, and each blob is
 * under way for long enough to be taken for something that stays.
 */
const frugalHeap: RuntimeChange = {
  blobs: 1000,
  make: () => setFlagsFromString('--heap-growing-percent=30'),
};

interface Bun {
  readonly unsafe: { setJITPolicy(scale: number): void };
  /** Collects what is not in use, and waits for it. */
  gc(isForced: true): void;
}

/**
 * For the executable, which is built to compile JavaScript late (`tools/build-standalone.mjs`): from here on it
 * compiles when JavaScriptCore would. What each blob needs has run often enough to pay for it.
 */
const usualCompiling = ({ unsafe }: Bun): RuntimeChange => ({ blobs: 256, make: () => unsafe.setJITPolicy(1) });

/**
 * As {@link frugalHeap}, for JavaScriptCore, which has no such flag: what is not in use is collected whenever the
 * process has grown by 8 MiB. How much of the heap is in use is known only after a collection, the size of the process
 * always.
 */
function frugalCollector(bun: Bun): RuntimeChange {
  let limit = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    blobs: 1000,
    watch: () => {
      const now = performance.now();
      if (now < lookedAt + 100) return; // to look takes 10 µs, and there are thousands of events a second
      lookedAt = now;
      if (process.memoryUsage.rss() < limit) return;
      bun.gc(true);
      limit = process.memoryUsage.rss() + 8 * 1024 * 1024;
    },
  };
}

/** What the runtime at hand is told. */
export function changesForMany(): readonly RuntimeChange[] {
  const { Bun: bun } = globalThis as { readonly Bun?: Bun };
  return bun === undefined ? [frugalHeap] : [usualCompiling(bun), frugalCollector(bun)];
}

/**
 * Prepares the runtime for a push that turns out to have many blobs, once.
 *
 * @param onEvent hears every event
 */
export function preparedForMany(
  onEvent: (event: PushEvent) => void,
  changes: readonly RuntimeChange[] = changesForMany(),
): (event: PushEvent) => void {
  let blobs = 0;
  return (event) => {
    const isAnother = event.type === 'blob:preparing';
    if (isAnother) blobs += 1;
    for (const { blobs: most, make, watch } of changes) {
      if (isAnother && blobs === most) make?.();
      if (blobs >= most) watch?.();
    }
    onEvent(event);
  };
}
