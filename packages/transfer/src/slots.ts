import { assertCount, type ResolvedTransferManagerOptions } from './options.ts';

/** One transfer's place in the queue, then its slot. */
export interface SlotTicket {
  /** Leaves the queue, or gives the slot to the next in line. Idempotent. */
  giveBack(): void;
}

/** What a transfer asks of the slots. */
export interface SlotRequest {
  readonly host: string;
  /** Bytes expected, undefined when unknown. */
  readonly size: number | undefined;
  /** Called once, when the slot is there; possibly before `request` returns. */
  start(): void;
}

interface Entry extends SlotRequest {
  state: 'waiting' | 'active' | 'over';
  isSmall: boolean;
}

/**
 * Slots in two classes, each first come first served: `concurrency` for large transfers and as many for small ones.
 *
 * A registry spends its time on round trips for small blobs and on bandwidth for large ones, so a config of 2 KiB that
 * runs beside five large layers costs them nothing, while queueing behind them would cost it minutes. The small ones
 * together stay below `smallTotal`, so they cannot become a sixth large one. Transfers of one class never exceed
 * `concurrency`: an image of small layers alone runs as it always did. A concurrency of 1 means one at a time, of
 * either class: who asks for it has a line or a registry that stands no more.
 */
export class Slots {
  readonly #options: ResolvedTransferManagerOptions;
  readonly #queue = new Set<Entry>();
  readonly #activeByHost = new Map<string, number>();
  #concurrency: number;
  #activeLarge = 0;
  #activeSmall = 0;
  #smallBytes = 0;

  constructor(options: ResolvedTransferManagerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  /** Slots already given stay given; more room is used at once. */
  set concurrency(value: number) {
    assertCount('concurrency', value);
    this.#concurrency = value;
    this.#fill();
  }

  /** Queues. `start` is called when the slot is there. */
  request(request: SlotRequest): SlotTicket {
    const entry: Entry = { ...request, state: 'waiting', isSmall: false };
    this.#queue.add(entry);
    this.#fill();
    return { giveBack: () => this.#giveBack(entry) };
  }

  #giveBack(entry: Entry): void {
    const { state } = entry;
    entry.state = 'over';
    if (state === 'waiting') this.#queue.delete(entry);
    if (state === 'active') this.#count(entry, -1);
    // Someone who left the queue may have been all that kept the next one waiting.
    if (state !== 'over') this.#fill();
  }

  #fill(): void {
    let largeBlocked = false;
    let smallBlocked = false;
    for (const entry of this.#queue) {
      if (largeBlocked && smallBlocked) return;
      const isSmall = this.#isSmall(entry);
      if (isSmall ? smallBlocked : largeBlocked) continue;
      // A host at its limit holds back only its own transfers.
      if (this.#isHostFull(entry.host)) continue;
      if (!this.#hasRoom(entry, isSmall)) {
        if (isSmall) smallBlocked = true;
        else largeBlocked = true;
        continue;
      }
      this.#queue.delete(entry);
      entry.state = 'active';
      entry.isSmall = isSmall;
      this.#count(entry, 1);
      entry.start();
    }
  }

  #isSmall({ size }: SlotRequest): boolean {
    const { smallSize } = this.#options;
    return this.#concurrency !== 1 && smallSize > 0 && size !== undefined && size <= smallSize;
  }

  #hasRoom({ size = 0 }: SlotRequest, isSmall: boolean): boolean {
    if (this.#concurrency === 0) return true;
    if (this.#concurrency === 1) return this.#activeLarge + this.#activeSmall === 0;
    if (!isSmall) return this.#activeLarge < this.#concurrency;
    const fits = this.#activeSmall === 0 || this.#smallBytes + size <= this.#options.smallTotal;
    return this.#activeSmall < this.#concurrency && fits;
  }

  #isHostFull(host: string): boolean {
    const { perHost } = this.#options;
    return host !== '' && perHost > 0 && (this.#activeByHost.get(host) ?? 0) >= perHost;
  }

  #count({ host, size = 0, isSmall }: Entry, by: 1 | -1): void {
    if (isSmall) {
      this.#activeSmall += by;
      this.#smallBytes += by * size;
    } else {
      this.#activeLarge += by;
    }
    if (host === '') return;
    const active = (this.#activeByHost.get(host) ?? 0) + by;
    if (active === 0) this.#activeByHost.delete(host);
    else this.#activeByHost.set(host, active);
  }
}
