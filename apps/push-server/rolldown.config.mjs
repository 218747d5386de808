import { readFile } from 'node:fs/promises';
import { defineConfig } from 'rolldown';
import { openTelemetryModules } from '../../tools/opentelemetry-modules.mjs';
import { noticesPlugin } from '../../tools/third-party-notices.mjs';

// One program in a few files; what starts slowly or reads its own files is installed beside it.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: { conditionNames: ['@slipway/source', 'import', 'node', 'default'] },
  transform: { target: 'node20.19' },
  external: ['msgpackr-extract'],
  plugins: [
    noticesPlugin(),
    openTelemetryModules(),
    {
      name: 'status-page',
      // The page's files are texts in the program: an executable has nothing beside it.
      load: {
        filter: { id: /\?raw$/ },
        handler: async (id) => ({
          code: `export default ${JSON.stringify(await readFile(id.slice(0, -'?raw'.length), 'utf8'))};`,
          moduleType: 'js',
        }),
      },
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
