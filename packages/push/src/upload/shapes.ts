import type { RegistryProfile } from '@slipway/registry-client';
import type { ProvenIdentity } from '../knowledge.ts';
import { ChunksRefused, defaultChunkSize } from './chunks.ts';
import { type CutOff, type CutOffDetails, PieceSize, smallestPiece } from './cut-off.ts';
import { destinationErrorOf } from './retry-rules.ts';

/** How the bytes of a blob travel: one PUT, one PATCH of unknown length, or a PATCH a chunk. */
export type UploadShape =
  | { readonly kind: 'put'; readonly identity: ProvenIdentity }
  | { readonly kind: 'stream' }
  | { readonly kind: 'chunks'; readonly size: number };

/** What is to be sent. */
export interface ShapeSubject {
  /** Bytes, or the best guess at them. */
  readonly size: number;
  readonly identity: ProvenIdentity | undefined;
  /** Whether parts of it can be read again cheaply: chunks need that. */
  readonly isKept: boolean;
  /** Whether the registry has some of it, in a session that is gone on with. @default false */
  readonly isBegun?: boolean | undefined;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Limits that proxies and registries are configured with, a little below the round number: Cloudflare has 100 MB, nginx
 * 1 MiB.
 */
const bodyLimits: readonly number[] = [95 * MiB, 48 * MiB, 16 * MiB, 8 * MiB, 4 * MiB, 1000 * KiB, 256 * KiB];

/**
 * By these a registry says that the kind of request is nothing it takes, and not that something is wrong with the
 * bytes.
 */
const refusals: Readonly<Record<UploadShape['kind'], ReadonlySet<number>>> = {
  // Old Artifactory: a PUT with a body is 404 (docker/buildx#196, containerd/containerd#3533).
  put: new Set([404, 405, 411, 501]),
  // Proxies that want to know the length before they pass anything on: 411.
  stream: new Set([400, 404, 405, 411, 415, 501]),
  chunks: new Set([400, 404, 405, 411, 415, 416, 501]),
};

/** Codes that speak of the repository, the user or the bytes: no other shape will help. */
const otherMatters: ReadonlySet<string> = new Set([
  'NAME_UNKNOWN',
  'NAME_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'DIGEST_INVALID',
  'SIZE_INVALID',
]);

interface MayLower {
  readonly mayLower: boolean;
}

/** What one registry has shown to take and to refuse. What one blob has found out, all others know. */
export class UploadShapes {
  readonly #profile: RegistryProfile;
  readonly #chunkSize: number;
  #refused: ReadonlySet<UploadShape['kind']> = new Set();
  #maxBody: number;
  readonly #pieces = new PieceSize();

  constructor(profile: RegistryProfile, chunkSize: number = defaultChunkSize) {
    this.#profile = profile;
    this.#chunkSize = chunkSize;
    this.#maxBody = profile.maxChunkSize ?? Number.POSITIVE_INFINITY;
  }

  get profile(): RegistryProfile {
    return this.#profile;
  }

  /**
   * Blobs of more than this whose digest is known are sent in chunks where the registry takes them, so that their
   * uploads can be continued.
   */
  get chunkedFrom(): number {
    return 2 * this.#chunkSize;
  }

  /**
   * Whether a blob of so many bytes can only be sent once its digest is known: one PUT is all that the registry takes.
   */
  needsDigestFirst(size: number, isKept: boolean): boolean {
    return this.#refused.has('stream') && !this.#mayChunk({ size, isKept, identity: undefined });
  }

  /**
   * Whether an earlier run may have left a session with some of such a blob, in whatever pieces: it may have found the
   * registry's limits, which this one does not know.
   */
  mayGoOn({ size, isKept }: ShapeSubject): boolean {
    return size > smallestPiece && this.#isChunkable({ isKept });
  }

  /**
   * Whether a stream that breaks off is noted, to be gone on with in chunks. Where nothing is known of chunks but that
   * they are not the usual way, it is not.
   */
  mayContinue(subject: Pick<ShapeSubject, 'isKept'>): boolean {
    return this.#isChunkable(subject) && this.#profile.takesChunks;
  }

