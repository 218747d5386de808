import type { AbortOptions } from '@slipway/digest';
import type { BlobIdentity } from '../form.ts';
import type { FormBytes } from '../form-bytes.ts';
import { Growth } from '../growth.ts';

/** What differs between forms that grow. */
export interface GrowingBytes extends Pick<FormBytes, 'side' | 'read' | 'follow'> {
  /** @default as many as are made */
  readonly available?: FormBytes['available'] | undefined;
  readonly dispose: () => PromiseLike<void>;
}

/** The compressed bytes of a layer while they are made: how many there are, and, in the end, what they are. */
export class GrowingForm extends Growth {
  #identity: BlobIdentity | undefined;
  #holders = 0;

  /** How many have taken hold of the bytes. */
  get holders(): number {
    return this.#holders;
  }

  /** All is made. */
  complete(identity: BlobIdentity): void {
    this.#identity = identity;
    this.end();
  }

  async available(atLeast: number, { signal }: AbortOptions): Promise<number> {
    await this.reached(atLeast, { signal });
    return this.total;
  }

  /** The form as a reader holds it: its size and digest are there once all is made. */
  bytes({ side, read, dispose, follow, available = this.available.bind(this) }: GrowingBytes): FormBytes {
    const identity = (): BlobIdentity | undefined => this.#identity;
    this.#holders += 1;
    let isHeld = true;
    return {
      side,
      get identity() {
        return identity();
      },
      get size() {
        return identity()?.size;
      },
      available,
      read,
      follow,
      [Symbol.asyncDispose]: async () => {
        if (isHeld) this.#holders -= 1;
        isHeld = false;
        await dispose();
      },
    };
  }
}
