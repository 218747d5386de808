// docs/packages.md: what the installation of each package alone brings. Counts have to agree exactly; sizes may drift,
// by a little against the table, and never beyond a budget.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';
import { isPortable } from './portable.mjs';

const file = join(root, 'docs/packages.md');

/** Kilobytes that an installation may have, where somebody counts on it. */
const budgets = new Map([
  ['@slipway/push', 12_000],
  ['@slipway/reference', 300],
]);

/** How far a size may be from the one in the table before the table has to be written anew. */
const drift = 0.15;

export function checkTable(installed) {
  const problems = installed.flatMap(overBudget);
  const rows = installed.map(rowOf);
  if (process.argv.includes('--write')) {
    writeFileSync(file, textOf(rows));
    console.log('docs/packages.md: written');
    return problems;
  }
  const known = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('| ['))
    : [];
  if (known.length !== rows.length || rows.some((row, at) => !agrees(row, cellsOf(known[at])))) {
    problems.push('docs/packages.md is out of date: run `pnpm run gen:packages` and commit the result');
    for (const row of rows) if (!known.some((line) => agrees(row, cellsOf(line)))) problems.push(`  ${lineOf(row)}`);
  }
  return problems;
}

function overBudget({ name, bytes, native, scripts }) {
  const budget = budgets.get(name);
  const size = bytes / 1000;
  return [
    ...(budget !== undefined && size > budget
      ? [`${name} installs with ${Math.round(size)} kB, allowed are ${budget}`]
      : []),
    ...(native.length > 0 ? [`${name} brings native code: ${native.join(', ')}`] : []),
    ...(scripts.length > 0 ? [`${name} runs install scripts: ${scripts.join(', ')}`] : []),
  ];
}

function rowOf({ name, path, size, bytes, names, native, scripts }) {
  return [
    `[\`${name}\`](../${path})`,
    kilobytes(size),
    kilobytes(bytes),
    String(names.length - 1),
    native.join(', ') || 'none',
    scripts.join(', ') || 'none',
    isPortable(name),
  ];
}

function kilobytes(bytes) {
  return `${Math.max(1, Math.round(bytes / 1000))} kB`;
}

function agrees(row, known) {
  return row.every((cell, at) => cell === known[at] || (/ kB$/.test(cell) && isClose(cell, known[at])));
}

function isClose(a, b = '') {
  const [x, y] = [Number.parseInt(a, 10), Number.parseInt(b, 10)];
  return Math.abs(x - y) <= Math.max(5, y * drift);
}

function cellsOf(line = '') {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function lineOf(row) {
  return `| ${row.join(' | ')} |`;
}

function textOf(rows) {
  return `# What an installation brings

Each package installed alone, with npm, in an empty folder. *Tarball* is what is downloaded of the package itself, *installed*
all files of it and its dependencies, *dependencies* how many other packages come along.

<!-- Made by tools/check-packages.mjs --write, and checked in CI: counts exactly, sizes within 15 %. Do not edit. -->

| Package | Tarball | Installed | Dependencies | Native code | Install scripts | Runs in browsers |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map(lineOf).join('\n')}

\`@slipway/push\` may never need more than ${budgets.get('@slipway/push') / 1000} MB, \`@slipway/reference\` never more than ${budgets.get('@slipway/reference')} kB.
What runs in browsers is bundled for them, and run in Chromium, by the same check.
`;
}
