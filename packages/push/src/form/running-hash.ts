import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '@slipway/digest';

const firstSpacing = 4 * 1024 * 1024;
/** States that are kept, of some hundred bytes each. */
const mostMarks = 64;

const nothing = new Uint8Array(0);

/**
 * Hashes bytes in order, and can go back: it keeps its state at places that lie evenly over what it has seen, so that
 * reading a part again costs that part and at most a thirty-second of the whole, never the whole.
 */
export class RunningHash {
  readonly #algorithm: DigestAlgorithm;
  readonly #marks: { readonly position: number; readonly hash: Hash }[] = [];
  #spacing: number;
  #hash: Hash;
  #position = 0;

  constructor(algorithm: DigestAlgorithm = 'sha256', spacing: number = firstSpacing) {
    this.#algorithm = algorithm;
    this.#spacing = spacing;
    this.#hash = createHash(algorithm);
  }

  /** Bytes that it has seen. */
  get position(): number {
    return this.#position;
  }

  update(chunk: Uint8Array): void {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const part = rest.subarray(0, this.#spacing - (this.#position % this.#spacing));
      this.#hash.update(part);
      this.#position += part.byteLength;
      if (this.#position % this.#spacing === 0) this.#mark();
      rest = rest.subarray(part.byteLength);
    }
  }

  /** Goes back to the last known state at or before `position`. */
  rewind(position: number): void {
    if (position >= this.#position) return;
    while ((this.#marks.at(-1)?.position ?? 0) > position) this.#marks.pop();
    const mark = this.#marks.at(-1);
    this.#hash = mark?.hash.copy() ?? createHash(this.#algorithm);
    this.#position = mark?.position ?? 0;
  }

  /** One that has seen what this one has, up to `position` or somewhat before, and goes on by itself. */
  fork(position: number): RunningHash {
    const other = new RunningHash(this.#algorithm, this.#spacing);
    other.#marks.push(...this.#marks);
    other.#hash = this.#hash.copy();
    other.#position = this.#position;
    other.rewind(position);
    return other;
  }

  /** The digest of all that it has seen, and of `next`, which does not count as seen. */
  digest(next: Uint8Array = nothing): Digest {
    return `${this.#algorithm}:${this.#hash.copy().update(next).digest('hex')}` as Digest;
  }

  #mark(): void {
    this.#marks.push({ position: this.#position, hash: this.#hash.copy() });
    if (this.#marks.length < mostMarks) return;
    this.#spacing *= 2;
    const kept = this.#marks.filter(({ position }) => position % this.#spacing === 0);
    this.#marks.splice(0, this.#marks.length, ...kept);
  }
}
