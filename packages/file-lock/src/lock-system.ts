import { setTimeout as delay } from 'node:timers/promises';
import { ownIdentity, type ProcessIdentity, type ProcessState, stateOf } from './process-identity.ts';

/** What a lock asks the system. Tests put their own in its place. */
export interface LockSystem {
  /** Milliseconds of a clock that nobody sets. */
  now(): number;
  sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void>;
  /** Runs `work` again and again until the result is called; it keeps no process alive. */
  every(intervalMs: number, work: () => void): () => void;
  self(): ProcessIdentity;
  stateOf(other: ProcessIdentity, self: ProcessIdentity): Promise<ProcessState>;
}

let self: ProcessIdentity | undefined;

/** The system as it is. */
export const lockSystem: LockSystem = {
  now: () => performance.now(),
  sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }),
  every(intervalMs, work) {
    const timer = setInterval(work, intervalMs).unref();
    return () => clearInterval(timer);
  },
  self() {
    self ??= ownIdentity();
    return self;
  },
  stateOf,
};
