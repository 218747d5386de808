import { setFlagsFromString } from 'node:v8';
import type { PushEvent } from '@slipway/client';

/** What a runtime does otherwise where a push is long. */
export interface RuntimeChange {
  /** From so many blobs on. */
  readonly blobs: number;
  readonly make: () => void;
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
}

/**
 * For the executable, which is built to compile JavaScript late (`tools/build-standalone.mjs`): from here on it
 * compiles when JavaScriptCore would. What each blob needs has run often enough to pay for it.
 */
const usualCompiling = ({ unsafe }: Bun): RuntimeChange => ({ blobs: 256, make: () => unsafe.setJITPolicy(1) });

/** What the runtime at hand is told. */
export function changeForMany(): RuntimeChange {
  const { Bun: bun } = globalThis as { readonly Bun?: Bun };
  return bun === undefined ? frugalHeap : usualCompiling(bun);
}

/**
 * Prepares the runtime for a push that turns out to have many blobs, once.
 *
 * @param onEvent hears every event
 */
export function preparedForMany(
  onEvent: (event: PushEvent) => void,
  { blobs: most, make }: RuntimeChange = changeForMany(),
): (event: PushEvent) => void {
  let blobs = 0;
  return (event) => {
    if (event.type === 'blob:preparing') {
      blobs += 1;
      if (blobs === most) make();
    }
    onEvent(event);
  };
}
