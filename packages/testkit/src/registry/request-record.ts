import type { RequestKind } from './route.ts';

/** A request as the registry saw it. It is listed on arrival and completed when its answer ends. */
export interface RequestRecord {
  readonly method: string;
  /** The path alone: `/v2/app/blobs/uploads/`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly kind: RequestKind;
  /** Path within the registry: `library/alpine`. Empty where the kind has none. */
  readonly repository: string;
  /** Status answered; 0 while there is none, and where the connection ended without one. */
  readonly status: number;
  /** Bytes of the body that the registry read. */
  readonly requestBytes: number;
  /** Bytes of the body that the registry sent. */
  readonly responseBytes: number;
  /** Names in lower case; `authorization` is cut down to its scheme. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
