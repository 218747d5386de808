import type { MisbehaviourHandle } from '@slipway/testkit';
import { expect, vi } from 'vitest';

/** Waits until a rule of the embedded registry has been met so often. */
export async function untilHit(rule: MisbehaviourHandle, times = 1): Promise<void> {
  await vi.waitFor(() => expect(rule.hits).toBeGreaterThanOrEqual(times), { timeout: 30_000, interval: 10 });
}
