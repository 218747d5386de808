import type { RegistryError } from '@slipway/registry-client';

/** One request whose connection was cut off while its body was on its way. */
export interface CutOff {
  /** Bytes of that body that the socket had taken: the peer has got these or less. */
  readonly sent: number;
}

/** How far a request had come when it failed. */
export interface CutOffSubject {
  /** Bytes that the socket had taken, of the whole session. */
  readonly sent: number;
  /** Bytes that the registry had acknowledged before. */
  readonly acknowledged: number;
  /** Bytes of the request's body; undefined where nobody knows yet. */
  readonly requestSize: number | undefined;
}

/** A connection that broke, as opposed to an answer, a name that is not known or a certificate that is not trusted. */
const breaks: ReadonlySet<string> = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/**
 * Tells a request that was cut off in its body from every other failure; a stall in the body counts, a late answer does
 * not.
 */
export function cutOffOf(
  answer: RegistryError | undefined,
  { sent, acknowledged, requestSize }: CutOffSubject,
): CutOff | undefined {
  const taken = sent - acknowledged;
  if (answer === undefined || answer.status !== undefined || taken <= 0) return undefined;
  const isStall = answer.reason === 'timeout' && requestSize !== undefined && taken < requestSize;
  return isStall || breaks.has(answer.reason ?? '') ? { sent: taken } : undefined;
}

const KiB = 1024;

/** Pieces are not made smaller than this: what cuts these off does not look at their size. */
export const smallestPiece: number = 8 * KiB;

/** Bytes that get through to one registry in one request, where requests are cut off: found by halving. */
export class PieceSize {
  #size = Number.POSITIVE_INFINITY;
  #state: 'sought' | 'passing' | 'hopeless' = 'sought';

  /** Infinite until requests were cut off, and again when nothing got through. */
  get size(): number {
    return this.#size;
  }

  /** Goes down to half of what was cut off. Returns false when nothing smaller is left to try. */
  lower(cutOff: number): boolean {
    if (this.#state === 'hopeless') return false;
    if (this.#size > smallestPiece) {
      this.#size = Math.max(Math.floor(Math.min(cutOff, this.#size) / 2 / KiB) * KiB, smallestPiece);
      return true;
    }
    if (this.#state === 'passing') return false; // the line is down: the same size gets through when it is up again
    this.#state = 'hopeless';
    this.#size = Number.POSITIVE_INFINITY;
    return false;
  }

  /** A piece of this size has got through. */
  passed(): void {
    if (this.#size !== Number.POSITIVE_INFINITY) this.#state = 'passing';
  }
}

/** What was tried before an upload was given up. */
export interface CutOffDetails {
  readonly registry: string;
  /** Requests for this blob that were cut off in a row. */
  readonly cuts: number;
  /** Bytes of the largest body that the last of them can have got through. */
  readonly sent: number;
  /** Bytes of one piece, where it was sent in pieces. */
  readonly pieceSize: number | undefined;
  /** Why it did not go on in smaller pieces; undefined where these were tried. */
  readonly obstacle: 'one-piece' | 'not-kept' | undefined;
  readonly cause: unknown;
}

/** The uploads of a blob are cut off again and again; the broken connection is the `cause`. */
export class UploadCutOff extends Error {
  override name = 'UploadCutOff';
  readonly hint: string;

  constructor({ registry, cuts, sent, pieceSize, obstacle, cause }: CutOffDetails) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const last = pieceSize === undefined ? `after at most ${sent} bytes` : `in pieces of ${pieceSize} bytes`;
    const because = obstacle === undefined ? '' : `; ${describeObstacle(obstacle, registry)}`;
    super(`${why}; cut off ${cuts} times in a row, the last time ${last}${because}`, { cause });
    this.hint =
      `something between here and ${registry} ends uploads: a proxy, a firewall or a VPN with a limit, or ` +
      `${registry} itself`;
  }
}

function describeObstacle(obstacle: NonNullable<CutOffDetails['obstacle']>, registry: string): string {
  return obstacle === 'one-piece'
    ? `${registry} takes a blob in one piece only`
    : 'smaller pieces need a copy of the compressed layer, and none could be kept';
}
