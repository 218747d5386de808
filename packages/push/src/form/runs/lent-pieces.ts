/** A piece of what is made. Nobody writes over it before it is given back. */
export interface LentPiece {
  readonly bytes: Uint8Array;
  readonly giveBack: () => void;
}

/** Takes pieces over from a compressor: those that it lends as they are, the others as copies. */
export class LentPieces {
  #lent: LentPiece | undefined;

  /** Hears of a piece that the compressor lends: the next that comes, unless it was joined with others. */
  readonly hear = (bytes: Uint8Array, giveBack: () => void): void => {
    this.#lent?.giveBack();
    this.#lent = { bytes, giveBack };
  };

  /** The next piece, to keep. */
  take(bytes: Uint8Array): LentPiece {
    const lent = this.#lent;
    this.#lent = undefined;
    if (lent?.bytes === bytes) return lent;
    lent?.giveBack();
    return { bytes: new Uint8Array(bytes), giveBack() {} };
  }
}
