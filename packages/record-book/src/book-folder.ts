import { join } from 'node:path';
import type { FileLock } from '@slipway/file-lock';
import { BookFile } from './book-file.ts';
import { formatBook } from './book-format.ts';
import { type BookLimits, foldRecords } from './fold.ts';
import { Journal, newJournalHeader } from './journal.ts';
import { appendTo, clearDrafts, type FileState, readKept, replaceFile, stateOf } from './kept-file.ts';
import { formatLine, lineFeed } from './record-line.ts';

/** The journal of a small book: reading and looking through it takes a millisecond. */
const smallJournal = 128 * 1024;
/** A large book is written anew less often: its journal may be such a part of it. */
const journalShare = 32;
/** A book that cannot be written anew is no reason to forget anything before the journal is so many times too long. */
const patience = 8;

export interface BookFolderOptions extends BookLimits {
  /** How long what was read may count as what is there, in milliseconds. */
  readonly freshMs: number;
}

/** What is to be written. */
export interface GroupOfWrites {
  /** Called when all is known that others have written. Names the records whose values are needed. */
  begin(): ReadonlySet<string>;
  /** Records to write by name, given the values of those; undefined deletes one. */
  changes(values: ReadonlyMap<string, Uint8Array | undefined>): ReadonlyMap<string, Uint8Array | undefined>;
}

/**
 * The two files in a folder that hold all records: a sorted book, and a journal of what came after it. The journal is
 * appended to; when it has become long, both are made anew, the book first. A record is in the journal or the book at
 * every moment, and in both for a moment, so readers need no lock: they read the journal first.
 */
export class BookFolder implements AsyncDisposable {
  readonly #bookPath: string;
  readonly #journalPath: string;
  readonly #limits: BookLimits;
  readonly #freshMs: number;
  readonly #journal = new Journal();
  #book: BookFile | undefined;
  /** The journal's file when it was read last; 'unread' at first. */
  #state: FileState | undefined | 'unread' = 'unread';
  /** Looks and writes of this process, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  /** Looked at in this turn of the event loop. */
  #isFresh = false;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(folder: string, { freshMs, ...limits }: BookFolderOptions) {
    this.#bookPath = join(folder, 'book');
    this.#journalPath = join(folder, 'journal');
    this.#limits = limits;
    this.#freshMs = freshMs;
  }

  /** The value of a record, by the name that its line has. */
  async get(name: string): Promise<Uint8Array | undefined> {
    await this.#look();
    return await this.#valueOf(name);
  }

  /** Names of all records in a namespace. */
  async namesIn(namespace: string): Promise<ReadonlySet<string>> {
    await this.#look();
    const start = `${namespace} `;
    const names = new Set(await this.#inBook(async (book) => await book.namesFrom(start)));
    for (const { name, value } of this.#journal.records.values()) {
      if (value === undefined) names.delete(name);
      else if (name.startsWith(start)) names.add(name);
    }
    return names;
  }

  /**
   * Looks, asks what is to be written, and writes it, in one go.
   *
   * @param lock held by the caller: nobody else writes meanwhile
   */
  async write(lock: FileLock, group: GroupOfWrites): Promise<void> {
    await this.#inTurn(async () => {
      await this.#readChanged();
      const needed = Array.from(group.begin(), async (name) => [name, await this.#valueOf(name)] as const);
      const changes = group.changes(new Map(await Promise.all(needed)));
      if (changes.size === 0) return;
      const timeMs = Date.now();
      await this.#add(Buffer.concat(Array.from(changes, ([name, value]) => formatLine(name, value, timeMs))), lock);
      // The next question reads the journal again. At the end of a program there is none.
      this.#isFresh = false;
      this.#freshUntil = Number.NEGATIVE_INFINITY;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => {
      const book = this.#book;
      this.#book = undefined;
      await book?.[Symbol.asyncDispose]();
    });
  }

  async #valueOf(name: string): Promise<Uint8Array | undefined> {
    const value = this.#journal.records.has(name) ? undefined : await this.#inBook((book) => book.get(name));
    const newer = this.#journal.records.get(name); // it may have come while the book was read
    return newer === undefined ? value : newer.value;
  }

  /** Asks the book; once more when another one has taken its place meanwhile. */
  async #inBook<T>(question: (book: BookFile) => Promise<T>): Promise<T | undefined> {
    for (;;) {
      const book = this.#book;
      if (book === undefined) return undefined;
      const isOld = (): boolean => book !== this.#book;
      const answer = await question(book).catch((error: unknown) => {
        if (!isOld()) throw error;
        return undefined;
      });
      if (!isOld()) return answer;
    }
  }

  /** Sees what other processes have written. Questions that come at the same time cost one look. */
  async #look(): Promise<void> {
    if (this.#isFresh || performance.now() < this.#freshUntil) return;
    this.#nextLook ??= this.#inTurn(async () => {
      this.#nextLook = undefined; // who asks from now on may want what is written from now on
      if (performance.now() < this.#freshUntil) return;
      await this.#readChanged();
      this.#isFresh = true;
      this.#freshUntil = performance.now() + this.#freshMs;
      // What is asked in the same turn of the event loop cannot know of anything newer.
      setImmediate(() => {
        this.#isFresh = false;
      });
    });
    await this.#nextLook;
  }

  async #add(records: Buffer, lock: FileLock): Promise<void> {
    const confirm = (): Promise<void> => lock.assertHeld();
    const startJournal = (): Promise<void> =>
      replaceFile(this.#journalPath, [newJournalHeader(), records], { isDurable: false, confirm });
    if (!this.#journal.exists) return await startJournal();
    const size = typeof this.#state === 'object' ? this.#state.size : 0;
    const limit = Math.max(smallJournal, (this.#book?.size ?? 0) / journalShare);
    if (size > limit) {
      try {
        await clearDrafts(this.#bookPath);
        await clearDrafts(this.#journalPath);
        const lines = (await this.#book?.lines()) ?? [];
        const book = formatBook(foldRecords(lines, this.#journal.records, this.#limits));
        await replaceFile(this.#bookPath, book, { isDurable: true, confirm });
        return await startJournal();
      } catch (error) {
        if (lock.signal.aborted || size > limit * patience) throw error;
      }
    }
    await appendTo(
      this.#journalPath,
      this.#journal.endsInLine ? Buffer.concat([Buffer.of(lineFeed), records]) : records,
    );
  }

  /** A journal that is another one, or was cut short, has another book. */
  async #readChanged(): Promise<void> {
    const state = await stateOf(this.#journalPath);
    if (this.#state !== 'unread' && isSame(state, this.#state)) return;
    const isFirst = this.#state === 'unread';
    this.#state = 'unread'; // what fails half way is read anew
    const file = state && (await readKept(this.#journalPath));
    const isAnother = this.#journal.read(file?.bytes);
    if (isAnother || isFirst) await this.#openBook();
    this.#state = file && { ino: file.ino, size: file.size, mtimeMs: file.mtimeMs };
  }

  async #openBook(): Promise<void> {
    const old = this.#book;
    this.#book = await BookFile.open(this.#bookPath);
    await old?.[Symbol.asyncDispose]();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // whoever asked hears of it
    return await turn;
  }
}

function isSame(a: FileState | undefined, b: FileState | undefined): boolean {
  return a?.ino === b?.ino && a?.size === b?.size && a?.mtimeMs === b?.mtimeMs;
}
