// Packs every package that is published, as npm would get it, and looks at the result with publint and attw.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { members, root } from './workspace.mjs';

const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
const published = members().filter(({ manifest }) => !manifest.private);
const waiting = [...published];
let failed = 0;

await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
if (failed === 0) console.log(`packages: ${published.length} fit to publish`);
else process.exitCode = 1;

async function work() {
  for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
    const problems = await check(member);
    for (const problem of problems) console.error(`${member.path}: ${problem}`);
    if (problems.length > 0) failed += 1;
  }
}

async function check({ folder, isApp }) {
  if (!existsSync(join(folder, 'dist'))) return ['dist/ is missing: run `pnpm build` first'];
  const target = mkdtempSync(join(tmpdir(), 'check-packages-'));
  try {
    const packed = await run(...pnpm('pack', '--pack-destination', target), folder);
    const [name] = readdirSync(target);
    if (packed.code !== 0 || name === undefined) return [`pnpm pack failed:\n${packed.output}`];
    const tarball = join(target, name);
    const problems = await lint(tarball);
    // A program has no types that anyone could import.
    if (!isApp) problems.push(...(await checkTypes(tarball)));
    return problems;
  } finally {
    rmSync(target, { recursive: true });
  }
}

/** Suggestions are left out: they are matters of taste. */
async function lint(tarball) {
  const bytes = readFileSync(tarball);
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: data }, level: 'warning', strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg)}`);
}

async function checkTypes(tarball) {
  const { code, output } = await run(
    process.execPath,
    [attw, tarball, '--profile', 'esm-only', '--no-color', '--no-emoji'],
    root,
  );
  return code === 0 ? [] : [`attw:\n${output}`];
}

/** The pnpm that runs this script, or else the one on the path. */
function pnpm(...args) {
  const self = process.env.npm_execpath ?? '';
  if (!/pnpm[^/\\]*$/.test(self)) return ['pnpm', args];
  return /\.[cm]?js$/.test(self) ? [process.execPath, [self, ...args]] : [self, args];
}

function run(file, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, npm_config_verify_deps_before_run: 'false' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
