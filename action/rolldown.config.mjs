import { defineConfig } from 'rolldown';
import { openTelemetryModules } from '../tools/opentelemetry-modules.mjs';
import { noticesPlugin } from '../tools/third-party-notices.mjs';

// One file: the runner starts it with its own Node, and installs nothing.
export default defineConfig({
  input: { index: 'src/index.ts' },
  platform: 'node',
  resolve: { conditionNames: ['@slipway/source', 'import', 'node', 'default'] },
  transform: { target: 'node20.19' },
  plugins: [noticesPlugin(), openTelemetryModules()],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
