// Looks at the workflows of GitHub Actions: actions pinned to a commit, no right that is not named, no script inside
// YAML.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './workspace.mjs';

const folder = join(root, '.github/workflows');
const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;
const expression = '$' + '{{';
const ownScripts = ['install', ...Object.keys(scripts)];

if (process.argv.includes('--self-test')) selfTest();
else {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yml'));
  const problems = files.flatMap((name) =>
    faultsOf(readFileSync(join(folder, name), 'utf8')).map((fault) => `${name}: ${fault}`),
  );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`workflows: ${files.length} in order`);
}

function faultsOf(text) {
  const workflow = parse(text);
  const faults = [];
  const allowed = JSON.stringify(workflow.permissions);
  if (allowed !== '{"contents":"read"}') faults.push(`permissions are ${allowed}: give each job what it needs`);
  for (const [name, job] of Object.entries(workflow.jobs)) {
    if (job['timeout-minutes'] === undefined) faults.push(`${name} may run for six hours: give it \`timeout-minutes\``);
    for (const step of job.steps) faults.push(...faultsOfStep(step).map((fault) => `${name}: ${fault}`));
  }
  for (const line of text.split('\n')) {
    const pinned = /uses: +\S+@(\S+)(.*)/.exec(line);
    if (pinned !== null && !/^ # v\d+\.\d+\.\d+$/.test(pinned[2])) faults.push(`no version behind ${line.trim()}`);
  }
  return faults;
}

function faultsOfStep({ uses, run, with: inputs = {} }) {
  if (uses !== undefined && !/@[0-9a-f]{40}$/.test(uses)) return [`${uses} is not pinned to a commit`];
  return [run, inputs.version, inputs.publish].filter((text) => text !== undefined).flatMap(faultsOfCommand);
}

/** One command, which anybody can run on a checkout, and which exists. */
function faultsOfCommand(command) {
  if (command.trim().includes('\n')) return [`several commands: make a script of ${JSON.stringify(command)}`];
  if (command.includes(expression)) return [`an expression inside a command is open to injection: ${command}`];
  const named = /\bpnpm@\S+ (?:run )?(\S+)/.exec(command)?.[1];
  if (named !== undefined && !ownScripts.includes(named)) return [`package.json has no script ${named}`];
  return [];
}

function selfTest() {
  const step = (text) =>
    `permissions: { contents: read }\njobs:\n  a:\n    timeout-minutes: 1\n    steps:\n      - ${text}\n`;
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const good = [step(`uses: a/b@${commit} # v1.2.3`), step('run: npx --yes pnpm@10.34.9 test'), step('run: "true"')];
  const bad = [
    step('uses: a/b@v1 # v1.2.3'),
    step(`uses: a/b@${commit}`),
    step('run: npx --yes pnpm@10.34.9 run nothing-of-this-name'),
    step(`run: echo ${expression} github.head_ref }}`),
    step('run: "a\\nb"'),
    step('run: "true"').replace('    timeout-minutes: 1\n', ''),
    step('run: "true"').replace('{ contents: read }', 'write-all'),
    step('run: "true"').replace('permissions: { contents: read }\n', ''),
  ];
  for (const text of good) if (faultsOf(text).length > 0) throw new Error(`refused: ${faultsOf(text)}\n${text}`);
  for (const text of bad) if (faultsOf(text).length === 0) throw new Error(`let through:\n${text}`);
  console.log(`workflows: ${bad.length} bad ones refused, ${good.length} good ones let through`);
}
