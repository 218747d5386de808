import type { FileHandle } from 'node:fs/promises';
import { footerLength, indexStart, linesOf } from './book-format.ts';
import { openKept, readAt } from './kept-file.ts';
import { nameIn, parseLine } from './record-line.ts';
import { SortedLines } from './sorted-lines.ts';

/** Read when a book is opened: all of a small one, and the index of a larger one, mostly. */
const tailSize = 64 * 1024;

/** Pages that are kept in memory, at most. */
const maxPages = 256;

interface BookParts {
  /** Open, unless all of it was read. */
  readonly file: FileHandle | undefined;
  /** Its last bytes, the index at least. */
  readonly read: Buffer;
  /** Where the index begins. */
  readonly end: number;
  readonly size: number;
}

/**
 * A book that is open. Of a large one only the index is read, and pages when a record of them is asked for; nothing is
 * parsed but what is found. Its file never changes: a newer book is another file.
 */
export class BookFile implements AsyncDisposable {
  readonly #parts: BookParts;
  readonly #index: SortedLines;
  readonly #pages = new Map<number, Promise<SortedLines>>();

  /** @returns undefined when there is no file that could be a book */
  static async open(path: string): Promise<BookFile | undefined> {
    const opened = await openKept(path);
    if (opened === undefined) return undefined;
    const { file, size } = opened;
    try {
      const tail = await readAt(file, Math.max(0, size - tailSize), tailSize);
      const end = indexStart(tail.subarray(Math.max(0, tail.length - footerLength))) ?? size;
      const isRead = end >= size - tail.length;
      const read = isRead ? tail : await readAt(file, end, size - end);
      const isWhole = read.length === size;
      if (isWhole) await file.close();
      return new BookFile({ file: isWhole ? undefined : file, read, end, size });
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  private constructor(parts: BookParts) {
    this.#parts = parts;
    const { read, end, size } = parts;
    this.#index = new SortedLines(read.subarray(end - (size - read.length), Math.max(0, read.length - footerLength)));
  }

  /** In bytes. */
  get size(): number {
    return this.#parts.size;
  }

  /** The value of a record, by the name that its line has. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const [entry, next] = this.#pagesFrom(name);
    const line = entry && (await this.#pageAt(entry, next)).find(name);
    return line && parseLine(line)?.value;
  }

  /** Names of all records that begin so. */
  async namesFrom(start: string): Promise<readonly string[]> {
    const names: string[] = [];
    const entries = [...this.#pagesFrom(`${start}\0`)];
    for (const [at, entry] of entries.entries()) {
      for (const line of (await this.#pageAt(entry, entries[at + 1])).from(start)) {
        const name = nameIn(line);
        if (!name.startsWith(start)) return names;
        if (parseLine(line) !== undefined) names.push(name);
      }
    }
    return names;
  }

  /** All lines, in order, each with its line feed. Reads the whole file. */
  async lines(): Promise<Iterable<Buffer>> {
    return linesOf(await this.#read(0, this.size));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.file?.close(); // waits for what is being read
  }

  /** Lines of the index from the page in which a name would lie. */
  *#pagesFrom(name: string): Generator<Buffer, void, void> {
    const first = this.#index.findLastUpTo(name);
    if (first !== undefined) yield* this.#index.from(`${nameIn(first)}\t`);
  }

  async #pageAt(entry: Buffer, next: Buffer | undefined): Promise<SortedLines> {
    const start = offsetIn(entry);
    const known = this.#pages.get(start);
    if (known !== undefined) return await known;
    const end = next === undefined ? this.#parts.end : offsetIn(next);
    const page = this.#read(start, Math.max(0, end - start)).then((bytes) => new SortedLines(bytes));
    if (this.#pages.size >= maxPages) this.#pages.clear();
    this.#pages.set(start, page);
    page.catch(() => this.#pages.delete(start));
    return await page;
  }

  async #read(start: number, length: number): Promise<Buffer> {
    const { file, read, size } = this.#parts;
    const at = start - (size - read.length);
    if (at >= 0) return read.subarray(at, at + length);
    if (file === undefined) throw new Error('unreachable: a book that is closed was read as a whole');
    return await readAt(file, start, length);
  }
}

/** Where the page of a line of the index begins; a damaged line has a page without records. */
function offsetIn(entry: Buffer): number {
  const text = parseLine(entry)?.value;
  return text === undefined ? 0 : Number(new TextDecoder().decode(text));
}
