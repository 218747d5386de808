import { type Digest, type FormNotes, isDigest } from '@slipway/digest';
import type { RecordBook, ValueChange } from '@slipway/record-book';

/** What the cache knows about one layer. */
export interface LayerCacheEntry {
  readonly digest: Digest;
  /** Bytes of the compressed layer. */
  readonly size: number;
  readonly diffID: Digest;
  readonly recipe: string;
  /** What else was said of the bytes when they were made. */
  readonly notes?: FormNotes | undefined;
  /** When it was last used, in milliseconds since the epoch; recorded within some minutes. */
  readonly usedAt: number;
}

/** Where the records are: in a book, or in memory. */
export type RecordPlace = Pick<RecordBook, 'get' | 'set' | 'update' | 'list' | 'flush'> & AsyncDisposable;

const namespace = 'layers';

/** How old a recorded use may be before a newer one is written: what goes first need not be known to the minute. */
const usedStepMs = 10 * 60 * 1000;

/** Uses that are remembered in memory, at most. */
const maxUses = 10_000;

/** Bytes of a layer that is recorded at once: to make it again costs more than a write of its own. */
const muchWork = 4 * 1024 * 1024;

export interface LayerRecordsOptions {
  /** Called when something is asked or noted for the first time. */
  readonly open: () => Promise<RecordPlace>;
  /** Whether what is noted may wait, so that others are written with it: nobody here waits for that, then. */
  readonly mayWait: boolean;
  /** Hears that something cannot be written which nobody waits for. */
  readonly onFailure: (error: unknown) => void;
}

/** What is known of all layers: by diffID and recipe, which digest and size it has, and when it was used. */
export class LayerRecords implements AsyncDisposable {
  readonly #options: LayerRecordsOptions;
  /** Later than what is recorded, by key. */
  readonly #uses = new Map<string, number>();
  #opening: Promise<RecordPlace> | undefined;

  constructor(options: LayerRecordsOptions) {
    this.#options = options;
  }

  async get(diffID: Digest, recipe: string): Promise<LayerCacheEntry | undefined> {
    const value = await (await this.#place()).get(namespace, keyOf({ diffID, recipe }));
    return readEntry(value, { diffID, recipe });
  }

  async put(entry: LayerCacheEntry): Promise<void> {
    const place = await this.#place();
    await this.#written(place.set(namespace, keyOf(entry), formatEntry(entry)));
    if (this.#options.mayWait && entry.size > muchWork) void place.flush();
  }

  /** Forgets what is recorded of a layer, unless it is something else by now. */
  async forget(entry: LayerCacheEntry): Promise<void> {
    this.#uses.delete(keyOf(entry));
    await this.#change(entry, () => undefined);
  }

  /** Notes that a layer is being used. */
  async use(entry: LayerCacheEntry, usedAt: number): Promise<void> {
    if (this.#uses.size >= maxUses) this.#uses.clear();
    this.#uses.set(keyOf(entry), usedAt);
    if (usedAt - entry.usedAt >= usedStepMs) await this.#change(entry, () => formatEntry({ ...entry, usedAt }));
  }

  async all(): Promise<readonly LayerCacheEntry[]> {
    const place = await this.#place();
    const entries = (await place.list(namespace)).map(async (key) => {
      const value = await place.get(namespace, key);
      const [diffID = '', recipe = ''] = key.split(/ (.*)/s);
      return isDigest(diffID) ? readEntry(value, { diffID, recipe }) : undefined;
    });
    const known = (await Promise.all(entries)).filter((entry) => entry !== undefined);
    return known.map((entry) => this.#withUse(entry));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opening)?.[Symbol.asyncDispose]();
  }

  #withUse(entry: LayerCacheEntry): LayerCacheEntry {
    const usedAt = this.#uses.get(keyOf(entry)) ?? 0;
    return usedAt > entry.usedAt ? { ...entry, usedAt } : entry;
  }

  async #change(entry: LayerCacheEntry, change: ValueChange): Promise<void> {
    const place = await this.#place();
    const ifSame: ValueChange = (value) => {
      const now = readEntry(value, entry);
      return now?.digest === entry.digest && now.size === entry.size ? change(value) : value;
    };
    await this.#written(place.update(namespace, keyOf(entry), ifSame));
  }

  async #written(writing: Promise<void>): Promise<void> {
    if (this.#options.mayWait) writing.catch(this.#options.onFailure);
    else await writing;
  }

  async #place(): Promise<RecordPlace> {
    this.#opening ??= this.#options.open();
    return await this.#opening;
  }
}

/** Records that end with the process. */
export function recordsInMemory(): RecordPlace {
  const values = new Map<string, Uint8Array>();
  const put = (key: string, value: Uint8Array | undefined): void => {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  };
  return {
    get: async (_, key) => values.get(key),
    set: async (_, key, value) => put(key, value),
    update: async (_, key, change) => put(key, change(values.get(key))),
    list: async () => [...values.keys()],
    flush: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

function keyOf({ diffID, recipe }: Pick<LayerCacheEntry, 'diffID' | 'recipe'>): string {
  return `${diffID} ${recipe}`;
}

function formatEntry({ digest, size, notes, usedAt }: LayerCacheEntry): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ digest, size, notes, usedAt }));
}

/** What is damaged, or was written by another program, is not known. */
function readEntry(
  bytes: Uint8Array | undefined,
  { diffID, recipe }: Pick<LayerCacheEntry, 'diffID' | 'recipe'>,
): LayerCacheEntry | undefined {
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== 'object' || value === null) return undefined;
    const { digest, size, notes, usedAt } = value as Readonly<Record<string, unknown>>;
    const isWhole = isDigest(digest) && isSize(size) && isSize(usedAt) && (notes === undefined || isNotes(notes));
    return isWhole ? { digest, size, diffID, recipe, notes, usedAt } : undefined;
  } catch {
    return undefined;
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isNotes(value: unknown): value is FormNotes {
  if (typeof value !== 'object' || value === null) return false;
  const { annotations, diffID } = value as Readonly<Record<string, unknown>>;
  if (typeof annotations !== 'object' || annotations === null) return false;
  const isText = Object.values(annotations).every((text) => typeof text === 'string');
  return isText && (diffID === undefined || isDigest(diffID));
}
