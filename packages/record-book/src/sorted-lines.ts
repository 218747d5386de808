import { lineFeed, nameOffset } from './record-line.ts';

/** Lines of records that are ordered by name, each name once. Nothing is parsed: bytes are compared. */
export class SortedLines {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The line of a record, without its line feed. @param name as the line has it */
  find(name: string): Buffer | undefined {
    const key = Buffer.from(`${name}\t`);
    const start = this.#firstFrom(key);
    return start < this.#bytes.length && this.#compare(key, start) === 0 ? this.#lineAt(start) : undefined;
  }

  /** The line of that name, or else the last one before it, or else the first; undefined where there is no line. */
  findLastUpTo(name: string): Buffer | undefined {
    const key = Buffer.from(`${name}\t`);
    const start = this.#firstFrom(key);
    const isExact = start < this.#bytes.length && this.#compare(key, start) === 0;
    const at = isExact || start === 0 ? start : this.#startOf(start - 1);
    return at < this.#bytes.length ? this.#lineAt(at) : undefined;
  }

  /** Lines from the first whose name begins so, or would follow one that does; without their line feeds. */
  *from(nameStart: string): Generator<Buffer, void, void> {
    for (let at = this.#firstFrom(Buffer.from(nameStart)); at < this.#bytes.length; at = this.#endOf(at) + 1) {
      yield this.#lineAt(at);
    }
  }

  /** Where the first line begins that does not come before these bytes. */
  #firstFrom(name: Buffer): number {
    let low = 0;
    let high = this.#bytes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = this.#startOf(middle);
      if (this.#compare(name, start) > 0) low = this.#endOf(middle) + 1;
      else high = start;
    }
    return Math.min(low, this.#bytes.length);
  }

  /** Compares bytes with as many of a line's name. */
  #compare(name: Buffer, start: number): number {
    const end = this.#endOf(start);
    const from = Math.min(start + nameOffset, end);
    return name.compare(this.#bytes, from, Math.min(from + name.length, end));
  }

  #lineAt(start: number): Buffer {
    return this.#bytes.subarray(start, this.#endOf(start));
  }

  #startOf(at: number): number {
    return at === 0 ? 0 : this.#bytes.lastIndexOf(lineFeed, at - 1) + 1;
  }

  #endOf(at: number): number {
    const end = this.#bytes.indexOf(lineFeed, at);
    return end < 0 ? this.#bytes.length : end;
  }
}
