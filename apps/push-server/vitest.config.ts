import { sharedTestConfig } from '../../vitest.shared.ts';

// The status page's style is a text in the program; Vitest would have it be empty.
const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig({ css: true });
export default config;
