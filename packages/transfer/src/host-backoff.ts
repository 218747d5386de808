import { anObject, assertOptions } from '@slipway/arguments';
import { type Clock, systemClock } from './clock.ts';

/** A wait that a host has asked for. */
export interface HostWait {
  /** Milliseconds left. */
  readonly delayMs: number;
  /** The answer that asked for it. */
  readonly cause: Error;
}

/**
 * Remembers which hosts have asked to be left alone, and until when, so that one transfer's 429 keeps the others of
 * that host from running into the same answer. Share one among all transfers of a process.
 */
export interface HostBackoff {
  /** Keeps everybody from `host` for `delayMs` from now. A longer wait asked for earlier stands. */
  hold(host: string, delayMs: number, cause: Error): void;
  /** What is left to wait for `host`, undefined when nothing is. */
  waitFor(host: string): HostWait | undefined;
}

/** Makes an empty {@link HostBackoff}. */
export function createHostBackoff(options: { readonly clock?: Clock | undefined } = {}): HostBackoff {
  assertOptions('options', options, { optional: { clock: anObject } });
  const { clock = systemClock } = options;
  const holds = new Map<string, { readonly until: number; readonly cause: Error }>();
  return {
    hold(host, delayMs, cause) {
      const until = clock.now() + delayMs;
      const held = holds.get(host);
      if (!held || held.until < until) holds.set(host, { until, cause });
    },
    waitFor(host) {
      const held = holds.get(host);
      if (!held) return undefined;
      const delayMs = held.until - clock.now();
      if (delayMs > 0) return { delayMs, cause: held.cause };
      holds.delete(host);
      return undefined;
    },
  };
}
