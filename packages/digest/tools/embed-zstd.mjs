// Writes the encoder of @bokuweb/zstd-wasm into src/, where bundles, executables and worker threads find it without a
// file. Usage: node tools/embed-zstd.mjs [--check] --check only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(folder, 'src/zstd/zstd-module.ts');
const entry = createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm');
const wasm = readFileSync(join(dirname(entry), 'zstd.wasm'));
const { version } = JSON.parse(readFileSync(join(dirname(entry), '../../package.json'), 'utf8'));

if (process.argv.includes('--check')) check();
else writeFileSync(target, source());

function check() {
  const text = readFileSync(target, 'utf8');
  // Brotli's own output may differ from Node to Node: what counts is what comes out of it.
  const embedded = brotliDecompressSync(Buffer.from(/'([A-Za-z0-9+/=]+)';\n$/.exec(text)?.[1] ?? '', 'base64'));
  if (embedded.equals(wasm) && text.includes(`'${version}'`)) return;
  process.stderr.write('src/zstd/zstd-module.ts is not what @bokuweb/zstd-wasm has: run `node tools/embed-zstd.mjs`\n');
  process.exit(1);
}

function source() {
  return `// Made by tools/embed-zstd.mjs of @bokuweb/zstd-wasm. Do not edit.
// zstd: Copyright (c) Meta Platforms, Inc. and affiliates, BSD-3-Clause,
// https://github.com/facebook/zstd/blob/dev/LICENSE. Compiled by @bokuweb/zstd-wasm: Copyright (c) bokuweb, MIT,
// https://github.com/bokuweb/zstd-wasm.

/** The version of the package. */
export const zstdVersion: string = '${version}';

/** ${wasm.byteLength} bytes of WebAssembly, in brotli, in base64. */
export const zstdBrotliBase64: string =
  '${brotliCompressSync(wasm).toString('base64')}';
`;
}
