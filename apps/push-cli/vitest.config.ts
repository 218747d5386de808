import { sharedTestConfig } from '../../vitest.shared.ts';

export default sharedTestConfig({
  maxWorkers: 2, // many files wait, for a helper that hangs or before a retry
});
