import {
  type AbortOptions,
  abortable,
  algorithmOf,
  type ByteStream,
  ContentMismatchError,
  type ReuseOptions,
} from '@slipway/digest';
import type { AvailableOptions, BlobIdentity, FormReader, ReadPartOptions } from './form.ts';
import { FellBehind, type Following, type FormBytes, Moved, type ReadableForm } from './form-bytes.ts';
import { BeyondEnd, type FormFailure } from './form-failure.ts';
import { RunningHash } from './running-hash.ts';

const nothing = new Uint8Array(0);

/** Begins to read a form for one upload. `markSpacing`: see {@link RunningHash}. */
export function openFormReader(form: ReadableForm, markSpacing?: number): FormReader {
  return new CursorReader(form, markSpacing);
}

/**
 * One cursor over the bytes of a form: a running hash of what was handed out, in order. An opening that goes on from
 * the cursor reads on; one beyond it first reads what lies between; one before it takes the hash back to there, as what
 * is read again need not be what was read before.
 *
 * Where the bytes can be followed while they are made, whoever makes them hashes them. A reader that cannot follow any
 * further hashes for itself: from there on, where whoever makes them says what the hash was, else from the first byte.
 * It goes on following once it has caught up.
 */
class CursorReader implements FormReader {
  readonly #form: ReadableForm;
  readonly #markSpacing: number | undefined;
  #bytes: FormBytes | undefined;
  #hash: RunningHash | undefined;
  /** In the place of the hash. */
  #following: Following | undefined;
  /** What all bytes are, once they were read up to the end, and proven. */
  #proven: BlobIdentity | undefined;
  #failure: FormFailure | undefined;
  /** Set when bytes that were handed out may be wrong: only a reading from byte 0 makes up for that. */
  #spoilt: FormFailure | undefined;
  /** Counts openings. What an earlier one reads is not taken any more. */
  #turn = 0;
  #isDisposed = false;

  constructor(form: ReadableForm, markSpacing: number | undefined) {
    this.#form = form;
    this.#markSpacing = markSpacing;
  }

  get failure(): FormFailure | undefined {
    return this.#failure;
  }

  async available(atLeast: number, { beyond, signal }: AvailableOptions = {}): Promise<number | undefined> {
    const turn = this.#turn;
    for (;;) {
      let bytes: FormBytes | undefined;
      try {
        bytes = await this.#hold(signal);
        return await bytes.available(atLeast, { beyond, signal });
      } catch (error) {
        await this.#recover(error, bytes, turn, signal);
      }
    }
  }

  async reach(position: number, { signal }: AbortOptions = {}): Promise<void> {
    assertCount('position', position);
    signal?.throwIfAborted();
    if (position === 0) return; // whoever begins anew has nothing before it
    await this.#catchUp(position, this.#begin(position), { signal });
  }

  async *open({
    from = 0,
    length = Number.POSITIVE_INFINITY,
    signal,
    reuse,
  }: ReadPartOptions = {}): ByteStream & AsyncGenerator<Uint8Array, void, void> {
    assertCount('from', from);
    if (length !== Number.POSITIVE_INFINITY) assertCount('length', length);
    signal?.throwIfAborted();
    if (length === 0) return;
    if (from === 0) this.#spoilt = undefined;
    const turn = this.#begin(from);
    await this.#catchUp(from, turn, { signal });
    yield* this.#forward(turn, from + length, { signal, reuse });
  }

