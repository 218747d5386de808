// Compiles a program that imports every entry of the packed packages, with what its authors may have: several compilers
// and settings, with all declarations checked.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';
import { run } from './run.mjs';

/** Of these no declaration needs `@types/node`, nor a library beyond ES2022. */
const withoutNode = new Set([
  '@slipway/arguments',
  '@slipway/digest-value',
  '@slipway/deflate',
  '@slipway/digest',
  '@slipway/reference',
  '@slipway/manifest',
  '@slipway/transfer',
  '@slipway/docker-credentials',
  '@slipway/file-lock',
  '@slipway/tracing',
]);

/** Entries of those packages that are about what Node has. */
const nodeEntries = new Set(['@slipway/manifest/schema1']);

/** What a README's line on installing has to say of `@types/node`. */
function toldWrongly({ name, path }) {
  const [line = ''] = readFileSync(join(root, path, 'README.md'), 'utf8').match(/^.*`pnpm add .*$/m) ?? [];
  const isTold = line.includes('TypeScript needs `@types/node`');
  const isNeeded = !withoutNode.has(name) || [...nodeEntries].some((entry) => entry.startsWith(`${name}/`));
  if (isTold === isNeeded) return [];
  return [`types: README of ${name}: TypeScript ${isNeeded ? 'needs' : 'needs no'} \`@types/node\``];
}

const compilers = ['typescript-5', 'typescript-7'];

/** `together` is a folder in which the packages are installed, without `@types/node`. */
export async function checkTypes(packages, together) {
  const problems = packages.flatMap(toldWrongly);
  const pure = packages.filter(({ name }) => withoutNode.has(name));
  const settings = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
  };
  for (const kind of ['nodenext', 'bundler']) {
    problems.push(...(await compile(together, pure, kind, settings)));
  }
  mkdirSync(join(together, 'node_modules/@types'), { recursive: true });
  symlinkSync(join(root, 'node_modules/@types/node'), join(together, 'node_modules/@types/node'));
  for (const kind of ['nodenext', 'node16', 'bundler']) {
    problems.push(...(await compile(together, packages, kind, { ...settings, lib: ['es2022'], types: ['node'] })));
  }
  return problems;
}

async function compile(folder, packages, kind, settings) {
  const hasNode = settings.types.includes('node');
  const entries = packages
    .flatMap(({ name }) => entriesOf(join(folder, 'node_modules', name), name))
    .filter((entry) => hasNode || !nodeEntries.has(entry));
  const program = entries.map((entry, at) => `import * as entry${at} from '${entry}';`).join('\n');
  const names = entries.map((_, at) => `entry${at}`).join(', ');
  writeFileSync(join(folder, 'user.mts'), `${program}\nexport const entries: readonly object[] = [${names}];\n`);
  const module = kind === 'bundler' ? { module: 'esnext', moduleResolution: 'bundler' } : { module: kind };
  const project = join(folder, `tsconfig.${kind}.json`);
  writeFileSync(project, JSON.stringify({ compilerOptions: { ...settings, ...module }, files: ['user.mts'] }));
  const problems = [];
  for (const compiler of compilers) {
    const { version, bin } = JSON.parse(readFileSync(join(root, 'node_modules', compiler, 'package.json'), 'utf8'));
    const tsc = join(root, 'node_modules', compiler, bin.tsc);
    const { code, output } = await run(process.execPath, [tsc, '-p', project], { cwd: folder });
    if (code !== 0)
      problems.push(`types: TypeScript ${version}, ${kind}, ${hasNode ? 'with' : 'without'} @types/node:\n${output}`);
  }
  return problems;
}

function entriesOf(folder, name) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.keys(exports).flatMap((subpath) => (subpath.endsWith('.json') ? [] : [name + subpath.slice(1)]));
}
