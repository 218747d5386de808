import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/*.test.mjs'],
    // Whole builds: each takes seconds, and minutes on a machine that does other things too.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    server: { deps: { external: [/\/packages\//] } },
  },
});
