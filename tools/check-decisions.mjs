// Each decision has a number of its own, which its title bears, and whoever names a decision names one that exists.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './workspace.mjs';

const folder = join(root, 'docs/decisions');
const pages = filesBelow(folder).filter((name) => name !== 'README.md');
const numbers = new Map();
const problems = [];
for (const page of pages) {
  const number = page.slice(0, 4);
  if (numbers.has(number)) problems.push(`${page} has the number of ${numbers.get(number)}`);
  numbers.set(number, page);
  const [title] = readFileSync(join(folder, page), 'utf8').split('\n');
  if (!title.startsWith(`# ${number} · `)) problems.push(`${page} is titled ${JSON.stringify(title)}`);
}
for (const part of ['docs', 'packages', 'apps', 'examples', 'tools', '.']) {
  for (const file of part === '.'
    ? ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md']
    : textsBelow(part)) {
    const text = readFileSync(join(root, part, file), 'utf8');
    for (const [named, number] of text.matchAll(/\bdecisions? (\d{4})\b/gi)) {
      if (!numbers.has(number)) problems.push(`${part}/${file} names ${named}, which does not exist`);
    }
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`decisions: ${pages.length}, each with a number of its own`);

function textsBelow(part) {
  return filesBelow(join(root, part)).filter(
    (name) => /\.(?:md|ts|mjs)$/.test(name) && !/(?:^|\/)(?:node_modules|dist)\//.test(name),
  );
}
