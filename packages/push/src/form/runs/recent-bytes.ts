import type { AbortOptions } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import { FellBehind, type Following } from '../form-bytes.ts';
import type { RunningHash } from '../running-hash.ts';
import type { LentPiece } from './lent-pieces.ts';
import type { RecentMemory } from './recent-memory.ts';

/**
 * The bytes of a layer that were made last, in the memory in which they were made, for readers who keep pace with the
 * making: these bytes are not read back, and not hashed again. Nobody waits for a reader. One that falls behind further
 * than there is memory has to read elsewhere; once it has caught up it goes on here, if what it has read is what was
 * made.
 */
export class RecentBytes {
  /** Of all that was made. */
  readonly #hash: RunningHash;
  readonly #memory: RecentMemory;
  readonly #followers = new Set<Follower>();
  /** Used by whoever makes it until the next one comes, and there for readers who catch up. */
  #last: Piece | undefined;
  #end = 0;
  /** Bytes that only readers use any more. */
  #held = 0;
  /** What all bytes before the last piece hash to, and those up to its end; known from when somebody catches up. */
  #digestBefore: string | undefined;
  #digest: string | undefined;
  #isCaughtUpWith = false;
  #outcome: Outcome;

  constructor(hash: RunningHash, memory: RecentMemory) {
    this.#hash = hash;
    this.#memory = memory;
  }

  /** Takes the next piece, which `hash` has seen. Its maker is done with the one before. */
  add(lent: LentPiece): void {
    const before = this.#last;
    const piece = new Piece(lent, this.#end);
    this.#last = piece;
    this.#end += lent.bytes.byteLength;
    this.#digestBefore = this.#digest;
    if (this.#isCaughtUpWith) this.#digest = this.#hash.digest();
    if (before !== undefined) before.next = piece;
    for (const follower of this.#followers) follower.add(piece);
    if (before !== undefined) this.#retire(before);
  }

  /** There is no more. */
  end(): void {
    this.#settle({ kind: 'complete' });
  }

  /** There will be no more, and that is not all. */
  fail(error: unknown): void {
    this.#settle({ kind: 'failed', error });
  }

  /**
   * For a reader who has read what `read` has seen, or nothing. Undefined where what comes next is not here, or what it
   * has read is not what was made.
   */
  follow(read?: RunningHash | undefined): Following | undefined {
    const position = read?.position ?? 0;
    const isAtEnd = position === this.#end;
    if (this.#outcome !== undefined || !(isAtEnd || position === this.#last?.start)) return undefined;
    if (read !== undefined && position > 0) {
      this.#isCaughtUpWith = true;
      if (read.digest() !== (isAtEnd ? this.#digest : this.#digestBefore)) return undefined;
    }
    const follower = new Follower(position, {
      outcome: () => this.#outcome,
      hashAt: (at) => this.#hash.fork(at),
      left: () => this.#followers.delete(follower),
    });
    this.#followers.add(follower);
    if (!isAtEnd && this.#last !== undefined) follower.add(this.#last);
    return follower;
  }

  /** Readers keep a piece that its maker is done with as long as there is memory for it. */
  #retire(piece: Piece): void {
    const size = piece.bytes.byteLength;
    if (piece.isOfReaders && this.#memory.take(size, this.#held)) {
      this.#held += size;
      piece.onFree = () => {
        this.#held -= size;
        this.#memory.giveBack(size);
      };
    } else if (piece.isOfReaders) {
      for (const follower of this.#followers) follower.fallBehind(piece);
    }
    piece.leave();
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    const last = this.#last;
    this.#last = undefined;
    if (last !== undefined) this.#retire(last);
    for (const follower of this.#followers) follower.wake();
  }
}

type Outcome = { readonly kind: 'complete' } | { readonly kind: 'failed'; readonly error: unknown } | undefined;

/** A piece of what was made, and the one after it. */
class Piece {
  readonly bytes: Uint8Array;
  readonly start: number;
  next: Piece | undefined;
  onFree: () => void = () => {};
  readonly #giveBack: () => void;
  /** Whoever has made it is the first. */
  #users = 1;

  constructor({ bytes, giveBack }: LentPiece, start: number) {
    this.bytes = bytes;
    this.start = start;
    this.#giveBack = giveBack;
  }

  /** Whether anybody but its maker uses it. */
  get isOfReaders(): boolean {
    return this.#users > 1;
  }

  use(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#giveBack();
    this.onFree();
  }
}

interface FollowerOptions {
  readonly outcome: () => Outcome;
  readonly hashAt: (position: number) => RunningHash;
  readonly left: () => void;
}

/** A reader who goes from piece to piece. It uses all from the one that it has in hand to the last. */
class Follower implements Following {
  readonly #options: FollowerOptions;
  #position: number;
  #inHand: Piece | undefined;
  /** What it has not taken of it. */
  #rest: Uint8Array = nothing;
  #next: Piece | undefined;
  #isBehind = false;
  #hasLeft = false;
  #wake: () => void = () => {};

  constructor(position: number, options: FollowerOptions) {
    this.#position = position;
    this.#options = options;
  }

  get position(): number {
    return this.#position;
  }

  hash(): RunningHash {
    return this.#options.hashAt(this.#position);
  }

  async next({ signal }: AbortOptions): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#rest.byteLength > 0) return this.#rest;
      this.#putDown();
      const outcome = this.#options.outcome();
      if (outcome?.kind === 'failed') throw outcome.error;
      if (this.#isBehind) throw new FellBehind('the reader has fallen behind');
      if (this.#next !== undefined) {
        this.#inHand = this.#next;
        this.#rest = this.#next.bytes;
        this.#next = this.#next.next;
        continue;
      }
      if (outcome?.kind === 'complete') return undefined;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await abortable(woken, signal);
    }
  }

  advance(bytes: number): void {
    this.#position += bytes;
    this.#rest = this.#rest.subarray(bytes);
  }

  pause(): void {
    if (this.#rest.byteLength === 0) this.#putDown();
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#rest = nothing;
    this.#putDown();
    this.#drop();
    this.wake();
  }

  add(piece: Piece): void {
    piece.use();
    this.#next ??= piece;
    this.wake();
  }

  /** Has no part any more in what comes, if it has not come to `piece` yet. */
  fallBehind(piece: Piece): void {
    if (this.#next === undefined || this.#next.start > piece.start) return;
    this.#isBehind = true;
    this.#drop();
    this.wake();
  }

  wake(): void {
    this.#wake();
  }

  #putDown(): void {
    this.#inHand?.leave();
    this.#inHand = undefined;
  }

  #drop(): void {
    for (let piece = this.#next; piece !== undefined; piece = piece.next) piece.leave();
    this.#next = undefined;
    this.#options.left();
  }
}

const nothing = new Uint8Array(0);
