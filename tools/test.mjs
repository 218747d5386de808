// Runs the tests of every package and closes with one count over all of them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const members = [...['packages', 'apps', 'examples'].flatMap(membersIn), 'action', 'docs/site'];
for (const member of members) rmSync(resultsOf(member), { recursive: true, force: true });

const filters = process.argv.slice(2).filter((argument) => argument !== '--');
const turbo = ['run', 'test', '--output-logs=new-only', '--log-order=grouped', '--continue', '--concurrency=2'];
const { status } = spawnSync('turbo', [...turbo, ...filters], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});

const count = { passed: 0, failed: 0, skipped: 0 };
let silent = 0;
for (const member of members) {
  if (!existsSync(join(resultsOf(member), 'results.json'))) {
    if (filters.length === 0) {
      process.stderr.write(`${member}: its tests left no result\n`);
      silent += 1;
    }
    continue;
  }
  const results = readResult(member, 'results.json');
  count.passed += results.numPassedTests;
  count.failed += results.numFailedTests;
  count.skipped += results.numPendingTests + results.numTodoTests;
  // A file that fails before its first test has no failed test of its own.
  count.failed += results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  for (const file of results.testResults) for (const test of file.assertionResults) report(member, test);
  // Thrown outside of any test, as by a stream that nobody listens to: the run has failed, though no test has.
  for (const error of readResult(member, 'stray-errors.json')) {
    count.failed += 1;
    process.stderr.write(`FAILED ${member}, outside of its tests: ${error}\n`);
  }
}
const mustNotSkip = process.env.CI === 'true' && count.skipped > 0;
if (mustNotSkip) process.stderr.write(`${count.skipped} tests were skipped: in CI that is a failure\n`);
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`);
process.exitCode = status === 0 && count.failed === 0 && silent === 0 && !mustNotSkip ? 0 : 1;

function membersIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory() && hasTests(path));
}

function hasTests(path) {
  const manifest = join(path, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).scripts?.test !== undefined;
}

function resultsOf(member) {
  return join(member, 'node_modules/.slipway-test');
}

function readResult(member, name) {
  return JSON.parse(readFileSync(join(resultsOf(member), name), 'utf8'));
}

function report(member, test) {
  if (test.status === 'failed') process.stderr.write(`FAILED ${member}: ${test.fullName}\n`);
  else if (test.status !== 'passed') process.stderr.write(`skipped ${member}: ${test.fullName}\n`);
}
