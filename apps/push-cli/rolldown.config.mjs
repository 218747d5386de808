import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';
import { directImports } from '../../tools/direct-imports.mjs';
import { openTelemetryModules } from '../../tools/opentelemetry-modules.mjs';
import { noticesPlugin } from '../../tools/third-party-notices.mjs';

const client = new URL('../../packages/registry-client/package.json', import.meta.url);
const undici = join(dirname(createRequire(client).resolve('undici/package.json')), 'lib');

/** Modules of Node that most runs do not need, by the variables they are in: each costs milliseconds. */
const laterBuiltins = {
  childProcess: 'child_process',
  node_child_process: 'child_process',
  node_diagnostics_channel: 'diagnostics_channel',
  node_dns_promises: 'dns/promises',
  node_http: 'http',
  node_https: 'https',
  node_net: 'net',
  node_readline_promises: 'readline/promises',
  node_stream_consumers: 'stream/consumers',
  node_tls: 'tls',
  node_worker_threads: 'worker_threads',
};

/** Has them loaded by whoever uses them first. */
function loadLater(code) {
  let lazy = code;
  for (const [variable, name] of Object.entries(laterBuiltins)) {
    const eager = `${variable}=require("node:${name}")`;
    if (!lazy.includes(eager)) throw new Error(`Expected the bundle to have ${eager}`);
    lazy = lazy.replace(eager, `${variable}=()=>require("node:${name}")`);
    lazy = lazy.replaceAll(new RegExp(`new ${variable}\\.(\\w+)`, 'g'), `new (${variable}().$1)`);
    lazy = lazy.replaceAll(new RegExp(`\\b${variable}\\.`, 'g'), `${variable}().`);
    const odd = new RegExp(`(new ${variable}\\b|\\b${variable}\\b(?!=\\(\\)=>|\\(\\)\\.)).{0,30}`).exec(lazy);
    if (odd !== null) throw new Error(`Cannot load node:${name} later, as it is used in ${odd[0]}`);
  }
  return lazy;
}

/** The few letters beyond ASCII are in texts: escaped, V8 keeps the whole program in one byte a letter. */
function inAscii(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// One file: finding, reading and linking twenty costs more than compiling what a run does not use. Modules that are
// imported when they are needed are still evaluated only then.
export default defineConfig({
  input: { cli: 'src/cli.ts' },
  platform: 'node',
  resolve: {
    alias: {
      'undici/index.js': fileURLToPath(new URL('bundle/undici.cjs', import.meta.url)),
      'undici/lib': undici,
      'node:http2': fileURLToPath(new URL('bundle/http2.cjs', import.meta.url)),
    },
    conditionNames: ['@slipway/source', 'import', 'node', 'default'],
  },
  transform: { target: 'node20.19' },
  plugins: [
    directImports(),
    noticesPlugin(),
    openTelemetryModules(),
    {
      name: 'http-parser',
      resolveId: {
        filter: { id: /^\.\.\/llhttp\/llhttp_simd-wasm\.js$/ },
        handler: () => fileURLToPath(new URL('bundle/http-parser.cjs', import.meta.url)),
      },
    },
    {
      name: 'after-bundling',
      generateBundle(_, { 'cli.cjs': program }) {
        program.code = inAscii(loadLater(program.code));
      },
    },
  ],
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
