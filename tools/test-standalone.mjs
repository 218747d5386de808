// Tests the executables that `pnpm build:standalone` made for this platform: that they are made the same again, and
// that the command line's suite passes with `slipway` in the place of Node and the bundle: all of it, or the files that
// are named. Closes with a count.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const made = join(root, 'dist/standalone');
const builder = join(root, 'tools/build-standalone.mjs');
/** About the npm package's own start on Node, what it loads there, or its bundle on other runtimes. */
const others = ['test/compiled.test.ts', 'test/thin-client.test.ts', 'test/runtimes.test.ts'];
/** The daemon's tests that start it as a program. */
const spawning = [
  'test/operation.test.ts',
  '--testNamePattern=check-config says|token create prints|standard output that|serves until SIGTERM',
];

const problems = [];
const count = { passed: 0, failed: 0, skipped: 0 };
const again = mkdtempSync(join(tmpdir(), 'slipway-again-'));
try {
  run(process.execPath, [builder, '--out', again], root);
  const [target] = readdirSync(again);
  for (const name of readdirSync(join(again, target))) {
    const isSame = readFileSync(join(again, target, name)).equals(readFileSync(join(made, target, name)));
    if (!isSame) problems.push(`${target}/${name} is another file when it is built again`);
  }
  const [executable, daemon] = ['slipway', 'slipwayd'].map((name) =>
    join(made, target, process.platform === 'win32' ? `${name}.exe` : name),
  );
  const excluded = others.flatMap((file) => ['--exclude', file]);
  const named = process.argv.slice(2);
  const files = named.length > 0 ? named : ['test'];
  testWith({ SLIPWAY_TEST_EXECUTABLE: executable }, 'apps/push-cli', [...files, ...excluded]);
  testWith({ SLIPWAY_TEST_DAEMON: daemon }, 'apps/push-server', spawning);
} finally {
  rmSync(again, { recursive: true, force: true });
}

const { passed, failed, skipped } = count;
if (process.env.CI === 'true' && skipped > 0) problems.push(`${skipped} tests were skipped: in CI that is a failure`);
for (const problem of problems) process.stderr.write(`standalone: ${problem}\n`);
process.stdout.write(`\nstandalone: ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
if (problems.length > 0) process.exitCode = 1;

function testWith(environment, member, args) {
  const folder = join(root, member);
  const results = join(folder, 'node_modules/.slipway-standalone/results.json');
  rmSync(results, { force: true });
  const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  run(
    process.execPath,
    [join(folder, 'node_modules/vitest/vitest.mjs'), 'run', ...args, ...report],
    folder,
    environment,
  );
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(results, 'utf8'));
  count.passed += numPassedTests;
  count.failed += numFailedTests;
  // Tests left out by their names are told as skipped.
  if (!args.some((arg) => arg.startsWith('--testNamePattern'))) count.skipped += numPendingTests + numTodoTests;
}

/** What it says is shown as it comes; a failure of it is a failure of this. */
function run(command, args, cwd, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exitCode = 1;
}
