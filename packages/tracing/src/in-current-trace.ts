import { context } from '@opentelemetry/api';
import { aFunction, assertArgument } from '@slipway/arguments';
import { harmless } from './harmless.ts';
import { within } from './within.ts';

/**
 * A function that works in the trace that is under way now, whoever calls it and when: for work that waits in a queue,
 * and is begun by what went before it.
 */
export function inCurrentTrace<Args extends readonly unknown[], T>(work: (...args: Args) => T): (...args: Args) => T {
  assertArgument('work', work, aFunction);
  const active = harmless(() => context.active());
  return active === undefined ? work : (...args) => within(active, () => work(...args));
}
