import { aCount, aFunction, assertMembers } from '@slipway/arguments';

/** What a schedule may look at when it sets the next wait. */
export interface BackoffState {
  /** Attempts that have failed since the last progress, 1 at the first failure. */
  readonly attempt: number;
  /** Attempts there are in all. */
  readonly attempts: number;
  /** Milliseconds waited since the last progress. */
  readonly waitedMs: number;
  /** From 0 up to, but not including, 1. */
  random(): number;
}

/** Milliseconds to wait before the next attempt. */
export type Backoff = (state: BackoffState) => number;

/** Docker waits this much longer after each failure. */
const stepMs = 5_000;
const longestStepMs = 30_000;
const firstWindowMs = 1_000;
const lastWindow = 0.2;

/**
 * The default schedule: each retry at a random moment of a window of its own, the windows set by docker push's waits of
 * 5, 10, 15, 20 s.
 *
 * The first retry comes within 1 s, each later one while docker would still be waiting for its retry of that number,
 * and the last one when docker would make its last, or up to a fifth later. So no outage that docker push survives is
 * too long, and the usual short one costs 0.5 s instead of 5. docs/decisions/0010-retry-schedule.md has the reasons.
 */
export function staggeredBackoff(state: BackoffState): number {
  assertMembers('state', state, { required: { attempt: aCount, attempts: aCount, random: aFunction } });
  const { attempt, attempts, waitedMs, random } = state;
  return Math.max(0, dueMs(attempt, attempts, random()) - waitedMs);
}

/** When retry `attempt` is due, in milliseconds waited since the first failure. */
function dueMs(attempt: number, attempts: number, random: number): number {
  const end = dockerDueMs(attempt);
  if (attempt >= attempts - 1) return end + random * end * lastWindow;
  if (attempt === 1) return random * firstWindowMs;
  const start = dockerDueMs(attempt - 1);
  return start + random * (end - start);
}

function dockerDueMs(attempt: number): number {
  let total = 0;
  for (let n = 1; n <= attempt; n += 1) total += Math.min(n * stepMs, longestStepMs);
  return total;
}
