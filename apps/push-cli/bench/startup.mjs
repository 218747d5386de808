// How long the program takes to start: for its version, its help, a file that is missing, and a question to a slipwayd.
// The cases take turns, as machines are faster at one time than at another.
// Run: pnpm build && node apps/push-cli/bench/startup.mjs [runs [another dist/cli.cjs's bin/slipway.cjs]]
// Needs GNU time in /usr/bin/time.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 15);
const programs = [fileURLToPath(new URL('../bin/slipway.cjs', import.meta.url)), ...process.argv.slice(3)];
const folder = mkdtempSync(join(tmpdir(), 'slipway-start-'));
const socket = join(folder, 's.sock');
const slipwayd = fileURLToPath(new URL('../../push-server/bin/slipwayd.cjs', import.meta.url));
const daemon = spawn(process.execPath, [slipwayd, '--host', `unix://${socket}`, '--data-dir', join(folder, 'data')], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
process.on('exit', () => {
  daemon.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (let log = ''; !log.includes('slipwayd listens'); ) log += (await once(daemon.stderr, 'data'))[0];

const missing = ['push', 'missing.tar', '127.0.0.1:1/x', '--no-cache', '--quiet'];
const cases = [
  ['node -e 0', ['-e', '0']],
  ...programs.flatMap((program, at) => [
    [`slipway --version${at === 0 ? '' : ` (${at})`}`, [program, '--version']],
    [`slipway push --help${at === 0 ? '' : ` (${at})`}`, [program, 'push', '--help']],
    [`slipway job list${at === 0 ? '' : ` (${at})`}`, [program, 'job', 'list', '--daemon', `unix://${socket}`]],
    [`slipway push missing.tar x${at === 0 ? '' : ` (${at})`}`, [program, ...missing]],
  ]),
].map(([name, args]) => ({ name, args, found: [] }));

for (let run = 0; run <= runs; run += 1) {
  for (const { args, found } of cases) {
    const { stderr } = spawnSync('/usr/bin/time', ['-f', '%e %U %S %R', process.execPath, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    const [seconds, user, system, faults] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
    if (run > 0) found.push({ seconds, cpu: user + system, faults }); // the first one compiles
  }
}

console.log(`Node ${process.version}, ${runs} runs each: medians of wall time, CPU time, page faults`);
for (const { name, found } of cases) {
  const median = (key) => found.map((each) => each[key]).sort((a, b) => a - b)[Math.floor(runs / 2)];
  const [seconds, cpu, faults] = ['seconds', 'cpu', 'faults'].map(median);
  console.log(`${name.padEnd(32)} ${seconds.toFixed(2)} s  ${cpu.toFixed(2)} s  ${faults}`);
}
process.exit();
