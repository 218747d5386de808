import { cp } from 'node:fs/promises';
import { defineConfig } from 'rolldown';

// One program in a few files; what starts slowly or reads its own files is installed beside it.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: { conditionNames: ['@slipway/source', 'import', 'node', 'default'] },
  transform: { target: 'node20.19' },
  external: [/^ajv(\/|$)/, 'bullmq', 'ioredis', 'fastify', 'pino', 'prom-client'],
  plugins: [
    {
      name: 'status-page',
      // The page is served as it is, from beside the program.
      writeBundle: () => cp('src/page/client', 'dist/client', { recursive: true }),
    },
  ],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    comments: { legal: true, annotation: false, jsdoc: false },
    banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
  },
});
