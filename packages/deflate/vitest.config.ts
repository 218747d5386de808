import { sharedTestConfig } from '../../vitest.shared.ts';

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig(
  {},
  {
    mocking: [
      'test/no-threads.test.ts',
      'test/worker-failure.test.ts',
      'test/gunzip-worker.test.ts',
      'test/calling-thread.test.ts',
    ],
  },
);
export default config;
