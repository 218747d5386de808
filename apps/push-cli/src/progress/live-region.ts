import { stripVTControlCharacters } from 'node:util';
import type { OutputStream } from '../command-context.ts';
import { displayWidth } from '../terminal/display-width.ts';

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const beginUpdate = '\u001b[?2026h';
const endUpdate = '\u001b[?2026l';

/** The last lines of a terminal, which are drawn over and over; everything else is printed above them. */
export class LiveRegion implements Disposable {
  readonly #stream: OutputStream;
  #drawn: readonly string[] = [];
  #open = true;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    stream.write(hideCursor);
  }

  /** Replaces the region's lines. None of them may be wider than the window. */
  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    const body = lines.map((line) => `${line}\u001b[K\n`).join('');
    this.#stream.write(`${beginUpdate}${this.#home()}${body}\u001b[J${endUpdate}`);
    this.#drawn = lines;
  }

  /** Prints a line that stays, above the region. */
  print(line: string): void {
    const lines = this.#drawn;
    this.#stream.write(`${this.#home()}\u001b[J${line}\n`);
    this.#drawn = [];
    if (lines.length > 0) this.draw(lines);
  }

  /** Leaves the last lines standing and gives the cursor back. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.write(showCursor);
  }

  /**
   * Moves to the region's first line. A window that became narrower has wrapped the lines: each then counts for more.
   */
  #home(): string {
    const columns = Math.max(1, this.#stream.columns ?? 80);
    let rows = 0;
    for (const line of this.#drawn)
      rows += Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns));
    return rows === 0 ? '\r' : `\r\u001b[${rows}A`;
  }
}
