// Compiles assembly/ and writes the module into src/wasm-module.ts, where bundlers and workers find it without a file.
// Usage: node tools/build-wasm.mjs [--check]   --check only compares: the committed module must be what assembly/ makes.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(folder, 'src/wasm-module.ts');
const pages = '48';
const options = [
  ...['assembly/index.ts', '--outFile', 'deflate.wasm', '--baseDir', folder],
  ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd'],
  ...['--memoryBase', '1024', '--initialMemory', pages, '--maximumMemory', pages],
];

let wasm;
const { error, stderr } = await asc.main(options, {
  readFile: (name, base) => read(join(base, name)),
  listFiles: () => [],
  writeFile: (_name, bytes) => {
    wasm = bytes;
  },
});
if (error) {
  process.stderr.write(`${stderr}\n${error.message}\n`);
  process.exit(1);
}

const source = `// Made by tools/build-wasm.mjs from assembly/. Do not edit.

/** The encoder, ${wasm.byteLength} bytes of WebAssembly, in base64. */
export const wasmBase64: string =
  '${Buffer.from(wasm).toString('base64')}';
`;
if (!process.argv.includes('--check')) writeFileSync(target, source);
else if (read(target) !== source) {
  process.stderr.write(
    'src/wasm-module.ts is not what assembly/ makes: run `pnpm --filter @slipway/deflate build:wasm`\n',
  );
  process.exit(1);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
