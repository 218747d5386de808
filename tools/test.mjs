// Runs the tests of every package and closes with one count over all of them.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inParallel } from './packed/run.mjs';

const members = [...['packages', 'apps', 'examples'].flatMap(membersIn), 'action', 'docs/site'];
for (const member of members) rmSync(resultsOf(member), { recursive: true, force: true });

const filters = process.argv.slice(2).filter((argument) => argument !== '--');
/** Suites that take minutes begin first, so that none of them is left to run alone at the end. */
const longest = ['@slipway/server', 'slipway', '@slipway/push', '@slipway/registry-client', '@slipway/image-source'];
/** One more than most machines of CI have cores: many tests wait, for a daemon's death or before a retry. */
const suitesAtOnce = 3;
const isBuilt = await shown(['build', '--output-logs=errors-only', ...filters]);
const suites = isBuilt ? await chosenSuites() : [];
const ends = await inParallel(suites, suitesAtOnce, (name) =>
  shown(['test', '--only', '--output-logs=new-only', `--filter=${name}`]),
);
const isWell = isBuilt && ends.every(Boolean);

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
process.exitCode = isWell && count.failed === 0 && silent === 0 && !mustNotSkip ? 0 : 1;

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

/** The packages with tests among those that the filters let through, the longest first. */
async function chosenSuites() {
  const { status, output } = await turbo(['test', '--only', '--dry=json', ...filters]);
  if (status !== 0) throw new Error(`turbo cannot say what it would test:\n${output}`);
  const names = JSON.parse(output)
    .tasks.filter(({ task, command }) => task === 'test' && command !== '<NONEXISTENT>')
    .map((task) => task.package);
  return [...longest.filter((name) => names.includes(name)), ...names.filter((name) => !longest.includes(name))];
}

/** Prints at its end what it said, so that lines of several do not mix. Resolves to whether all went well. */
async function shown(args) {
  const { status, output } = await turbo(args);
  process.stdout.write(output);
  return status === 0;
}

/** What it runs sees the variables that `turbo.json` lets through. */
function turbo(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('turbo', ['run', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.pipe(process.stderr);
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}
