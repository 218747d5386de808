import type { LayerRecord } from '@slipway/metadata-store';
import { smallLayer } from '../form/small-layer.ts';
import { type BlobToPush, distinctBlobs } from '../plan/blob-to-push.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import type { BlobMemory } from '../presence/memory.ts';
import { type RecordsByKey, recordsOf } from '../presence/records.ts';

/**
 * Bytes of plain layers that a push makes before their uploads ask for them: some seconds of work, which a registry
 * that refuses everything lets go to waste, but for what is kept in the cache.
 */
const mostAhead = 256 * 1024 * 1024;

export interface MakingAheadOptions {
  /** Layers that pushes of this pusher have to make, by key and recipe. Who comes second most likely mounts them. */
  readonly claimed: Set<string>;
  /** Layers that are made at once. */
  readonly places: number;
  /** Whether layers are sent that have been sent before. */
  readonly force: boolean;
}

/** What is made ahead for one destination. */
export interface Ahead {
  /** What is recorded of the image's blobs, which had to be looked up. */
  readonly records: Promise<RecordsByKey>;
  /** Begins no more: nothing more is sent there. What is begun goes on. */
  stop(): void;
}

/**
 * Makes layers of a push while its registries are asked what they have, and while others are sent: those that no push
 * from here has ever sent anywhere have to be made whatever the answers are. It begins them in the order in which they
 * will be sent; large ones are left to their uploads, which follow their making. What it has begun ends with the push,
 * at the latest.
 */
export class MakingAhead implements Disposable {
  readonly #options: MakingAheadOptions;
  readonly #own = new Set<string>();
  readonly #begun = new Set<string>();
  #bytesLeft = mostAhead;

  constructor(options: MakingAheadOptions) {
    this.#options = options;
  }

  /** @returns undefined for what has no layers to make */
  begin(plan: ItemPlan, memory: BlobMemory): Ahead | undefined {
    if (plan.kind !== 'image') return undefined;
    const records = recordsOf(plan, memory);
    let isStopped = false;
    void records.then(async (known) => {
      const layers = distinctBlobs(plan.layers.toReversed()).filter((blob) =>
        this.#hasToMake(blob, known.get(blob.key)),
      );
      // Before any is begun: threads start for all of them.
      for (const { form } of layers) form?.prepare?.();
      let at = 0;
      const makeOn = async (): Promise<void> => {
        for (let blob = layers[at++]; blob !== undefined && !isStopped; blob = layers[at++]) await this.#make(blob);
      };
      await Promise.all(Array.from({ length: this.#options.places }, makeOn));
    });
    return {
      records,
      stop: () => {
        isStopped = true;
      },
    };
  }

  /** Its layers are made, or never will be. */
  [Symbol.dispose](): void {
    for (const name of this.#own) this.#options.claimed.delete(name);
  }

  #hasToMake(blob: BlobToPush, records: readonly LayerRecord[] = []): boolean {
    const { form, fixed, foreign } = blob;
    if (form?.makeAhead === undefined || fixed !== undefined || foreign !== undefined) return false;
    if (records.length > 0 && !this.#options.force) return false;
    const name = nameOf(blob);
    if (this.#options.claimed.has(name)) return this.#own.has(name);
    this.#options.claimed.add(name);
    this.#own.add(name);
    return true;
  }

  async #make(blob: BlobToPush): Promise<void> {
    const name = nameOf(blob);
    const size = blob.form?.readTotal ?? 0;
    if (this.#begun.has(name) || size > Math.min(smallLayer, this.#bytesLeft)) return;
    this.#begun.add(name);
    this.#bytesLeft -= size;
    await blob.form?.makeAhead?.().catch(() => {}); // whoever needs it makes it again, and hears why that fails
  }
}

function nameOf({ key, form }: BlobToPush): string {
  return `${key} ${form?.recipe}`;
}
