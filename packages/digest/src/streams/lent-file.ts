/**
 * A file of this process, lent to threads that read it by themselves. Its lender keeps it open until it is disposed.
 */
export interface LentFile extends Disposable {
  readonly fd: number;
  /** Where the content begins in it. */
  readonly start: number;
  /** That of `node:fs`: how the calling thread reads, where no other one starts. */
  readonly readSync: (fd: number, target: Uint8Array, offset: number, length: number, position: number) => number;
  /**
   * To be asked before the first byte is read and after the last.
   * @throws when the file is not what it was when it was opened
   */
  assertUnchanged(): Promise<void>;
  /** Hears of bytes of the content that a thread has read. */
  onRead(offset: number, size: number): void;
  /**
   * A failure to read, in the lender's own words. `cause` is the system's error, and undefined where the file ended
   * early.
   */
  readFailure(cause: unknown): Error;
}
