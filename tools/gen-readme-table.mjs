// Fills the table of packages in README.md, between its two marks, from the package.json files. With `--check`: only
// compares.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { floors, members, root, settle } from './workspace.mjs';

const start = '<!-- packages:start -->';
const end = '<!-- packages:end -->';
const file = join(root, 'README.md');

const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
const from = text?.indexOf(start) ?? -1;
const to = text?.indexOf(end, from) ?? -1;
if (from < 0 || to < 0) {
  console.error(text === undefined ? 'README.md is missing' : `README.md: expected ${start} and, after it, ${end}`);
  process.exitCode = 1;
} else {
  settle(
    'README.md',
    `${text.slice(0, from + start.length)}\n${table()}\n${text.slice(to)}`,
    'tools/gen-readme-table.mjs',
  );
}

function table() {
  const rows = members().map(({ path, manifest }) => {
    const note = manifest.private ? ' (private)' : '';
    return `| ${floors.get(manifest.name) ?? ''} | [\`${manifest.name}\`](${path})${note} | ${manifest.description} |`;
  });
  return `| Floor | Package | What it does |\n| --- | --- | --- |\n${rows.join('\n')}`;
}
