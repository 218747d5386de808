import { sharedTestConfig } from '../../vitest.shared.ts';

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig({}, { mocking: ['test/unpack-backlog.test.ts'] });
export default config;
