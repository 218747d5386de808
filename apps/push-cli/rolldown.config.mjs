import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

const client = new URL('../../packages/registry-client/package.json', import.meta.url);
const undici = join(dirname(createRequire(client).resolve('undici/package.json')), 'lib');

// One file: finding, reading and linking twenty costs more than compiling what a run does not use. Modules that are
// imported when they are needed are still evaluated only then.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: {
    alias: { undici$: fileURLToPath(new URL('bundle/undici.cjs', import.meta.url)), 'undici/lib': undici },
    conditionNames: ['@slipway/source', 'import', 'node', 'default'],
  },
  transform: { target: 'node20.19' },
  // Installed beside the program and loaded only when they are needed: a native module, and one that reads its own .wasm file.
  external: ['lmdb', '@bokuweb/zstd-wasm'],
  output: {
    dir: 'dist',
    cleanDir: true,
    codeSplitting: false,
    format: 'cjs', // found and compiled faster than an ES module, and what is compiled can be kept on every Node
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
