import { sharedTestConfig } from '../../vitest.shared.ts';

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig();
export default config;
