import { type Clock, createProgressMeter, type ProgressMeter, systemClock } from '@slipway/transfer';
import type { PushEvent } from '../../events.ts';
import { progressCount } from '../../progress-share.ts';

export interface MeterProgressOptions {
  /** @default the machine's clock */
  readonly clock?: Clock | undefined;
}

type BlobProgress = Extract<PushEvent, { readonly type: 'blob:progress' }>;

/** After the first record of a blob, as long as between two others. */
const intervalMs = 100;

/**
 * Thins out a push's events to what people and logs can follow: of each blob at most one `blob:progress` in 100 ms and
 * per 1 % (or 512 KiB, whichever is less). The first and the last of a blob always pass, also those before a retry, one
 * that goes back, and the one that fills the bar. All other events pass as they are, in their order.
 *
 * @param onEvent called synchronously
 * @see https://github.com/moby/moby/blob/v25.0.0/pkg/progress/progressreader.go#L35-L66
 */
export function meterProgress(
  onEvent: (event: PushEvent) => void,
  { clock = systemClock }: MeterProgressOptions = {},
): (event: PushEvent) => void {
  const meters = new Map<string, BlobMeter>();
  return (event) => {
    switch (event.type) {
      case 'blob:progress': {
        const name = nameOf(event);
        const known = meters.get(name);
        if (known !== undefined) return known.take(event);
        meters.set(name, new BlobMeter(event, onEvent, clock));
        return;
      }
      case 'blob:retrying':
      case 'blob:pushed':
      case 'blob:existed':
      case 'blob:mounted':
      case 'blob:skipped': {
        const name = nameOf(event);
        meters.get(name)?.flush();
        meters.delete(name);
        break;
      }
      case 'push:finished':
      case 'push:failed':
        for (const [name, meter] of meters) {
          if (meter.destination !== event.destination) continue;
          meter.flush();
          meters.delete(name);
        }
        break;
      default:
        break;
    }
    onEvent(event);
  };
}

/** What is told of one blob, from its first record to what becomes of it. */
class BlobMeter {
  readonly destination: string;
  readonly #onEvent: (event: PushEvent) => void;
  readonly #clock: Clock;
  readonly #quietUntilMs: number;
  #meter: ProgressMeter;
  #latest: BlobProgress;
  #told: BlobProgress;

  constructor(first: BlobProgress, onEvent: (event: PushEvent) => void, clock: Clock) {
    this.destination = first.blob.destination;
    this.#onEvent = onEvent;
    this.#clock = clock;
    this.#quietUntilMs = clock.now() + intervalMs;
    this.#latest = first;
    this.#told = first;
    onEvent(first);
    this.#meter = this.#begin(first);
  }

  take(event: BlobProgress): void {
    const isOtherCount = isReading(event) !== isReading(this.#latest);
    this.#latest = event;
    if (isOtherCount) {
      this.#tell(); // bytes sent are counted now, in place of bytes read
      this.#meter = this.#begin(event);
      return;
    }
    const { current, total } = progressCount(event);
    this.#meter.total = total;
    this.#meter.update(current);
  }

  /** Tells what was held back. */
  flush(): void {
    if (this.#told !== this.#latest) this.#tell();
  }

  #begin(event: BlobProgress): ProgressMeter {
    const { current, total } = progressCount(event);
    const meter = createProgressMeter({
      total,
      clock: this.#clock,
      emit: (record) => {
        const isFull = record.current === record.total;
        if (this.#told !== this.#latest && (isFull || this.#hasGoneBack() || this.#clock.now() >= this.#quietUntilMs)) {
          this.#tell();
        }
      },
    });
    meter.update(current); // told already
    return meter;
  }

  #hasGoneBack(): boolean {
    return progressCount(this.#latest).current < progressCount(this.#told).current;
  }

  #tell(): void {
    this.#told = this.#latest;
    this.#onEvent(this.#latest);
  }
}

/** While it is being compressed, nobody knows how many bytes there will be to send. */
function isReading({ size }: BlobProgress): boolean {
  return size === undefined;
}

function nameOf({ blob }: Extract<PushEvent, { readonly type: `blob:${string}` }>): string {
  return `${blob.destination} ${blob.key}`;
}
