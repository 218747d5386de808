import { aFunction, anObject, aSignal, assertArgument, assertOptions, withMethods } from '@slipway/arguments';
import type { TransferManager, TransferRequest, TransferWatch } from './transfer-manager.ts';

/** How a caller follows several transfers. */
export interface TransferAllOptions<Result, Progress> {
  readonly signal?: AbortSignal | undefined;
  /** Told of each request in turn, those of a repeated key included, before any of it starts. */
  readonly onPreparing?: ((request: TransferRequest<Result, Progress>) => void) | undefined;
  /** Told once, when the request has to wait for a slot. Not told of repeated keys. */
  readonly onWaiting?: ((request: TransferRequest<Result, Progress>) => void) | undefined;
  /** Told the newest record. Not told of repeated keys. */
  readonly onProgress?:
    | ((request: TransferRequest<Result, Progress>, progress: Progress) => void | Promise<void>)
    | undefined;
}

/**
 * Runs all requests and resolves with their results, in the order of the list; requests of equal key share one.
 *
 * It waits in the order of the list, so the error is that of the earliest failure in the list among those it has
 * reached, which need not be the first in time. All transfers are left on every way out: those that nobody else waits
 * for are cancelled.
 *
 * @throws the reason of `signal`, unwrapped, once it aborts
 * @throws what the transfer threw
 */
export async function transferAll<Result, Progress>(
  manager: TransferManager,
  requests: Iterable<TransferRequest<Result, Progress>>,
  options: TransferAllOptions<Result, Progress> = {},
): Promise<Result[]> {
  assertArgument('manager', manager, withMethods('a transfer manager', 'transfer'));
  assertArgument('requests', requests, withMethods('an iterable of transfers', Symbol.iterator));
  assertOptions<TransferAllOptions<unknown, unknown>>('options', options as TransferAllOptions<unknown, unknown>, {
    optional: { signal: aSignal, onPreparing: aFunction, onWaiting: aFunction, onProgress: aFunction },
  });
  const { signal, onPreparing } = options;
  signal?.throwIfAborted();
  const watches = new Map<string, TransferWatch<Result>>();
  try {
    const keys: string[] = [];
    for (const request of requests) {
      assertArgument('request', request, anObject);
      keys.push(request.key);
      await onPreparing?.(request);
      if (!watches.has(request.key)) watches.set(request.key, begin(manager, request, options));
    }
    const results = new Map<string, Result>();
    for (const [key, watch] of watches) results.set(key, await watch.result);
    return keys.map((key) => results.get(key) as Result);
  } finally {
    await Promise.all([...watches.values()].map((watch) => watch.release()));
  }
}

function begin<Result, Progress>(
  manager: TransferManager,
  request: TransferRequest<Result, Progress>,
  { signal, onWaiting, onProgress }: TransferAllOptions<Result, Progress>,
): TransferWatch<Result> {
  return manager.transfer(request, {
    signal,
    onWaiting: onWaiting && (() => onWaiting(request)),
    onProgress: onProgress && ((progress) => onProgress(request, progress)),
  });
}
