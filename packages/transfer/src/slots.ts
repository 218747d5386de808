import { assertCount, type ResolvedTransferManagerOptions } from './options.ts';

/** One transfer's place in the queue, then its slot. */
export interface SlotTicket {
  /** Leaves the queue, or gives the slot to the next in line. Idempotent. */
  giveBack(): void;
}

/** How many bytes a transfer has to move, or who says so. */
export type SizeOfTransfer = number | undefined | (() => number | undefined);

/** What a transfer asks of the slots. */
export interface SlotRequest {
  readonly host: string;
  /** Bytes expected, undefined when unknown. A function is asked when it might begin: by then, more is known. */
  readonly size: SizeOfTransfer;
  /** Called once, when the slot is there; possibly before `request` returns. */
  start(): void;
}

interface Entry extends SlotRequest {
  /** Place in the order of asking. */
  readonly order: number;
  state: 'waiting' | 'active' | 'over';
  /** What it was taken for when it was looked at last; it stays that once it has begun. */
  weight: Weight;
}

interface Weight {
  readonly isSmall: boolean;
  readonly size: number;
}

/** Transfers to one host that have their slot. */
interface Active {
  readonly large: number;
  readonly small: number;
}

const idle: Active = { large: 0, small: 0 };

/**
 * Slots in two classes, each first come first served: `concurrency` for large transfers and `smallPerSlot` times as
 * many for small ones.
 *
 * A registry spends its time on round trips for small blobs and on bandwidth for large ones, so a config of 2 KiB that
 * runs beside five large layers costs them nothing, while queueing behind them would cost it minutes; and sixty small
 * layers, five at a time, are twenty-four round trips to a registry that could answer all at once (decision 0045). The
 * small ones together stay below `smallTotal`, so they cannot become a sixth large one. A concurrency of 1 means one at
 * a time, of either class: who asks for it has a line or a registry that stands no more.
 */
export class Slots {
  readonly #options: ResolvedTransferManagerOptions;
  /** Those who wait, by host: a host at its limit holds back only its own. */
  readonly #lines = new Map<string, { readonly large: Line; readonly small: Line }>();
  readonly #activeByHost = new Map<string, Active>();
  /** Hosts that stand less than the others, for now. */
  readonly #hostLimits = new Map<string, number>();
  #concurrency: number;
  #asked = 0;
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

  /**
   * Changes how many slots one host may have at once; `undefined` lifts its limit. As many small transfers as usual
   * count as one large one, but a limit of 1 means one at a time, of either class. Slots already given stay given.
   */
  limitHost(host: string, limit: number | undefined): void {
    if (limit === undefined) this.#hostLimits.delete(host);
    else {
      assertCount('limit', limit);
      this.#hostLimits.set(host, Math.max(1, limit));
    }
    this.#fill();
  }

  /** Queues. `start` is called when the slot is there. */
  request(request: SlotRequest): SlotTicket {
    this.#asked += 1;
    const entry: Entry = { ...request, order: this.#asked, state: 'waiting', weight: this.#weigh(request) };
    const line = this.#lines.get(entry.host) ?? { large: new Line(), small: new Line() };
    this.#lines.set(entry.host, line);
    line[entry.weight.isSmall ? 'small' : 'large'].add(entry);
    this.#fill();
    return { giveBack: () => this.#giveBack(entry) };
  }

  #giveBack(entry: Entry): void {
    const { state } = entry;
    entry.state = 'over';
    if (state === 'active') this.#count(entry, -1);
    // Someone who left the queue may have been all that kept the next one waiting.
    if (state !== 'over') this.#fill();
  }

  #fill(): void {
    for (let entry = this.#next(); entry; entry = this.#next()) {
      entry.state = 'active';
      this.#count(entry, 1);
      entry.start();
    }
  }

  /** The one to start now: of each class only whoever asked first, among the hosts that have room. */
  #next(): Entry | undefined {
    let large: Entry | undefined;
    let small: Entry | undefined;
    for (const [host, line] of this.#lines) {
      const heads = { large: line.large.first(), small: line.small.first() };
      for (const head of [heads.large, heads.small]) if (head !== undefined) head.weight = this.#weigh(head);
      if (!heads.large && !heads.small) this.#lines.delete(host);
      const first = earlier(heads.large, heads.small);
      // Who asked first is not overtaken, by small ones without end, at a host that has no room for it.
      if (first === undefined || !this.#hasRoomAtHost(first)) continue;
      if (heads.large && this.#hasRoomAtHost(heads.large)) large = earlier(large, heads.large);
      if (heads.small && this.#hasRoomAtHost(heads.small)) small = earlier(small, heads.small);
    }
    const first = earlier(large, small);
    return [first, first === large ? small : large].find((entry) => entry && this.#hasRoom(entry));
  }

  #weigh({ size }: SlotRequest): Weight {
    const { smallSize } = this.#options;
    const bytes = typeof size === 'function' ? countFrom(size) : size;
    return { isSmall: smallSize > 0 && bytes !== undefined && bytes <= smallSize, size: bytes ?? 0 };
  }

  #hasRoom({ weight: { size, isSmall } }: Entry): boolean {
    if (this.#concurrency === 0) return true;
    if (this.#concurrency === 1) return this.#activeLarge + this.#activeSmall === 0;
    if (!isSmall) return this.#activeLarge < this.#concurrency;
    const fits = this.#activeSmall === 0 || this.#smallBytes + size <= this.#options.smallTotal;
    return this.#activeSmall < this.#concurrency * this.#options.smallPerSlot && fits;
  }

  #hasRoomAtHost({ host, weight: { isSmall } }: Entry): boolean {
    if (host === '') return true;
    const { perHost, smallPerSlot } = this.#options;
    const { large, small } = this.#activeByHost.get(host) ?? idle;
    if (perHost > 0 && large + small >= perHost) return false;
    const limit = this.#hostLimits.get(host);
    if (limit === undefined) return true;
    if (limit === 1) return large + small === 0;
    return large * smallPerSlot + small + (isSmall ? 1 : smallPerSlot) <= limit * smallPerSlot;
  }

  #count({ host, weight: { size, isSmall } }: Entry, by: 1 | -1): void {
    if (isSmall) {
      this.#activeSmall += by;
      this.#smallBytes += by * size;
    } else {
      this.#activeLarge += by;
    }
    if (host === '') return;
    const active = this.#activeByHost.get(host) ?? idle;
    const { large, small } = isSmall
      ? { large: active.large, small: active.small + by }
      : { large: active.large + by, small: active.small };
    if (large + small === 0) this.#activeByHost.delete(host);
    else this.#activeByHost.set(host, { large, small });
  }
}

/** First come, first served. Whoever leaves is passed over when its turn comes, so that leaving costs nothing. */
class Line {
  #entries: Entry[] = [];
  #head = 0;

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  first(): Entry | undefined {
    while (this.#head < this.#entries.length && this.#entries[this.#head]?.state !== 'waiting') this.#head += 1;
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return this.#entries[this.#head];
  }
}

function earlier(one: Entry | undefined, other: Entry | undefined): Entry | undefined {
  if (!one || !other) return one ?? other;
  return one.order < other.order ? one : other;
}

/** What a caller's function says, where it is a count: its mistakes must not stop the others in the queue. */
function countFrom(size: () => number | undefined): number | undefined {
  try {
    const bytes: unknown = size();
    return typeof bytes === 'number' && bytes >= 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}
