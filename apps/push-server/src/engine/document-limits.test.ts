import { expect, test } from 'vitest';
import { documentLimits } from './document-limits.ts';

test.each([
  [16, 8],
  [1, 1],
  [100, 28],
])('%d loads and %d jobs at once stay within half a gibibyte', (maxLoads, jobConcurrency) => {
  const { maxMetadataBytes = 0, maxListBytes = 0 } = documentLimits({ maxLoads, jobConcurrency });
  expect(maxMetadataBytes * (maxLoads + jobConcurrency)).toBeLessThanOrEqual(512 * 2 ** 20);
  expect(maxListBytes).toBeLessThanOrEqual(maxMetadataBytes);
  expect(maxListBytes).toBeGreaterThanOrEqual(4 * 2 ** 20);
});
