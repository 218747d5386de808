import type { ValueChange } from './record-book.ts';

interface WaitingWrite {
  readonly name: string;
  readonly change: ValueChange;
  /** Whether the change depends on what is there. */
  readonly needsValue: boolean;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Writes that are not on the disk yet. They are written in groups; until then whoever asks in this process sees what
 * they will make of a record.
 */
export class WaitingWrites {
  /** Those of the next group. */
  #waiting: WaitingWrite[] = [];
  /** Those of the group that is being written; older than those that wait. */
  #begun: readonly WaitingWrite[] = [];
  readonly #names = new Map<string, number>();

  /** Whether there is anything for a next group. */
  get areWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves once it is written. */
  async add(name: string, change: ValueChange, { needsValue }: { readonly needsValue: boolean }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ name, change, needsValue, resolve, reject });
      this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    });
  }

  /** What becomes of a value when all that wait for it are written. */
  applied(name: string, value: Uint8Array | undefined): Uint8Array | undefined {
    if (!this.#names.has(name)) return value;
    const own = [...this.#begun, ...this.#waiting].filter((write) => write.name === name);
    return own.reduce((before, { change }) => change(before), value);
  }

  /** Names in a namespace that something waits for. */
  namesIn(namespace: string): readonly string[] {
    return [...this.#names.keys()].filter((name) => name.startsWith(`${namespace} `));
  }

  /** Begins a group of all that wait, and names the records whose values it depends on. */
  begin(): ReadonlySet<string> {
    this.#begun = this.#waiting;
    this.#waiting = [];
    return new Set(this.#begun.filter(({ needsValue }) => needsValue).map(({ name }) => name));
  }

  /**
   * The records that the group changes.
   *
   * @param values what those that `begin` named hold on the disk
   */
  changes(values: ReadonlyMap<string, Uint8Array | undefined>): ReadonlyMap<string, Uint8Array | undefined> {
    const after = new Map<string, Uint8Array | undefined>();
    for (const { name, change } of this.#begun)
      after.set(name, change(after.has(name) ? after.get(name) : values.get(name)));
    for (const [name, value] of after) if (values.has(name) && values.get(name) === value) after.delete(name);
    return after;
  }

  /** The group is written. */
  finish(): void {
    for (const { resolve } of this.#end(this.#begun)) resolve();
  }

  /** The group cannot be written; where none could be begun, nothing that waits can. */
  fail(error: unknown): void {
    const failed = this.#begun.length > 0 ? this.#begun : this.#waiting.splice(0);
    for (const { reject } of this.#end(failed)) reject(error);
  }

  #end(writes: readonly WaitingWrite[]): readonly WaitingWrite[] {
    this.#begun = [];
    for (const { name } of writes) {
      const left = (this.#names.get(name) ?? 1) - 1;
      if (left === 0) this.#names.delete(name);
      else this.#names.set(name, left);
    }
    return writes;
  }
}
