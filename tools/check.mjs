// Runs all checks but the tests: those of a stage side by side, for few of them keep more than one core busy. What one
// prints is shown at its end. All of them run, and those that failed are named at the end.
import { pnpm } from './packed/pack.mjs';
import { run } from './packed/run.mjs';
import { root } from './workspace.mjs';

/** Rows of scripts of package.json; those of the second stage need what is built, or may not meet half of it. */
const stages = [
  [['build'], ['lint', 'typecheck']],
  [
    ['check:packages', 'check:docs'],
    ['check:floors', 'check:unused', 'check:workflows', 'check:api', 'build:site'],
  ],
];

const failed = [];
for (const rows of stages) await Promise.all(rows.map(runRow));
for (const script of failed) console.error(`FAILED ${script}`);
if (failed.length > 0) process.exitCode = 1;

async function runRow(scripts) {
  for (const script of scripts) {
    const { code, output } = await run(...pnpm('run', script), { cwd: root });
    process.stdout.write(output);
    if (code !== 0) failed.push(script);
  }
}
