import type { SourceLimits } from '@slipway/image-source';
import type { ServerConfig } from '../config/server-config.ts';

/** Bytes of configs, manifests and lists that all archives which are read at once may have in memory. */
const budgetBytes = 512 * 1024 * 1024;
/** What the largest archives that builders write need is a fraction of it. */
const leastBytes = 4 * 1024 * 1024;
const mostBytes = 64 * 1024 * 1024;

/** What one archive may have of it: an even share, so that no client takes it from the others. */
export function documentLimits({
  maxLoads,
  jobConcurrency,
}: Pick<ServerConfig, 'maxLoads' | 'jobConcurrency'>): SourceLimits {
  const share = Math.floor(budgetBytes / (maxLoads + jobConcurrency));
  const maxMetadataBytes = Math.min(mostBytes, Math.max(leastBytes, share));
  return { maxMetadataBytes, maxListBytes: Math.min(8 * 1024 * 1024, maxMetadataBytes) };
}
