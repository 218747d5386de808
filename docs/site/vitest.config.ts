import { sharedTestConfig } from '../../vitest.shared.ts';

export default sharedTestConfig({ testTimeout: 400_000, maxConcurrency: 2 });
