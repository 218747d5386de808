import type { RequestRecord } from '@slipway/registry-client';
import type { AdaptiveLimits } from '@slipway/transfer';

/** Refusals slow a registry's transfers down, and so do short questions that it answers ever more slowly. */
export function observe(
  { method, status, sentBytes, durationMs }: Pick<RequestRecord, 'method' | 'status' | 'sentBytes' | 'durationMs'>,
  registry: string,
  limits: AdaptiveLimits,
): void {
  if (status === 429 || status === 503) limits.overloaded(registry);
  else if (status !== undefined && sentBytes === 0 && (method === 'HEAD' || method === 'POST')) {
    limits.answered(registry, durationMs);
  }
}
