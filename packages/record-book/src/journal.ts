import { randomBytes } from 'node:crypto';
import { lineFeed, parseLine, type RecordLine } from './record-line.ts';

const headerStart = 'slipway journal 1 ';
const headerLength = headerStart.length + 16 + 1;

/** What a new journal begins with: no two begin alike. */
export function newJournalHeader(): Buffer {
  return Buffer.from(`${headerStart}${randomBytes(8).toString('hex')}\n`);
}

/**
 * The records of a journal, newest of each name. It grows with its file: only what is new is read. Lines that are
 * damaged are passed over, and what is behind the last line feed is waited for: a writer was killed there, or is about
 * to go on.
 */
export class Journal {
  readonly records: Map<string, RecordLine> = new Map();
  #header: string | undefined;
  #end = 0;
  #endsInLine = false;

  /** Whether there is a file of ours. */
  get exists(): boolean {
    return this.#header !== undefined;
  }

  /** Whether the last line has no end: whoever writes next has to begin a new one. */
  get endsInLine(): boolean {
    return this.#endsInLine;
  }

  /**
   * Takes the file as it is now.
   *
   * @param bytes undefined when there is none
   * @returns whether it is another journal than before, so that the book is another one as well
   */
  read(bytes: Buffer | undefined): boolean {
    const header = headerOf(bytes);
    const isAnother = header !== this.#header || (bytes?.length ?? 0) < this.#end;
    if (isAnother) {
      this.records.clear();
      this.#header = header;
      this.#end = header === undefined ? 0 : headerLength;
    }
    if (bytes !== undefined && header !== undefined) this.#readFrom(bytes);
    return isAnother;
  }

  #readFrom(bytes: Buffer): void {
    const end = bytes.lastIndexOf(lineFeed) + 1;
    const tail = Buffer.from(bytes.subarray(this.#end, end)); // a copy: the records keep no more than their own journal
    for (let start = 0; start < tail.length; ) {
      const lineEnd = tail.indexOf(lineFeed, start);
      const line = parseLine(tail.subarray(start, lineEnd));
      if (line !== undefined) this.records.set(line.name, { ...line, bytes: tail.subarray(start, lineEnd + 1) });
      start = lineEnd + 1;
    }
    this.#end = Math.max(end, this.#end);
    this.#endsInLine = end < bytes.length;
  }
}

function headerOf(bytes: Buffer | undefined): string | undefined {
  const header = bytes?.toString('latin1', 0, headerLength);
  return header?.startsWith(headerStart) && header.endsWith('\n') && header.length === headerLength
    ? header
    : undefined;
}
