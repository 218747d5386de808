/**
 * Decides which transfer runs when: shares equal ones, limits how many run, retries, thins out progress, cancels.
 *
 * @packageDocumentation
 */
export { abortable } from './abortable.ts';
export { type AdaptiveLimits, type AdaptiveLimitsOptions, createAdaptiveLimits } from './adaptive-limits.ts';
export { type Backoff, type BackoffState, staggeredBackoff } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export { DoNotRetry, TransferError, type TransferErrorCode } from './errors.ts';
export { createHostBackoff, type HostBackoff, type HostWait } from './host-backoff.ts';
export { createTransferManager } from './manager.ts';
export { onceAnAttempt, tellRetries } from './once-an-attempt.ts';
export {
  type ResolvedTransferManagerOptions,
  retryDefaults,
  type TransferManagerOptions,
  transferManagerDefaults,
} from './options.ts';
export {
  createProgressMeter,
  type ProgressMeter,
  type ProgressMeterOptions,
  type ProgressRecord,
} from './progress-meter.ts';
export { type AttemptContext, type RetryNotice, type RetryOptions, retrying } from './retrying.ts';
export { createSharedWork, type SharedWork } from './shared-work.ts';
export { type TransferAllOptions, transferAll } from './transfer-all.ts';
export type {
  TransferContext,
  TransferManager,
  TransferRequest,
  Transfers,
  TransferWatch,
  WatchOptions,
} from './transfer-manager.ts';
