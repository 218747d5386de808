import { defineConfig } from 'rolldown';

// One program in a few files: what `--version`, help and completion do not need lies in chunks that are loaded later.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: { conditionNames: ['@slipway/source', 'import', 'node', 'default'] },
  transform: { target: 'node20.19' },
  // Installed beside the program and loaded only when they are needed: a native module, and one that reads its own .wasm file.
  external: ['lmdb', '@bokuweb/zstd-wasm'],
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
