import { crc32 } from 'node:zlib';
import { formatLine, lineFeed, nameIn } from './record-line.ts';

/**
 * A book is a file in four parts: what it is; lines in order of their names, by pages; an index, which has a line for
 * each page: the name of its first record, and where it begins; and where the index begins.
 */
const header = Buffer.from('slipway book 1\n');

/** As long in every book. */
export const footerLength = 32;

/** Finding a record takes reading a page; the index has a line for each. */
const pageSize = 8 * 1024;

/** The bytes of a book of these lines, each with its line feed, in order. */
export function formatBook(lines: readonly Buffer[]): readonly Buffer[] {
  const index: Buffer[] = [];
  let end = header.length;
  let pageEnd = 0;
  for (const line of lines) {
    if (end >= pageEnd) {
      index.push(formatLine(nameIn(line.subarray(0, -1)), Buffer.from(String(end)), 0));
      pageEnd = end + pageSize;
    }
    end += line.length;
  }
  return [header, ...lines, ...index, formatFooter(end)];
}

/** Where the index begins, and so the lines end, by the last bytes of a book; undefined when they are damaged. */
export function indexStart(footer: Buffer): number | undefined {
  const start = Number(/^index at +(\d+)/.exec(footer.toString('latin1'))?.[1]);
  return Number.isSafeInteger(start) && footer.equals(formatFooter(start)) ? start : undefined;
}

/** All lines of a book, each with its line feed; of one whose footer is damaged, those of its index too. */
export function* linesOf(bytes: Buffer): Generator<Buffer, void, void> {
  const isBook = bytes.subarray(0, header.length).equals(header);
  const end = indexStart(bytes.subarray(Math.max(0, bytes.length - footerLength))) ?? bytes.length;
  for (let start = isBook ? header.length : end; start < end; ) {
    const next = bytes.indexOf(lineFeed, start) + 1;
    if (next === 0 || next > end) return;
    yield bytes.subarray(start, next);
    start = next;
  }
}

function formatFooter(start: number): Buffer {
  const text = `index at ${String(start).padStart(13)} `;
  return Buffer.from(`${text}${crc32(text).toString(16).padStart(8, '0')}\n`.padStart(footerLength));
}
