import type { AbortOptions } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import { type Following, Moved } from '../form-bytes.ts';

const nothing = new Uint8Array(0);

/** Bytes that are copied for a reader whom the maker does not wait for. */
const mostKept = 3 * 1024 * 1024;

/**
 * Hands bytes from whoever makes them to one reader, who takes them in order from the first to the last: without a
 * copy, as the maker waits until each piece is used up. Where somebody needs more than the reader has taken, the maker
 * is hurried, and waits no more: some bytes are copied for the reader, who has to read elsewhere when it falls further
 * behind.
 */
export class Handover implements Following {
  #position = 0;
  /** What is left of the piece that the maker waits for. */
  #piece: Uint8Array = nothing;
  #usedUp: (() => void) | undefined;
  /** What comes after it, copied. */
  readonly #kept: Uint8Array[] = [];
  #keptSize = 0;
  /** Whether the reader works on bytes of the piece. */
  #isOut = false;
  #isTaken = false;
  #isHurried = false;
  #hasLeft = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  /** Bytes that the reader has taken. */
  get position(): number {
    return this.#position;
  }

  /** For the one reader; undefined where there was one, or bytes have gone by. */
  take(): Following | undefined {
    if (this.#isTaken || this.#hasLeft) return undefined;
    this.#isTaken = true;
    return this;
  }

  /** Hands a piece over. It may be written over once that is done. */
  async give(piece: Uint8Array): Promise<void> {
    if (this.#hasLeft) return;
    if (this.#isHurried) {
      this.#keep(piece);
      return;
    }
    this.#piece = piece;
    await new Promise<void>((resolve) => {
      this.#usedUp = resolve;
      this.#wake();
    });
  }

  /** The maker waits no longer than for what the reader works on now. */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    if (!this.#isOut) this.#keepRest();
  }

  /** There is no more. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** There will be no more, and that is not all. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.leave();
  }

  async next({ signal }: AbortOptions = {}): Promise<Uint8Array | undefined> {
    this.#isOut = false;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#piece.byteLength > 0) {
        this.#isOut = true;
        return this.#piece;
      }
      this.#release();
      if (this.#kept[0] !== undefined) return this.#kept[0];
      if (this.#hasEnded) return undefined;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await abortable(woken, signal);
    }
  }

  advance(bytes: number): void {
    this.#position += bytes;
    if (this.#piece.byteLength > 0) {
      this.#piece = this.#piece.subarray(bytes);
      return;
    }
    const rest = (this.#kept.shift() ?? nothing).subarray(bytes);
    this.#keptSize -= bytes;
    if (rest.byteLength > 0) this.#kept.unshift(rest);
  }

  pause(): void {
    this.#isOut = false;
    if (this.#isHurried) this.#keepRest();
    else if (this.#piece.byteLength === 0) this.#release();
  }

  leave(): void {
    this.#hasLeft = true;
    this.#kept.length = 0;
    this.#isOut = false;
    this.#release();
    this.#wake();
  }

  #keepRest(): void {
    const rest = this.#piece;
    this.#piece = nothing;
    this.#keep(rest);
    this.#release();
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#keptSize += bytes.byteLength;
    if (this.#keptSize > mostKept) {
      this.fail(new Moved('the reader has fallen behind'));
      return;
    }
    this.#kept.push(new Uint8Array(bytes));
    this.#wake();
  }

  /** The maker may write over the piece. */
  #release(): void {
    this.#piece = nothing;
    this.#usedUp?.();
    this.#usedUp = undefined;
  }
}
