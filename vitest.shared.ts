import { mkdirSync, writeFileSync } from 'node:fs';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import type { Reporter } from 'vitest/node';

const results = 'node_modules/.slipway-test';

/** Vitest's JSON report leaves out what was thrown outside of any test, which fails the run all the same. */
const strayErrors: Reporter = {
  onTestRunEnd(_modules, errors) {
    mkdirSync(results, { recursive: true });
    writeFileSync(`${results}/stray-errors.json`, JSON.stringify(errors.map(({ stack, message }) => stack ?? message)));
  },
};

/** What every package's tests share: sources instead of builds, a result file for the closing count. */
export function sharedTestConfig(
  test: ViteUserConfig['test'] = {},
  { mocking = [] }: { readonly mocking?: readonly string[] } = {},
): ViteUserConfig {
  const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
  // Half of a suite's time went into a process for each file, in which all sources were read again. Only a file that
  // puts another module in the place of one, for all that import it, needs a process of its own.
  const together = { name: 'together', include, exclude: [...mocking], isolate: false };
  const alone = { name: 'alone', include: [...mocking], isolate: true };
  return defineConfig({
    ssr: { resolve: { conditions: ['@slipway/source'] } },
    test: {
      testTimeout: 30_000,
      hookTimeout: 60_000,
      reporters: ['default', 'json', strayErrors],
      outputFile: { json: `${results}/results.json` },
      ...(mocking.length === 0
        ? { include, isolate: false }
        : {
            projects: [
              { extends: true, test: together },
              { extends: true, test: alone },
            ],
          }),
      ...test,
    },
  });
}
