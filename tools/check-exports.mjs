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

function sectionOf({ name, file }) {
  const { values, types } = exportsOf(file);
  return [`## ${name}`, line('Values', values), line('Types', types)].filter(Boolean).join('\n\n');
}

function line(label, names) {
  return names.length === 0
    ? ''
    : `${label}: ${names
        .sort()
        .map((name) => `\`${name}\``)
        .join(', ')}.`;
}

/** Names are read off the file alone: `export *` is refused elsewhere, so nothing hides behind another file. */
function exportsOf(file) {
  const values = [];
  const types = [];
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, false);
  for (const statement of tree.statements) {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      for (const element of statement.exportClause.elements) {
        (statement.isTypeOnly || element.isTypeOnly ? types : values).push(element.name.text);
      }
    } else if (
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)
    ) {
      const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      const names = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
      (isType ? types : values).push(...names.map((declaration) => declaration.name.text));
    }
  }
  return { values, types };
}
