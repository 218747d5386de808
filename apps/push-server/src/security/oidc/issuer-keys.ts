import type { JSONWebKeySet } from 'jose';

/** The public keys of an issuer, as they are now. */
export interface IssuerKeys {
  /**
   * Tries a piece of work with the keys; `isUnknown` says of its error that the key was not among them. Then they are
   * fetched anew, once in a while.
   *
   * @throws {IssuerAwayError} when there are no keys, and none to be had
   */
  use<T>(work: (keys: JSONWebKeySet) => Promise<T>, isUnknown: (error: unknown) => boolean): Promise<T>;
}

/** The issuer cannot be asked. */
export class IssuerAwayError extends Error {
  override name = 'IssuerAwayError';
}

export interface IssuerKeysOptions {
  readonly fetch: (signal: AbortSignal) => Promise<JSONWebKeySet>;
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Longest wait for the issuer. @default 5 s */
  readonly timeoutMs?: number | undefined;
}

/** Keys are looked at again after that long, while the old ones go on to count. */
const freshMs = 10 * 60_000;
/** An issuer that is away for longer may have taken keys back. */
const staleMs = 60 * 60_000;
/** A key that nobody knows is asked for as rarely as that: anybody can name one. */
const unknownMs = 30_000;
/** After a failure, the issuer is left alone for a moment. */
const pauseMs = 5_000;

/** Fetches keys when they are needed, and keeps them. */
export function createIssuerKeys({
  fetch,
  onFailure,
  now = Date.now,
  timeoutMs = 5_000,
}: IssuerKeysOptions): IssuerKeys {
  let kept: { readonly keys: JSONWebKeySet; readonly at: number } | undefined;
  let running: Promise<JSONWebKeySet> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: IssuerAwayError | undefined;

  const refresh = (): Promise<JSONWebKeySet> => {
    if (running !== undefined) return running;
    if (failure !== undefined && now() - failedAt < pauseMs) return Promise.reject(failure);
    triedAt = now();
    running = fetch(AbortSignal.timeout(timeoutMs))
      .then(
        (keys) => {
          kept = { keys, at: now() };
          failure = undefined;
          return keys;
        },
        (cause: unknown) => {
          failedAt = now();
          failure = new IssuerAwayError('the issuer cannot be asked for its keys', { cause });
          onFailure(cause);
          throw failure;
        },
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const current = async (): Promise<JSONWebKeySet> => {
    const age = kept === undefined ? Number.POSITIVE_INFINITY : now() - kept.at;
    if (kept === undefined || age > staleMs) return await refresh();
    if (age > freshMs) refresh().catch(() => {}); // told already; the old ones do for now
    return kept.keys;
  };

  return {
    async use(work, isUnknown) {
      const keys = await current();
      try {
        return await work(keys);
      } catch (error) {
        if (!isUnknown(error) || (running === undefined && now() - triedAt < unknownMs)) throw error;
        return await work(await refresh());
      }
    },
  };
}
