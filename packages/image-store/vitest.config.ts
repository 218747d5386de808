import { sharedTestConfig } from '../../vitest.shared.ts';

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig({}, { mocking: ['test/without-links.test.ts'] });
export default config;
