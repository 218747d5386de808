import { setFlagsFromString } from 'node:v8';
import type { PushEvent } from '@slipway/client';

/** From so many blobs on, what they leave behind counts. */
const manyBlobs = 1000;

/**
 * Has V8 look for garbage sooner where a push has thousands of blobs: by itself it lets the heap grow to four times
 * what is in use, and each blob is under way for long enough to be taken for something that stays. Other runtimes take
 * no notice.
 *
 * @param onEvent hears every event
 */
export function frugalWithMany(
  onEvent: (event: PushEvent) => void,
  setFlags: (flags: string) => void = (flags) => setFlagsFromString(flags),
): (event: PushEvent) => void {
  let blobs = 0;
  return (event) => {
    if (event.type === 'blob:preparing') {
      blobs += 1;
      if (blobs === manyBlobs) setFlags('--heap-growing-percent=30');
    }
    onEvent(event);
  };
}
