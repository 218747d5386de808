// Generates docs/errors.md from the comments above each code in every `errors.ts`. With `--check`: only compares.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { filesBelow, members, settle } from './workspace.mjs';

/** The one form: `/** When: …. Retry: …. Do: …. *\/` */
const form = /^When: (?<when>.+?)\.? Retry: (?<retry>.+?)\.? Do: (?<action>.+?)\.?$/s;

const problems = [];
const sections = members().flatMap(sectionOf);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

settle(
  'docs/errors.md',
  `# Errors

Every failure carries a \`code\`: match on it, not on the class or the message. Codes are part of each package's contract:
a new one is a minor change, a renamed or removed one a major change. A wait that was aborted rejects with the reason of its
signal, unwrapped, and wrong arguments are \`TypeError\` or \`RangeError\`; neither has a code of ours.

<!-- Made by tools/gen-errors.mjs from each package's errors.ts. Do not edit. -->

${sections.join('\n\n')}
`,
  'tools/gen-errors.mjs',
);

function sectionOf({ folder, path, manifest }) {
  const source = join(folder, 'src');
  const rows = filesBelow(source)
    .filter((name) => /(?:^|\/)errors\.ts$/.test(name))
    // The package's own codes first, then those of its folders.
    .sort((a, b) => a.split('/').length - b.split('/').length || a.localeCompare(b))
    .flatMap((name) => rowsOf(join(source, name), `${path}/src/${name}`));
  if (rows.length === 0) return [];
  return [
    `## ${manifest.name}\n\n| Code | Class | When | Retry | Do |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}`,
  ];
}

function rowsOf(file, path) {
  const text = readFileSync(file, 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const classes = classesOf(tree);
  return codesOf(tree, text, path).map(({ code, when, retry, action }) => {
    const cells = [`\`${code}\``, throwersOf(code, classes), when, retry, action];
    return `| ${cells.map((cell) => cell.replace(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
  });
}

/** Members of the exported unions whose names end in `ErrorCode`. */
function codesOf(tree, text, path) {
  const codes = [];
  for (const statement of tree.statements) {
    if (!ts.isTypeAliasDeclaration(statement) || !/Codes?$/.test(statement.name.text)) continue;
    const members = ts.isUnionTypeNode(statement.type) ? statement.type.types : [statement.type];
    for (const member of members) {
      if (!ts.isLiteralTypeNode(member) || !ts.isStringLiteral(member.literal)) continue;
      const code = member.literal.text;
      const comment = commentBefore(member, text);
      const match = form.exec(comment ?? '');
      if (match === null)
        problems.push(`${path}: ${code}: expected a comment "When: … Retry: … Do: …", got ${JSON.stringify(comment)}`);
      else codes.push({ code, ...match.groups });
    }
  }
  return codes;
}

/** The text of the doc comment that stands before a union's member, its `|` between the two or not. */
function commentBefore(node, text) {
  const before = text
    .slice(0, node.getStart())
    .replace(/\|?\s*$/, '')
    .trimEnd();
  if (!before.endsWith('*/')) return undefined;
  const comment = before.slice(before.lastIndexOf('/**') + 3, -2);
  return comment
    .replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Error classes that have a code, with those that they name. */
function classesOf(tree) {
  return tree.statements
    .filter((statement) => ts.isClassDeclaration(statement) && /\bcode\b/.test(statement.getText()))
    .map((statement) => ({ name: statement.name.text, named: statement.getText().match(/\bERR_[A-Z0-9_]+\b/g) ?? [] }));
}

/** Classes that name the code, or else those that take any. */
function throwersOf(code, classes) {
  const naming = classes.filter(({ named }) => named.includes(code));
  const throwers = naming.length > 0 ? naming : classes.filter(({ named }) => named.length === 0);
  return (throwers.length > 0 ? throwers : classes).map(({ name }) => `\`${name}\``).join(', ');
}
