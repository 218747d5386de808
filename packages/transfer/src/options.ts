import { ArgumentRangeError, aNumber, assertOptions } from '@slipway/arguments';
import { type Clock, systemClock } from './clock.ts';

/** How many transfers run at once, and which pass which. */
export interface TransferManagerOptions {
  /** Slots at once, 0 for no limit; small transfers have slots of their own. @default 5 */
  readonly concurrency?: number | undefined;
  /** Slots of the small transfers for each slot of the large ones. @default 6 */
  readonly smallPerSlot?: number | undefined;
  /** Transfers to one host at once, 0 for no limit. @default 0 */
  readonly perHost?: number | undefined;
  /** Bytes up to which a transfer is small, 0 for none. @default 4194304 (4 MiB) */
  readonly smallSize?: number | undefined;
  /** Bytes that the small transfers in flight may have together. @default 25165824 (24 MiB) */
  readonly smallTotal?: number | undefined;
}

/** {@link TransferManagerOptions} with every default applied. */
export interface ResolvedTransferManagerOptions {
  readonly concurrency: number;
  readonly smallPerSlot: number;
  readonly perHost: number;
  readonly smallSize: number;
  readonly smallTotal: number;
}

/** What {@link TransferManagerOptions} leaves out. */
export const transferManagerDefaults: ResolvedTransferManagerOptions = Object.freeze({
  concurrency: 5,
  smallPerSlot: 6,
  perHost: 0,
  smallSize: 4 * 1024 * 1024,
  smallTotal: 24 * 1024 * 1024,
});

/**
 * The only place where the manager's defaults are applied.
 * @throws {RangeError} on what is not a whole number from 0 up
 */
export function resolveTransferManagerOptions(options: TransferManagerOptions): ResolvedTransferManagerOptions {
  assertOptions('options', options, {
    optional: {
      concurrency: aNumber,
      smallPerSlot: aNumber,
      perHost: aNumber,
      smallSize: aNumber,
      smallTotal: aNumber,
    },
  });
  const resolved = {
    concurrency: options.concurrency ?? transferManagerDefaults.concurrency,
    smallPerSlot: options.smallPerSlot ?? transferManagerDefaults.smallPerSlot,
    perHost: options.perHost ?? transferManagerDefaults.perHost,
    smallSize: options.smallSize ?? transferManagerDefaults.smallSize,
    smallTotal: options.smallTotal ?? transferManagerDefaults.smallTotal,
  };
  for (const [name, value] of Object.entries(resolved)) assertCount(name, value);
  return Object.freeze(resolved);
}

/** @throws {RangeError} when `value` is not a whole number from 0 up */
export function assertCount(name: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw new ArgumentRangeError(name, `Expected \`${name}\` to be a whole number from 0 up, got ${value}`);
  }
}

/** What {@link RetryOptions} leaves out. */
export const retryDefaults: { readonly attempts: number; readonly longestWaitMs: number; readonly clock: Clock } =
  Object.freeze({ attempts: 5, longestWaitMs: 600_000, clock: systemClock });