  async prove({ signal }: AbortOptions = {}): Promise<BlobIdentity> {
    signal?.throwIfAborted();
    if (this.#proven !== undefined) return this.#proven;
    const turn = this.#begin(this.#position);
    for await (const _ of this.#forward(turn, Number.POSITIVE_INFINITY, { signal, reuse: true }));
    if (this.#proven === undefined) throw new Error('unreachable: a blob that was read to its end is proven');
    return this.#proven;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#turn += 1;
    await this.#letGo();
  }

  /** Bytes that were read in order, and hashed. */
  get #position(): number {
    return this.#following?.position ?? this.#hash?.position ?? 0;
  }

  /** Ends the opening before, and takes the hash back to `from`, or as near before it as it can. */
  #begin(from: number): number {
    if (this.#isDisposed) throw new TypeError('Expected a reader that is in use, got a disposed one');
    this.#turn += 1;
    this.#failure = this.#spoilt;
    if (this.#spoilt !== undefined) throw this.#spoilt;
    if (from < this.#position) {
      this.#leave();
      this.#hash?.rewind(from);
      this.#proven = undefined;
    }
    return this.#turn;
  }

  /** Reads what lies between the cursor and `position`. */
  async #catchUp(position: number, turn: number, { signal }: AbortOptions): Promise<void> {
    if (position <= this.#position) return;
    await this.#form.rereading.pass(
      async () => {
        for await (const _ of this.#forward(turn, position, { signal, reuse: true }));
      },
      { signal },
    );
    if (this.#position === position) return;
    throw new BeyondEnd(position, this.#position);
  }

  /** Reads on from the cursor to `end`, or to the end of the blob. */
  async *#forward(turn: number, end: number, { signal, reuse }: ReuseOptions): AsyncGenerator<Uint8Array, void, void> {
    let reached = this.#position;
    while (reached < end && this.#proven === undefined) {
      let bytes: FormBytes | undefined;
      try {
        bytes = await this.#hold(signal);
        if (this.#following !== undefined) {
          for await (const piece of this.#follow(this.#following, bytes, turn, end, signal)) {
            const known = reached - (this.#position - piece.byteLength);
            reached = Math.max(reached, this.#position);
            if (known < piece.byteLength) yield piece.subarray(known);
          }
          return;
        }
        const options = { from: this.#position, signal, reuse };
        let hasCaughtUp = false;
        for await (const chunk of abortable(bytes.read(options), signal)) {
          this.#assertTurn(turn);
          const piece = chunk.subarray(0, end - this.#position);
          const known = reached - this.#position; // handed out before, by who was followed
          await this.#take(piece, bytes, turn, signal);
          reached = Math.max(reached, this.#position);
          if (known < piece.byteLength) yield piece.subarray(known);
          this.#assertTurn(turn);
          if (this.#position >= end || this.#proven !== undefined) return;
          hasCaughtUp = this.#position === reached && this.#catchesUp(bytes);
          if (hasCaughtUp) break;
        }
        if (hasCaughtUp) continue;
        this.#assertTurn(turn);
        await this.#take(nothing, bytes, turn, signal, true);
      } catch (error) {
        await this.#recover(error, bytes, turn, signal);
      }
    }
  }

  /** Hands on what is made, up to `end`. */
  async *#follow(
    following: Following,
    bytes: FormBytes,
    turn: number,
    end: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, void> {
    try {
      while (following.position < end) {
        const piece = await following.next({ signal });
        this.#assertTurn(turn);
        if (piece === undefined) {
          this.#proven = bytes.identity;
          return;
        }
        const part = piece.subarray(0, end - following.position);
        following.advance(part.byteLength);
        yield part;
        this.#assertTurn(turn);
      }
    } finally {
      if (turn === this.#turn) following.pause();
    }
  }

  /** Whether what comes next is made now: then whoever makes it hashes it. */
  #catchesUp(bytes: FormBytes): boolean {
    this.#following ??= bytes.follow?.(this.#hash);
    if (this.#following !== undefined) this.#hash = undefined;
    return this.#following !== undefined;
  }

  #leave(): void {
    this.#hash ??= this.#following?.hash?.();
    this.#following?.leave();
    this.#following = undefined;
  }

  /** Takes in the next bytes, and returns when they may be handed out: the last ones when all are proven. */
  async #take(
    piece: Uint8Array,
    bytes: FormBytes,
    turn: number,
    signal: AbortSignal | undefined,
    isEnd?: boolean,
  ): Promise<void> {
    const hash = this.#hash;
    if (hash === undefined) throw new Error('unreachable: what is held is hashed');
    const isLast = isEnd ?? (await endsAt(hash.position + piece.byteLength, bytes, signal));
    await this.#form.check?.feed(hash.position, piece, bytes.identity?.digest);
    const proven = isLast ? await this.#prove(hash, piece, bytes, signal) : undefined;
    this.#assertTurn(turn); // nothing of this counts for an opening that has ended meanwhile
    hash.update(piece);
    this.#proven = proven;
  }

  /** What all bytes are, with `piece` as the last of them. */
  async #prove(
    hash: RunningHash,
    piece: Uint8Array,
    bytes: FormBytes,
    signal: AbortSignal | undefined,
  ): Promise<BlobIdentity> {
    const actual = { digest: hash.digest(piece), size: hash.position + piece.byteLength };
    assertPromised(bytes.identity, bytes.size, actual);
    const read = (from: number): ByteStream => abortable(bytes.read({ from, signal, reuse: true }), signal);
    await this.#form.check?.conclude(actual, read, { signal });
    this.#form.adopt(actual);
    return actual;
  }

  /** Takes hold of the bytes, and of a way to prove them. */
  async #hold(signal: AbortSignal | undefined): Promise<FormBytes> {
    const bytes = await this.#held(signal);
    if (!this.#catchesUp(bytes)) {
      this.#hash ??= new RunningHash(bytes.identity && algorithmOf(bytes.identity.digest), this.#markSpacing);
    }
    return bytes;
  }

  async #held(signal: AbortSignal | undefined): Promise<FormBytes> {
    if (this.#bytes !== undefined) return this.#bytes;
    const bytes = await this.#form.take({ signal });
    if (this.#isDisposed || this.#bytes !== undefined) await bytes[Symbol.asyncDispose]();
    else this.#bytes = bytes;
    if (this.#bytes === undefined) throw new TypeError('Expected a reader that is in use, got a disposed one');
    return this.#bytes;
  }

  async #letGo(): Promise<void> {
    this.#leave();
    const bytes = this.#bytes;
    this.#bytes = undefined;
    await bytes?.[Symbol.asyncDispose]();
  }

  /** Returns when reading goes on elsewhere; throws what the failure comes to. */
  async #recover(
    error: unknown,
    bytes: FormBytes | undefined,
    turn: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    this.#assertTurn(turn);
    if (error instanceof FellBehind) return this.#leave();
    const position = this.#position;
    if (bytes === this.#bytes) await this.#letGo();
    if (error instanceof Moved) return;
    const failure = this.#form.blame(bytes, error);
    this.#failure = failure;
    if (failure.mustRestart) {
      if (position > 0) this.#spoilt = failure;
      this.#hash = undefined;
      this.#form.check?.reset();
    }
    throw failure;
  }

  #assertTurn(turn: number): void {
    if (turn !== this.#turn) throw new Error('The reading was ended by a later one');
  }
}

/** Whether a blob ends at `position`; waits for more of one that is being made. */
async function endsAt(position: number, bytes: FormBytes, signal: AbortSignal | undefined): Promise<boolean> {
  if (bytes.size === undefined) {
    const there = await bytes.available(position + 1, { signal });
    if (there === undefined ? bytes.size === undefined : there > position) return false;
  }
  return position >= (bytes.size ?? 0);
}

function assertPromised(promised: BlobIdentity | undefined, size: number | undefined, actual: BlobIdentity): void {
  const subject = `Reading ${promised?.digest ?? 'content'}`;
  if (size !== undefined && size !== actual.size) {
    const got = actual.size > size ? 'more' : actual.size;
    throw new ContentMismatchError('ERR_SIZE_MISMATCH', `${subject}: expected ${size} bytes, got ${got}`);
  }
  if (promised !== undefined && promised.digest !== actual.digest) {
    const message = `${subject}: expected ${promised.digest}, got ${actual.digest} (${actual.size} bytes)`;
    throw new ContentMismatchError('ERR_DIGEST_MISMATCH', message);
  }
}

function assertCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new RangeError(`Expected \`${name}\` to be a count of bytes, got ${value}`);
}
