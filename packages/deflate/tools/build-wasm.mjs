// Compiles assembly/ and writes the modules into src/, where bundlers and workers find them without a file. Usage: node
// tools/build-wasm.mjs [--check] --check only compares: the committed modules must be what assembly/ makes.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = [
  { entry: 'assembly/index.ts', target: 'src/wasm-module.ts', name: 'wasmBase64', what: 'The encoder', pages: '48' },
  {
    entry: 'assembly/inflate/index.ts',
    target: 'src/inflate-module.ts',
    name: 'inflateBase64',
    what: 'The decoder',
    pages: '5',
  },
];

for (const { entry, target, name, what, pages } of modules) {
  const wasm = await compile(entry, pages);
  const source = `// Made by tools/build-wasm.mjs from assembly/. Do not edit.

/** ${what}, ${wasm.byteLength} bytes of WebAssembly, in base64. */
export const ${name}: string =
  '${Buffer.from(wasm).toString('base64')}';
`;
  if (!process.argv.includes('--check')) writeFileSync(join(folder, target), source);
  else if (read(join(folder, target)) !== source) {
    fail(`${target} is not what assembly/ makes: run \`pnpm --filter @slipway/deflate build:wasm\``);
  }
}

async function compile(entry, pages) {
  let wasm;
  const options = [
    ...[entry, '--outFile', 'module.wasm', '--baseDir', folder],
    ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd'],
    ...['--memoryBase', '1024', '--initialMemory', pages, '--maximumMemory', pages],
  ];
  const { error, stderr } = await asc.main(options, {
    readFile: (path, base) => read(join(base, path)),
    listFiles: () => [],
    writeFile: (_path, bytes) => {
      wasm = bytes;
    },
  });
  if (error) fail(`${stderr}\n${error.message}`);
  return wasm;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
