import type { AbortOptions, ByteStream, OpenOptions } from '@slipway/digest';
import type { BlobIdentity } from '../form.ts';
import type { FormBytes } from '../form-bytes.ts';
import { Growth } from '../growth.ts';

/** The compressed bytes of a layer while they are made: how many there are, and, in the end, what they are. */
export class GrowingForm extends Growth {
  #identity: BlobIdentity | undefined;

  /** All is made. */
  complete(identity: BlobIdentity): void {
    this.#identity = identity;
    this.end();
  }

  async available(atLeast: number, options: AbortOptions): Promise<number> {
    await this.reached(atLeast, options);
    return this.total;
  }

  /** The form as a reader holds it: its size and digest are there once all is made. */
  bytes(
    side: FormBytes['side'],
    read: (options: OpenOptions) => ByteStream,
    dispose: () => PromiseLike<void>,
  ): FormBytes {
    const identity = (): BlobIdentity | undefined => this.#identity;
    return {
      side,
      get identity() {
        return identity();
      },
      get size() {
        return identity()?.size;
      },
      available: (atLeast, options) => this.available(atLeast, options),
      read,
      [Symbol.asyncDispose]: dispose,
    };
  }
}
