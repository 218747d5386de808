// Makes `slipway` and `slipwayd` as executables that need no Node: the programs of `pnpm build`, joined with Bun.
//   node tools/build-standalone.mjs [--out FOLDER] [TARGET...|all]
// A target: linux-x64, linux-arm64-musl, darwin-arm64, windows-x64, …
// Nothing is downloaded but the npm packages of tools/runtimes, at the versions and digests of its lockfile.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bunFile, hostTarget, runtimes, targets } from './bun-targets.mjs';
import { bunNotice, noticesOf, packagesOf } from './third-party-notices.mjs';
import { root } from './workspace.mjs';

const { optionalDependencies } = JSON.parse(readFileSync(join(runtimes, 'package.json'), 'utf8'));

const bunVersion = optionalDependencies['@oven/bun-linux-x64'];

/**
 * With a `jitPolicy`, JavaScriptCore compiles code after it has run so many times as often as it would otherwise. A
 * push is short: what runs a thousand times in it is over before compiling it has paid, and compiling takes a core from
 * the encoder. One that turns out to be long goes back to 1 (apps/push-cli/src/push/runtime-for-many.ts).
 */
const programs = [
  { name: 'slipway', folder: join(root, 'apps/push-cli'), bundle: 'cli.cjs', jitPolicy: 100 },
  { name: 'slipwayd', folder: join(root, 'apps/push-server'), bundle: 'cli.mjs', jitPolicy: 1 },
];

/**
 * Variables by which Bun takes options, code or another role from the environment. They are for who runs Bun, not for
 * who runs Slipway: their names in the runtime are made ones that no shell can set.
 */
const foreignVariables = ['BUN_OPTIONS', 'BUN_BE_BUN', 'BUN_INSPECT'];

/** Nothing of the folder that a program is started in may change it. */
const runtimeFlags = ['dotenv', 'bunfig', 'tsconfig', 'package-json'].map((file) => `--no-compile-autoload-${file}`);

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const out = resolve(values.out ?? join(root, 'dist/standalone'));
const wanted = positionals.includes('all')
  ? [...targets.keys()]
  : positionals.length > 0
    ? positionals
    : [hostTarget()];
const work = mkdtempSync(join(tmpdir(), 'slipway-standalone-'));
try {
  const compiler = runtimeOf(hostTarget());
  for (const target of wanted) {
    const runtime = withoutForeignVariables(runtimeOf(target), target);
    for (const program of programs) build(program, target, compiler, runtime);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Where a target's Bun is, installed on demand. */
function runtimeOf(target) {
  const choice = targets.get(target);
  if (choice === undefined) throw new Error(`Expected a target of ${[...targets.keys()].join(', ')}; got ${target}`);
  const { name, os, cpu, libc } = choice;
  const file = bunFile(target);
  if (existsSync(join(runtimes, file))) return join(runtimes, file);
  const folder = target === hostTarget() ? runtimes : join(work, 'runtimes', target);
  if (folder !== runtimes) {
    mkdirSync(folder, { recursive: true });
    for (const each of ['package.json', 'pnpm-lock.yaml']) cpSync(join(runtimes, each), join(folder, each));
    const architectures = JSON.stringify({ os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) });
    writeFileSync(join(folder, 'pnpm-workspace.yaml'), `packages: []\nsupportedArchitectures: ${architectures}\n`);
  }
  run('npx', ['--yes', packageManager(), '--dir', folder, 'install', '--frozen-lockfile', '--prefer-offline'], folder);
  if (!existsSync(join(folder, file))) throw new Error(`@oven/${name} has no ${file}`);
  return join(folder, file);
}

function packageManager() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
}

function withoutForeignVariables(runtime, target) {
  const bytes = readFileSync(runtime);
  for (const name of foreignVariables) {
    let at = bytes.indexOf(name);
    if (at < 0) throw new Error(`Bun for ${target} does not read ${name} any more: look at what took its place`);
    for (; at >= 0; at = bytes.indexOf(name, at)) bytes.write('=', at, 'latin1');
  }
  const path = join(work, `bun-${target}`);
  writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

function build({ name, folder, bundle, jitPolicy }, target, compiler, runtime) {
  const { name: bunTarget, os } = targets.get(target);
  // Bun writes the entry's name into the executable: it is the same in every build.
  const stage = join(work, name);
  rmSync(stage, { recursive: true, force: true });
  cpSync(join(folder, 'dist'), join(stage, 'dist'), { recursive: true });
  cpSync(join(root, 'apps/push-cli/bin/about.cjs'), join(stage, 'about.cjs'));
  symlinkSync(join(folder, 'node_modules'), join(stage, 'node_modules'), 'junction');
  const isModule = bundle.endsWith('.mjs');
  const entry = `${name}.${isModule ? 'mjs' : 'cjs'}`;
  writeFileSync(join(stage, entry), entryOf(name, folder, bundle, ''));
  const common = ['--minify', '--external', '@bokuweb/zstd-wasm', '--define', '__dirname="/slipway"'];
  // What is bundled here beside what `pnpm build` bundled: the notices of all of it go into the executable.
  run(compiler, ['build', '--target=bun', '--outdir=found', '--metafile=meta.json', ...common, entry], stage);
  const { inputs } = JSON.parse(readFileSync(join(stage, 'meta.json'), 'utf8'));
  const packages = packagesOf(Object.keys(inputs).map((input) => realpathSync(resolve(stage, input))));
  const notices = noticesFor(folder, packages);
  writeFileSync(join(stage, entry), entryOf(name, folder, bundle, notices));
  const outfile = os === 'win32' ? `${name}.exe` : name;
  const compile = ['build', '--compile', '--bytecode', `--compile-executable-path=${runtime}`, ...runtimeFlags];
  compile.push(`--compile-jit-policy=${jitPolicy}`);
  compile.push(`--target=${bunTarget.replace('aarch64', 'arm64')}`, `--format=${isModule ? 'esm' : 'cjs'}`);
  run(compiler, [...compile, ...common, entry, '--outfile', outfile], stage);
  const file = join(out, target, outfile);
  mkdirSync(join(out, target), { recursive: true });
  cpSync(join(stage, outfile), file);
  chmodSync(file, 0o755);
  writeFileSync(join(out, target, `${name}.notices.txt`), notices);
  const bytes = readFileSync(file);
  const digest = createHash('sha256').update(bytes).digest('hex');
  process.stdout.write(`${file}  ${(bytes.byteLength / 1e6).toFixed(1)} MB  sha256:${digest}\n`);
}

/** The program's first file: it answers `--version` by itself, as bin/slipway.cjs does on Node. */
function entryOf(name, folder, bundle, notices) {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const bundled = readFileSync(join(folder, 'dist/bundled.json'), 'utf8');
  const isModule = bundle.endsWith('.mjs');
  return `${isModule ? "import { about, print } from './about.cjs'" : "const { about, print } = require('./about.cjs')"};
const name = ${JSON.stringify(name)}, version = ${JSON.stringify(version)};
const answer = about(process.argv.slice(2), { name, version, bundled: () => (${bundled}), notices: () => ${JSON.stringify(notices)} });
if (answer !== undefined) print(answer, { name });
else ${isModule ? 'await import' : 'require'}('./dist/${bundle}');
`;
}

function noticesFor(folder, packages) {
  const bundled = readFileSync(join(folder, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
  const others = noticesOf([bunNotice(bunVersion), ...packages], 'This executable also contains:');
  return `${bundled}\n${'='.repeat(80)}\n\n${others}`;
}

function run(command, args, cwd) {
  const { status, stderr, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${status}:\n${stdout}${stderr}`);
  return stdout;
}
