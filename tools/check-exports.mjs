// Lists what each package exports in docs/exports.md, so that a change of the surface shows in review.
// With `--check`: only compares.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { members, settle } from './workspace.mjs';

const entries = members()
  .filter(({ isApp }) => !isApp)
  .flatMap(entriesOf);
for (const { name, file } of entries) {
  if (existsSync(file)) continue;
  console.error(`${name}: ${file} is missing, though package.json exports it`);
  process.exit(1);
}

settle(
  'docs/exports.md',
  `# Exports

What each package offers: adding a name is a minor change, taking one away a major one.

<!-- Made by tools/check-exports.mjs from each package's entry files. Do not edit. -->

${entries.map(sectionOf).join('\n\n')}
`,
  'tools/check-exports.mjs',
);

/** The entry files of a package: `.` and its subpaths. */
function entriesOf({ folder, manifest }) {
  return Object.entries(manifest.exports ?? {})
    .filter(([, target]) => typeof target === 'object' && target['@slipway/source'])
    .map(([subpath, target]) => ({
      name: manifest.name + subpath.slice(1),
      file: join(folder, target['@slipway/source']),
    }));
}

/** One name a line: that is how a diff shows it. */
function sectionOf({ name, file }) {
  return `## ${name}\n\n\`\`\`ts\n${exportsOf(file).join('\n')}\n\`\`\``;
}

/** Names are read off the file alone: `export *` is refused elsewhere, so nothing hides behind another file. */
function exportsOf(file) {
  const lines = [];
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, false);
  for (const statement of tree.statements) {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      for (const element of statement.exportClause.elements) add(element, statement.isTypeOnly || element.isTypeOnly);
    } else if (isExported(statement)) {
      const declarations = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
      const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      for (const declaration of declarations) add(declaration, isType);
    }
  }
  return lines.sort();

  function add({ name }, isType) {
    lines.push(isType ? `type ${name.text}` : name.text);
  }
}

function isExported(statement) {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}
