import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** What every package's tests share: sources instead of builds, a result file for the closing count. */
export function sharedTestConfig(test: ViteUserConfig['test'] = {}): ViteUserConfig {
  return defineConfig({
    ssr: { resolve: { conditions: ['@slipway/source'] } },
    test: {
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      testTimeout: 30_000,
      hookTimeout: 60_000,
      reporters: ['default', 'json'],
      outputFile: { json: 'node_modules/.slipway-test/results.json' },
      ...test,
    },
  });
}
