// How long the program takes to say its version, its help, and that a file is missing; and how much of it that loads.
// Run: pnpm --filter slipway build && node bench/startup.mjs [runs]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../bin/slipway.cjs', import.meta.url));
const runs = Number(process.argv[2] ?? 15);
const cases = [
  ['node, nothing else', ['-e', '0']],
  ['slipway --version', [program, '--version']],
  ['slipway push --help', [program, 'push', '--help']],
  ['slipway push missing.tar x', [program, 'push', 'missing.tar', '127.0.0.1:1/x', '--no-cache', '--quiet']],
];

console.log(`Node ${process.version}, ${runs} runs each: median (fastest to slowest), files of dist/ loaded`);
for (const [name, args] of cases) {
  const times = Array.from({ length: runs }, () => timeOf(args)).sort((a, b) => a - b);
  const at = (share) => Math.round(times[Math.floor(share * (times.length - 1))]);
  console.log(`${name.padEnd(28)} ${at(0.5)} ms (${at(0)} to ${at(1)})  ${filesLoaded(args)}`);
}

function timeOf(args) {
  const start = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - start;
}

function filesLoaded(args) {
  const { stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, NODE_DEBUG: 'esm' },
    encoding: 'utf8',
  });
  return new Set(stderr.match(/\/dist\/[\w.-]+\.mjs/g)).size;
}
