import { machineLimitOf } from '@slipway/digest';
import { codeOf } from '../error-code.ts';

/**
 * Who failed. `source`: it could not be read, or is not what it claims to be. `copy`: the kept copy of a compressed
 * layer is damaged, gone, or could not be written. `machine`: no thread, no memory, no file handle was left.
 */
export type FailureSide = 'source' | 'copy' | 'machine';

/** A blob could not be read, or its bytes are not the promised ones. */
export class FormFailure extends Error {
  override name = 'FormFailure';
  readonly side: FailureSide;

  constructor(side: FailureSide, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(side === 'copy' ? `The copy in the layer cache cannot be used: ${why}` : why, { cause });
    this.side = side;
  }

  /** Bytes that were handed out before may be wrong: whoever took them begins anew, from byte 0. */
  get mustRestart(): boolean {
    return this.side === 'copy' || !this.transient;
  }

  /** Whether another attempt may succeed. A copy is made again, a machine recovers; a source says it of itself. */
  get transient(): boolean {
    return this.side !== 'source' || isTransient(this.cause);
  }
}

/** More of a blob was asked for, or said to be sent, than there is. */
export class BeyondEnd extends RangeError {
  override name = 'BeyondEnd';

  constructor(position: number, size: number) {
    super(`there are ${size} bytes of it, and not ${position}`);
  }
}

/** Says who failed, where the machine did not: `side` is who was asked for the bytes. */
export function asFormFailure(error: unknown, side: FailureSide): FormFailure {
  if (error instanceof FormFailure) return error;
  if (machineLimitOf(error) !== undefined) return new FormFailure('machine', error);
  return new FormFailure(isOfCopy(error) ? 'copy' : side, error);
}

function isOfCopy(error: unknown): boolean {
  return codeOf(error)?.startsWith('ERR_CACHE_') ?? false;
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('transient' in error && error.transient === true) || isTransient(error.cause);
}
