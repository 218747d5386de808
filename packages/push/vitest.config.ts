import { sharedTestConfig } from '../../vitest.shared.ts';

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig({}, { mocking: ['test/file-operations.test.ts'] });
export default config;
