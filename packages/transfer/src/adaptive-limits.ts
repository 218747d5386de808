import { aCount, anObject, assertOptions, withMethods } from '@slipway/arguments';
import { type Clock, systemClock } from './clock.ts';
import type { TransferManager } from './transfer-manager.ts';

/** Whose limits are adapted, and how far up they may go. */
export interface AdaptiveLimitsOptions {
  /** Whose limits are moved. */
  readonly transfers: Pick<TransferManager, 'limitHost'>;
  /** Transfers to one host at once, where it stands them; 0 for no limit. */
  readonly most: number;
  /** @default the machine's clock */
  readonly clock?: Clock | undefined;
}

/** Finds out how many transfers each host stands at once. */
export interface AdaptiveLimits {
  /** The host has asked to be left alone: 429, or 503 with a wait. */
  overloaded(host: string): void;
  /** The host has answered a short question. */
  answered(host: string, latencyMs: number): void;
  /** Transfers at once to the host, as things are. */
  limitOf(host: string): number;
}

/** Where there is no limit, the search begins here. */
const unlimited = 32;
/** One storm of refusals counts once. */
const cooldownMs = 1_000;
/** Good answers for each transfer allowed before one more is tried. */
const answersAStep = 4;
/** Answers that take so many times longer than in quiet times, and so much longer, mean a queue at the host. */
const slownessFactor = 4;
const slownessMs = 300;
/** Weight of the newest answer in the running means: of the present, and of quiet times. */
const presentWeight = 0.3;
const quietWeight = 0.02;

interface HostState {
  limit: number;
  changedAtMs: number;
  goodAnswers: number;
  presentMs: number | undefined;
  quietMs: number;
}

/**
 * Moves each host's limit between 1 and `most` as TCP does with its window: half at a refusal, one less while answers
 * grow slow, one more while they stay quick. A host at `most` has no limit of its own.
 */
export function createAdaptiveLimits(options: AdaptiveLimitsOptions): AdaptiveLimits {
  assertOptions('options', options, {
    required: { transfers: withMethods('a transfer manager', 'limitHost'), most: aCount },
    optional: { clock: anObject },
  });
  const { transfers, most: wanted, clock = systemClock } = options;
  const most = wanted === 0 ? unlimited : wanted;
  const states = new Map<string, HostState>();

  function stateOf(host: string): HostState {
    const known = states.get(host);
    if (known !== undefined) return known;
    const fresh = {
      limit: most,
      changedAtMs: Number.NEGATIVE_INFINITY,
      goodAnswers: 0,
      presentMs: undefined,
      quietMs: 0,
    };
    states.set(host, fresh);
    return fresh;
  }

  function change(host: string, state: HostState, limit: number): void {
    state.changedAtMs = clock.now();
    state.goodAnswers = 0;
    if (limit === state.limit) return;
    state.limit = limit;
    transfers.limitHost(host, limit >= most ? undefined : limit);
  }

  return {
    overloaded(host) {
      const state = stateOf(host);
      if (clock.now() - state.changedAtMs >= cooldownMs) change(host, state, Math.max(1, Math.floor(state.limit / 2)));
    },
    answered(host, latencyMs) {
      const state = stateOf(host);
      const isFirst = state.presentMs === undefined;
      state.presentMs = isFirst ? latencyMs : mean(state.presentMs ?? latencyMs, latencyMs, presentWeight);
      // What is quick is believed at once, what is slow only in the long run.
      state.quietMs = isFirst || latencyMs < state.quietMs ? latencyMs : mean(state.quietMs, latencyMs, quietWeight);
      if (clock.now() - state.changedAtMs < cooldownMs) return;
      const isSlow = state.presentMs > Math.max(state.quietMs * slownessFactor, state.quietMs + slownessMs);
      if (isSlow) return change(host, state, Math.max(1, state.limit - 1));
      state.goodAnswers += 1;
      if (state.limit < most && state.goodAnswers >= answersAStep * state.limit) change(host, state, state.limit + 1);
    },
    limitOf: (host) => states.get(host)?.limit ?? most,
  };
}

function mean(before: number, now: number, weight: number): number {
  return before + (now - before) * weight;
}