  /** Bytes of a chunk, as far as no limits are known. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * The first choice among what is left. Without a digest, only where {@link needsDigestFirst} does not ask for one.
   */
  choose({ size, identity, isKept, isBegun = false }: ShapeSubject): UploadShape {
    const inChunks = (most: number): UploadShape => ({ kind: 'chunks', size: Math.min(most, this.#limit) });
    if (this.#mayChunk({ size, isKept, identity }) || (isBegun && this.#isChunkable({ isKept })))
      return inChunks(this.#chunkSize);
    if (identity === undefined) return { kind: 'stream' };
    if (!this.#refused.has('put')) return { kind: 'put', identity };
    if (!this.#refused.has('stream')) return { kind: 'stream' };
    // One PATCH with a length, then a PUT without a body: what is left to those that refuse both.
    return isKept && !this.#refused.has('chunks') ? inChunks(Math.max(size, 1)) : { kind: 'put', identity };
  }

  /** Takes over a limit that the registry names. */
  limit(bytes: number): void {
    this.#maxBody = Math.min(this.#maxBody, bytes);
  }

  /** Learns from a failure of `shape`. Returns whether there is another shape to try, at once. */
  learn(shape: UploadShape, subject: ShapeSubject & { readonly acknowledged: number }, error: unknown): boolean {
    const answer = destinationErrorOf(error);
    if (answer?.diagnostics.some(({ code, bare }) => !bare && otherMatters.has(code))) return false;
    if (answer?.status === 413) return this.#lower(shape.kind === 'chunks' ? shape.size : subject.size, subject);
    if (!(error instanceof ChunksRefused) && !isRefusal(shape, subject.acknowledged, answer?.status)) return false;
    this.#refused = new Set([...this.#refused, shape.kind]);
    const mustIdentify = subject.identity === undefined && this.needsDigestFirst(subject.size, subject.isKept);
    if (mustIdentify || this.choose(subject).kind !== shape.kind) return true;
    this.#refused = new Set(); // everything was refused: the fault lies elsewhere
    return false;
  }

  /**
   * Learns from a request whose connection was cut off in its body. A size that another blob has found out meanwhile is
   * taken over, whatever `mayLower` says.
   *
   * @param mayLower one cut may be chance; of a second in a row, it is not likely
   * @returns whether there are smaller pieces to try, at once
   */
  learnCut(shape: UploadShape, subject: ShapeSubject, { sent, mayLower }: CutOff & MayLower): boolean {
    if (!this.#isChunkable(subject)) return false;
    const tried = shape.kind === 'chunks' ? Math.min(shape.size, subject.size) : subject.size;
    return tried > this.#limit || (mayLower && this.#pieces.lower(Math.min(tried, sent)));
  }

  /** Says that a piece got through. */
  passed(): void {
    this.#pieces.passed();
  }

  /** Why no smaller pieces are tried when uploads are cut off. */
  obstacleToPieces(subject: ShapeSubject): CutOffDetails['obstacle'] {
    if (!subject.isKept) return 'not-kept';
    return this.#isChunkable(subject) ? undefined : 'one-piece';
  }

  /** Bytes of a body at most. */
  get #limit(): number {
    return Math.min(this.#maxBody, this.#pieces.size);
  }

  #isChunkable({ isKept }: Pick<ShapeSubject, 'isKept'>): boolean {
    return isKept && !this.#refused.has('chunks');
  }

  #mayChunk({ size, isKept, identity }: Pick<ShapeSubject, 'size' | 'isKept' | 'identity'>): boolean {
    if (!this.#isChunkable({ isKept })) return false;
    // A limit that is met forces chunks also where they are not the usual way.
    if (size > this.#limit) return true;
    // What is being made goes as it is made: a chunk has to be there before its request begins.
    const mayStream = identity === undefined && !this.#refused.has('stream');
    return this.#profile.takesChunks && size > this.chunkedFrom && !mayStream;
  }

  /** The body was too large (413): goes on with the next smaller limit. */
  #lower(size: number, subject: ShapeSubject): boolean {
    const next = bodyLimits.find((limit) => limit < Math.min(size, this.#limit));
    if (next === undefined || !this.#isChunkable(subject)) return false;
    this.#maxBody = next;
    return true;
  }
}

/** A session that ends after it has taken chunks is lost, which says nothing of chunks. */
function isRefusal({ kind }: UploadShape, acknowledged: number, status: number | undefined): boolean {
  if (status === undefined || (acknowledged > 0 && status === 404)) return false;
  return refusals[kind].has(status);
}
