import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';
import { directImports } from '../../tools/direct-imports.mjs';
import { openTelemetryModules } from '../../tools/opentelemetry-modules.mjs';
import { noticesPlugin } from '../../tools/third-party-notices.mjs';
import { oneFile } from './bundle/one-file.mjs';
import { partsOfUndici } from './bundle/parts-of-undici.mjs';

const client = new URL('../../packages/registry-client/package.json', import.meta.url);
const bundled = (name) => fileURLToPath(new URL(`bundle/${name}`, import.meta.url));
const undici = join(dirname(createRequire(client).resolve('undici/package.json')), 'lib');

// One file: finding, reading and linking twenty costs more than compiling what a run does not use. What is imported
// when it is needed is a function in it.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: {
    alias: {
      'undici/index.js': bundled('undici.cjs'),
      'undici/lib': undici,
      assert: bundled('assert.cjs'),
      buffer: 'node:buffer',
      events: 'node:events',
      fs: 'node:fs',
      module: 'node:module',
      path: 'node:path',
      zlib: 'node:zlib',
      'node:assert': bundled('assert.cjs'),
    },
    conditionNames: ['@slipway/source', 'import', 'node', 'default'],
  },
  transform: { target: 'node20.19' },
  plugins: [directImports(), noticesPlugin(), openTelemetryModules(), partsOfUndici(), oneFile('cli.cjs')],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs', // found and compiled faster than an ES module, and what is compiled can be kept on every Node
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    minifyInternalExports: false,
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
